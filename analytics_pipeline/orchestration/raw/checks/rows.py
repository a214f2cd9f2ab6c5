"""Checks of each raw asset's rows, from its pandera model and the ledger.

They cover the whole dataset, so that a failing file stays red until it is loaded, whatever other
partitions a run loads. `models/assets.py` has the checks of models, `delivery.py` those of
completeness and freshness.
"""

from collections.abc import Sequence

import dagster as dg
import duckdb

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.quarantine_limit import MAX_REJECT_SHARE, MAX_REJECTS
from analytics_pipeline.orchestration.raw.checks.result import FAILED_FILES, check_result
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.warehouse.absences import held_versions, open_absences
from analytics_pipeline.warehouse.ledger import FailedFile, failed_files
from analytics_pipeline.warehouse.quality import Reason, reasons, totals, unaccounted
from analytics_pipeline.words import counted

SCHEMA, ACCOUNTED, REJECTS, WARNINGS = (
    "schema",
    "rows_accounted_for",
    "rejects_under_limit",
    "warnings",
)


def check_specs(dataset: Dataset, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Return the checks with their descriptions."""
    model = f"analytics_pipeline/datasets/{dataset.name}.py"
    descriptions = {
        SCHEMA: f"Every delivered file can be read and has the columns of {model}.",
        ACCOUNTED: (
            "Every record of a file is loaded or in quarantine: loaded + quarantined = records."
        ),
        REJECTS: (
            f"No file has more than {MAX_REJECTS} rejects that are more than {MAX_REJECT_SHARE:.0%}"
            " of its records; for hand-written files, no line may be rejected. Shows which rules"
            f" of {model} the rejected records break."
        ),
        WARNINGS: f'Rows that load although they break a "should" rule of {model}.',
    }
    return [
        dg.AssetCheckSpec(name, asset=key, description=text) for name, text in descriptions.items()
    ]


def check_results(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    key: dg.AssetKey,
    results: Sequence[FileResult],
) -> list[dg.AssetCheckResult]:
    """Return the check results after this run's files."""
    held = held_versions(open_absences(connection, dataset.name))  # they have a check of their own
    failed = [
        file
        for file in failed_files(connection, dataset.name)
        if (file.partition, file.etag) not in held
    ]
    broken_rules = reasons(connection, dataset)
    return [
        _schema(key, [file for file in failed if not _too_many(file)]),
        _accounted(connection, dataset, key, results),
        _rejects(
            connection, dataset, key, [file for file in failed if _too_many(file)], broken_rules
        ),
        _warnings(dataset, key, [reason for reason in broken_rules if not reason.is_error]),
    ]


def _too_many(failed: FailedFile) -> bool:
    return failed.rejects > 0


def _schema(key: dg.AssetKey, failed: list[FailedFile]) -> dg.AssetCheckResult:
    return check_result(
        key,
        SCHEMA,
        passed=not failed,
        text=ui_metadata.failures(failed) or "Every file can be read.",
        remedy=ui_metadata.remedies(failed),
        metadata={FAILED_FILES: ui_metadata.failed_table(failed)} if failed else {},
    )


def _accounted(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    key: dg.AssetKey,
    results: Sequence[FileResult],
) -> dg.AssetCheckResult:
    loaded = [result.landed.delivery.key for result in results if result.failure is None]
    wrong = unaccounted(connection, dataset, loaded)
    return check_result(
        key,
        ACCOUNTED,
        passed=not wrong,
        text=(
            f"Not true of {counted(len(wrong), 'file')}: loaded + quarantined = records."
            if wrong
            else "loaded + quarantined = records in every file of the latest run."
        ),
        remedy=(
            f"Reload them with `analytics-pipeline sync --full --dataset {dataset.name}`; if they"
            " still don't add up, report a bug."
        ),
        metadata={
            "files": len(loaded),
            "records": sum(result.records for result in results if result.failure is None),
            **({"wrong_files": ui_metadata.unaccounted_table(wrong)} if wrong else {}),
        },
    )


def _rejects(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    key: dg.AssetKey,
    failed: list[FailedFile],
    broken_rules: list[Reason],
) -> dg.AssetCheckResult:
    figures = totals(connection, dataset)
    errors = [reason for reason in broken_rules if reason.is_error]
    # A person can correct the line at once, and until then the budget sends no alarm.
    to_correct = dataset.setting if figures.rejects else None
    text = (
        f"{figures.rejects:,} of {figures.records:,} records are in quarantine; no file is over the"
        " limit."
    )
    if to_correct:
        text = f"Rejected, with no effect: {counted(figures.rejects, 'line')} of {to_correct}."
    return check_result(
        key,
        REJECTS,
        passed=not failed and not to_correct,
        text=ui_metadata.failures(failed) or text,
        remedy=ui_metadata.remedies(failed)
        or "Correct them: `analytics-pipeline budgets check` lists them.",
        metadata={
            "rejects": figures.rejects,
            "records": figures.records,
            **({FAILED_FILES: ui_metadata.failed_table(failed)} if failed else {}),
            **({"reasons": ui_metadata.reasons_table(dataset.name, errors)} if errors else {}),
            "findings": f"analytics-pipeline findings --dataset {dataset.name}",
            "quarantine_query": f"analytics-pipeline quarantine list --dataset {dataset.name}",
        },
    )


def _warnings(
    dataset: Dataset, key: dg.AssetKey, broken_rules: list[Reason]
) -> dg.AssetCheckResult:
    findings = f"analytics-pipeline findings --dataset {dataset.name} --warnings"
    rows = sum(reason.records for reason in broken_rules)
    return check_result(
        key,
        WARNINGS,
        passed=not broken_rules,
        severity=dg.AssetCheckSeverity.WARN,
        text=(
            f"Loaded with a warning: {counted(rows, 'row')} (by"
            f" {counted(len(broken_rules), 'rule')})."
            if broken_rules
            else "No row has a warning."
        ),
        remedy=f"For lines, rules and remedies: `{findings}`.",
        metadata=(
            {
                "warnings": sum(reason.records for reason in broken_rules),
                "reasons": ui_metadata.reasons_table(dataset.name, broken_rules),
                "findings": findings,
            }
            if broken_rules
            else {}
        ),
    )
