"""A verdict on a dataset as Dagster's check result, with its remedy apart, so that `ops.checks` keeps it in a column of its own."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.warehouse.checks import Check, Kind, Severity

REMEDY = "remedy"
"""Metadata of a result: what a person should do."""


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
    """Return a result whose description is what was found, and then what to do.

    Args:
        key: the asset.
        name: of the check.
        passed: the verdict.
        text: what was found.
        remedy: what to do; left out where the check passes.
        severity: how bad it is when it fails.
        metadata: figures and tables beside the description.
    """
    remedy = "" if passed else remedy
    apart = "\n" if "\n" in text or "\n" in remedy else " "
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=passed,
        severity=severity,
        description=f"{text}{apart}{remedy}" if remedy else text,
        metadata={**(metadata or {}), **({REMEDY: remedy} if remedy else {})},
    )


def recorded(dataset: Dataset, result: dg.AssetCheckResult) -> Check:
    """Return the same verdict as `ops.checks` holds it; the texts name files, lines and remedies, and no value of a record."""
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
    """How many rows a verdict is about, where it counts rows."""
    counted = [result.metadata[name].value for name in ("rejects", "warnings") if name in result.metadata]
    return next((value for value in counted if isinstance(value, int)), None)
