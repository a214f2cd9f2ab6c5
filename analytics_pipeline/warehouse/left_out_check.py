"""The check `nothing_left_out`: delivered files that are recognised and yet not loaded.

Only a listing of the whole bucket tells. `sync` and the sensor record the verdict; a run, which
lists less, repeats it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.left_out import LeftOut, lines
from analytics_pipeline.warehouse.checks import Check, Kind, Severity, read, record, with_times

LEFT_OUT = "nothing_left_out"
"""Name of the check that reports delivered files that are not loaded."""


def left_out_check(dataset: Dataset, files: Sequence[LeftOut]) -> Check:
    """Return the verdict on a dataset; it fails if data may be missing."""
    said = lines(files)
    warned = [remedy for _, remedy in lines(file for file in files if file.warns)]
    return _check(
        dataset,
        not warned,
        "\n".join(text for text, _ in said) or "No delivered file is left out.",
        "\n".join(dict.fromkeys(warned)),
    )


def recorded_left_out(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> Check:
    """Return the recorded verdict on a dataset."""
    unknown = _check(dataset, True, "The whole bucket was not listed yet.", "")
    place = (LEFT_OUT, dataset.table)
    return next((c for c in read(connection) if (c.name, c.subject) == place), unknown)


def _check(dataset: Dataset, passed: bool, text: str, remedy: str) -> Check:
    return Check(
        name=LEFT_OUT,
        subject=dataset.table,
        kind=Kind.FEED,
        severity=Severity.WARN,
        passed=passed,
        violations=None,
        text=text,
        remedy=remedy,
    )


def left_out_checks(files: Iterable[LeftOut]) -> list[Check]:
    """Return the verdict on every dataset with days or months; a snapshot leaves nothing out."""
    found = list(files)
    return [
        left_out_check(dataset, [file for file in found if file.dataset == name])
        for name, dataset in DATASETS.items()
        if dataset.period
    ]


def record_left_out(
    connection: duckdb.DuckDBPyConnection, files: Iterable[LeftOut], now: datetime
) -> None:
    """Record the verdicts on a listing of the whole bucket in `ops.checks` (`now`: UTC, naive)."""
    record(connection, Kind.FEED, left_out_checks(files), now, name=LEFT_OUT)


def with_left_out(checks: Sequence[Check], files: Iterable[LeftOut], now: datetime) -> list[Check]:
    """Replace recorded verdicts by those of a new listing (`now`: UTC, naive). Writes nothing."""
    recorded = {check.subject: check for check in checks if check.name == LEFT_OUT}
    fresh = [
        with_times(check, recorded.get(check.subject), now) for check in left_out_checks(files)
    ]
    others = [check for check in checks if check.name != LEFT_OUT]
    return sorted([*others, *fresh], key=lambda check: (check.subject, check.name))
