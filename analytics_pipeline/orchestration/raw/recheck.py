"""Report verdicts that changed without a run: a person closed a file, a listing withdrew a failure,
or a file became late.

Whatever removes a failure tells Dagster in the same step, so that check, UI and alert agree with
the warehouse. `checks/` evaluates the checks.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg
import duckdb

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.raw.checks.delivery import (
    DELIVERED,
    NEWEST,
    delivery_check_results,
)
from analytics_pipeline.orchestration.raw.checks.result import (
    OF_THE_FEED,
    last_evaluation,
    of_check,
    recorded,
)
from analytics_pipeline.orchestration.raw.checks.rows import REJECTS, SCHEMA, check_results
from analytics_pipeline.orchestration.resources import WarehouseResource
from analytics_pipeline.warehouse.checks import Check, Kind, record

SETTLED_WITHOUT_A_RUN = frozenset({SCHEMA, REJECTS, DELIVERED, *OF_THE_FEED})
"""Checks of failed files and listings, which commands and listings change. NEWEST follows from the
clock, and for a snapshot also from the listing. The others follow from what a run loads."""


def report_settled_checks(
    instance: dg.DagsterInstance,
    location: Location,
    connection: duckdb.DuckDBPyConnection,
    now: datetime,
    listed: Sequence[Delivery] = (),
) -> None:
    """Evaluate these checks again, and report each whose recorded result is outdated.

    A check that was never evaluated stays so.

    Args:
        instance: stores the results.
        location: the code location whose checks they are.
        connection: the live warehouse, whose `ops.checks` gets the results too.
        now: UTC, naive.
        listed: what the bucket was found to hold; may be a part of it, or nothing.
    """
    for dataset in DATASETS.values():
        key, theirs = location.asset_key(dataset), [d for d in listed if d.dataset is dataset]
        outdated = list(_outdated(instance, key, connection, dataset, now, theirs))
        for result in outdated:
            instance.report_runless_asset_event(_evaluation(result))
        fresh = [
            recorded(dataset, result) for result in outdated if result.check_name not in OF_THE_FEED
        ]
        if fresh:
            names = {check.name for check in fresh}
            record(connection, Kind.LOAD, fresh, now, subject=dataset.table, names=names)


def report_listing(
    instance: dg.DagsterInstance,
    location: Location,
    warehouse: WarehouseResource,
    checks: Sequence[Check],
) -> None:
    """Record and report verdicts on a listing of the whole bucket, if Dagster's last ones differ.

    A check that was never evaluated is not reported. While others write the warehouse, nothing is
    done: the next listing tries again.

    Args:
        instance: stores the results.
        location: the code location whose checks they are.
        warehouse: its `ops.checks` gets the verdicts too.
        checks: the verdicts of all checks of a listing.
    """
    keys = {dataset.table: location.asset_key(dataset) for dataset in DATASETS.values()}
    outdated = [
        result
        for result in (of_check(keys[check.subject], check) for check in checks)
        if _differs(instance, result)
    ]
    if outdated and warehouse.record_listing_checks(checks):
        for result in outdated:
            instance.report_runless_asset_event(_evaluation(result))


def _outdated(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    now: datetime,
    listed: Sequence[Delivery],
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results that differ from the last ones in Dagster."""
    settled = SETTLED_WITHOUT_A_RUN | ({NEWEST} if dataset.period or listed else set())
    for result in (
        *check_results(connection, dataset, key, ()),
        *delivery_check_results(connection, dataset, key, listed, now.replace(tzinfo=UTC)),
    ):
        if result.check_name in settled and _differs(instance, result):
            yield result


def _differs(instance: dg.DagsterInstance, result: dg.AssetCheckResult) -> bool:
    """Return whether a check's result differs from its last one; False if it has none."""
    assert result.asset_key and result.check_name  # `check_result` sets both
    last = last_evaluation(instance, dg.AssetCheckKey(result.asset_key, result.check_name))
    if last is None or (last.passed and result.passed and result.check_name == NEWEST):
        return False  # a snapshot that was written again has another text, and the same verdict
    found = (result.passed, result.severity, result.description or "")
    return (last.passed, last.severity, last.text) != found


def _evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    assert result.asset_key and result.check_name  # `check_result` sets both
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
    )
