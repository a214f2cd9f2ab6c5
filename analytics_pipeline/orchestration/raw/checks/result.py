"""Convert verdicts to Dagster check results, and those to rows of `ops.checks`."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.warehouse.checks import Check, Kind, Severity

REMEDY = "remedy"
"""Metadata key of a result: its remedy."""


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


def _rows(result: dg.AssetCheckResult) -> int | None:
    """Return the number of rows of a verdict, if it counts rows."""
    counted = [
        result.metadata[name].value for name in ("rejects", "warnings") if name in result.metadata
    ]
    return next((value for value in counted if isinstance(value, int)), None)
