"""Convert verdicts to Dagster check results, and those to rows of `ops.checks`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.orchestration.dagster_private import AssetCheckExecutionRecordStatus
from analytics_pipeline.warehouse.checks import Check, Kind, Severity
from analytics_pipeline.warehouse.listing_checks import FROM_LISTING
from analytics_pipeline.warehouse.lost_check import LOST

_JUDGED = {
    AssetCheckExecutionRecordStatus.SUCCEEDED,
    AssetCheckExecutionRecordStatus.FAILED,
}
OF_THE_FEED = frozenset({LOST, *FROM_LISTING})
"""Checks that a comparison with the bucket records in `ops.checks`. Loads record the others."""
REMEDY = "remedy"
"""Metadata key of a result: its remedy."""
FAILED_FILES = "failed_files"
"""Metadata key of a result that is only about files that could not be loaded: the table of them.
Their runs failed, and reported them."""


def check_result(
    key: dg.AssetKey,
    name: str,
    *,
    passed: bool,
    text: str,
    remedy: str = "",
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetCheckResult:
    """Return a result whose description is the finding, followed by the remedy.

    Args:
        key: the asset.
        name: name of the check.
        passed: the verdict.
        text: the finding.
        remedy: the remedy; omitted if the check passes.
        severity: severity of a failure.
        metadata: figures and tables next to the description.
    """
    remedy = "" if passed else remedy
    separator = "\n" if "\n" in text or "\n" in remedy else " "
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=passed,
        severity=severity,
        description=f"{text}{separator}{remedy}" if remedy else text,
        metadata={**(metadata or {}), **({REMEDY: remedy} if remedy else {})},
    )


def of_check(
    key: dg.AssetKey, check: Check, metadata: Mapping[str, Any] | None = None
) -> dg.AssetCheckResult:
    """Return the result of a verdict in the form of `ops.checks`."""
    return check_result(
        key,
        check.name,
        passed=check.passed,
        severity=dg.AssetCheckSeverity[check.severity.name],
        text=check.text,
        remedy=check.remedy,
        metadata=metadata,
    )


def recorded(dataset: Dataset, result: dg.AssetCheckResult) -> Check:
    """Return the verdict in the form of `ops.checks`.

    Its texts name files, lines and remedies, but no value of a record.
    """
    remedy = str(result.metadata[REMEDY].value) if REMEDY in result.metadata else ""
    return Check(
        name=result.check_name or "",
        subject=dataset.table,
        kind=Kind.LOAD,
        severity=Severity[result.severity.name],
        passed=result.passed,
        violations=_rows(result),
        text=(result.description or "").removesuffix(remedy).rstrip(),
        remedy=remedy,
    )


@dataclass(frozen=True)
class Evaluation:
    """The last result of a check in Dagster.

    Attributes:
        passed: the verdict.
        severity: severity of a failure.
        text: the finding.
        metadata: figures and tables.
        run_id: run that evaluated it; empty if none did.
    """

    passed: bool
    severity: dg.AssetCheckSeverity
    text: str
    metadata: Mapping[str, dg.MetadataValue[Any]]
    run_id: str


def last_evaluation(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> Evaluation | None:
    """Return the last result of a check; None if it was never evaluated.

    A run in flight has planned the next evaluation, which has no result yet.
    """
    records = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=1, status=_JUDGED
    )
    event = records[0].event.dagster_event if records and records[0].event else None
    if event is None:
        return None
    found = event.asset_check_evaluation_data
    text = found.description or ""
    return Evaluation(found.passed, found.severity, text, found.metadata, records[0].run_id)


def _rows(result: dg.AssetCheckResult) -> int | None:
    """Return the number of rows of a verdict, if it counts rows."""
    counted = [
        result.metadata[name].value for name in ("rejects", "warnings") if name in result.metadata
    ]
    return next((value for value in counted if isinstance(value, int)), None)
