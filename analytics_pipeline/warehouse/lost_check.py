"""The check `nothing_lost`: what is missing from each dataset, as recorded in `ops.checks`."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.absence import Absence
from analytics_pipeline.warehouse import checks
from analytics_pipeline.warehouse.absences import OpenAbsence, is_damage, open_absences
from analytics_pipeline.words import named

LOST = "nothing_lost"
"""Name of the check that reports absences."""
NAMED = 20
"""Maximum number of files that a message names."""


def lost_check(dataset: Dataset, absences: Sequence[Absence]) -> checks.Check:
    """Return the verdict on a dataset: which files are missing, held or copies, and the remedy."""
    lines = (f"{absence.source_key}: {absence.detail}." for absence in absences)
    return checks.Check(
        name=LOST,
        subject=dataset.table,
        kind=checks.Kind.FEED,
        severity=(
            checks.Severity.WARN
            if absences and not any(map(is_damage, absences))
            else checks.Severity.ERROR
        ),
        passed=not absences,
        violations=None,
        text=named(lines, NAMED, "\n")
        or "Everything that was loaded is still delivered, and no version lost rows or money.",
        remedy="\n".join(dict.fromkeys(absence.remedy for absence in absences[:NAMED])),
    )


def record_lost_check(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Record the absences in `ops.checks`, except held versions, which are failed files."""
    verdicts = lost_checks(open_absences(connection))
    checks.record(connection, checks.Kind.FEED, verdicts, now, names=[LOST])


def lost_checks(absences: Iterable[OpenAbsence]) -> list[checks.Check]:
    """Return the verdict on every dataset, without held versions, which are failed files."""
    reported = [absence for absence in absences if not absence.held]
    return [
        lost_check(dataset, [absence for absence in reported if absence.dataset == name])
        for name, dataset in DATASETS.items()
    ]
