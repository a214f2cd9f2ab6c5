"""The checks that only a listing of the whole bucket can evaluate.

`sync` and the sensor record their verdicts; a run, which lists less, repeats them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.left_out import LeftOut
from analytics_pipeline.warehouse.checks import Check, Kind, Severity, read, record
from analytics_pipeline.warehouse.left_out_check import LEFT_OUT, left_out_checks
from analytics_pipeline.warehouse.rewritten_check import REWRITTEN, has_courses, rewritten_checks

FROM_LISTING = (LEFT_OUT, REWRITTEN)
"""Names of these checks."""


def listing_checks(files: Iterable[Delivery], left_out: Iterable[LeftOut]) -> list[Check]:
    """Return the verdicts on a listing of the whole bucket.

    Args:
        files: the newest file of each partition.
        left_out: the files that are not loaded.
    """
    return [*left_out_checks(left_out), *rewritten_checks(files)]


def names_of(dataset: Dataset) -> list[str]:
    """Return the names of a dataset's checks."""
    return [LEFT_OUT] * bool(dataset.period) + [REWRITTEN] * has_courses(dataset)


def record_listing_checks(
    connection: duckdb.DuckDBPyConnection, checks: Sequence[Check], now: datetime
) -> None:
    """Record the verdicts on a listing of the whole bucket in `ops.checks` (`now`: UTC, naive)."""
    record(connection, Kind.FEED, checks, now, names=FROM_LISTING)


def recorded_checks(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Check]:
    """Return the recorded verdicts on a dataset."""
    recorded = {(check.name, check.subject): check for check in read(connection)}
    return [
        recorded.get((name, dataset.table)) or _unknown(name, dataset) for name in names_of(dataset)
    ]


def _unknown(name: str, dataset: Dataset) -> Check:
    text = "The whole bucket has not been listed yet."
    return Check(name, dataset.table, Kind.FEED, Severity.WARN, True, None, text)
