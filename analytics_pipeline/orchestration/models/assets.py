"""The SQL models as Dagster assets, and their tests as asset checks.

`sql_models/` builds them; `automation.py` decides when.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict

import dagster as dg
import duckdb

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.models.automation import REBUILD_ON_CHANGE
from analytics_pipeline.orchestration.resources import WarehouseResource
from analytics_pipeline.orchestration.runs.step_failures import report_step_errors
from analytics_pipeline.orchestration.ui.labels import code_reference
from analytics_pipeline.sql_models import (
    Built,
    ColumnLineage,
    Model,
    Project,
    SqlTest,
    build_and_test,
    by_day,
    column_lineage,
    column_types,
    drop_removed,
    missing,
)
from analytics_pipeline.sql_models.project import default_folder
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.checks import Check
from analytics_pipeline.warehouse.ledger import PROBLEMS
from analytics_pipeline.warehouse.parameters import Parameters, set_parameters

ALARMS = "alarms"
"""Metadata key of a check result: its alarms."""
BEGAN_AFTER = "analytics_pipeline/began_after"
"""Tag of a model's materialization: storage id of the newest event in Dagster's log when the build
began. The build has read no load that was recorded later."""


def model_assets(
    project: Project, location: Location, parameters: Parameters
) -> dg.AssetsDefinition:
    """Return one step with every model, so that a rebuild opens the warehouse once.

    Any subset can be built alone.
    """

    versions = code_versions(project, parameters)

    @dg.multi_asset(
        name="build_models",
        specs=[_spec(model, location, versions[name]) for name, model in project.models.items()],
        check_specs=[
            *(_check_spec(project, test, location) for test in project.tests.values()),
            *(_whole_spec(model, location) for model in project.models.values() if model.days),
        ],
        can_subset=True,
    )
    def build_models(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[WarehouseResource]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        chosen = set(map(location.table, context.selected_asset_keys))
        asked = {
            (check.name, location.table(check.asset_key))
            for check in context.selected_asset_check_keys
        }
        began_after = context.instance.event_log_storage.get_maximum_record_id() or 0
        with report_step_errors(), warehouse.get_connection() as connection:
            for name in drop_removed(connection, project.models.values()):
                context.log.info(f"{name} was dropped, as its file was deleted from dbt_like_sql/.")
            models = _with_missing_upstream(connection, project, chosen)
            set_parameters(connection, parameters)
            also = {name for name, _ in asked}
            built, checks = build_and_test(connection, project, models, warehouse_now(), also)
            types = column_types(connection)
        done = [
            result
            for result in built
            if result.model.qualified in chosen and result.failure is None
        ]
        lineage = column_lineage(project, [result.model for result in done])
        yield from (_materialized(result, lineage, types, location, began_after) for result in done)
        yield from (
            check_result(check, location)
            for check in checks
            if (check.name, check.subject) in asked
        )
        _raise_if_failed(built)

    return build_models


def _with_missing_upstream(
    connection: duckdb.DuckDBPyConnection, project: Project, chosen: Collection[str]
) -> list[Model]:
    """Return the chosen models, and those they read that were never built, in build order."""
    absent = {model.qualified for model in missing(connection, project.models.values())}
    return project.select([*(absent & project.upstream(chosen)), *chosen])


def code_versions(project: Project, parameters: Parameters) -> dict[str, str]:
    """Return a version of each model, by qualified name; a change of it makes the model stale.

    It changes with the SQL of the model and of its tests, which must run again, and with the
    parameters that the model reads.
    """
    texts = {
        name: f"{code}{parameters if 'ops.parameters' in project.models[name].depends_on else ''}"
        for name, code in project.code().items()
    }
    return {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in texts.items()}


def _spec(model: Model, location: Location, version: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        location.model_key(model.qualified),
        deps=sorted({key for name in model.depends_on for key in _assets_of(name, location)}),
        description=model.description,
        skippable=True,
        group_name=str(model.layer),
        kinds={"duckdb", "sql"},
        tags={"layer": str(model.layer)},
        automation_condition=REBUILD_ON_CHANGE,
        code_version=version,
        metadata={
            "dagster/table_name": model.qualified,
            "dagster/column_schema": _column_schema(model, {}),
            **code_reference(default_folder() / model.layer / f"{model.name}.sql"),
        },
    )


def _assets_of(table: str, location: Location) -> list[dg.AssetKey]:
    """Return the assets that write a table; the ledger belongs to every dataset's."""
    schema, _, name = table.partition(".")
    if schema == "history":
        return [location.asset_key(DATASETS[name])]
    if table in PROBLEMS:
        return [location.model_key(table)]
    if schema in ("ops", "quarantine"):
        return [location.asset_key(dataset) for dataset in DATASETS.values()]
    return [location.model_key(table)]


def _check_spec(project: Project, test: SqlTest, location: Location) -> dg.AssetCheckSpec:
    home = location.model_key(project.home_of(test))
    others = {key for name in test.depends_on for key in _assets_of(name, location)} - {home}
    return dg.AssetCheckSpec(
        test.name, asset=home, description=test.description, additional_deps=sorted(others)
    )


def _whole_spec(model: Model, location: Location) -> dg.AssetCheckSpec:
    asset = location.model_key(model.qualified)
    return dg.AssetCheckSpec(by_day.EQUALS_WHOLE, asset=asset, description=by_day.DESCRIPTION)


def _column_schema(model: Model, types: Mapping[tuple[str, str], str]) -> dg.TableSchema:
    """Return the columns with their comments, and with DuckDB's types once the model is built."""
    return dg.TableSchema(
        [
            dg.TableColumn(name, types.get((model.qualified, name), "?"), description=text or None)
            for name, text in model.columns.items()
        ]
    )


def _materialized(
    built: Built,
    lineage: Mapping[str, ColumnLineage],
    types: Mapping[tuple[str, str], str],
    location: Location,
    began_after: int,
) -> dg.MaterializeResult:
    columns = lineage[built.model.qualified]
    return dg.MaterializeResult(
        asset_key=location.model_key(built.model.qualified),
        tags={BEGAN_AFTER: str(began_after)},
        metadata={
            "dagster/column_schema": _column_schema(built.model, types),
            **({"dagster/row_count": built.rows} if built.rows is not None else {}),
            "seconds": round(built.seconds, 3),
            "dagster/column_lineage": dg.TableColumnLineage(
                {column: column_deps(deps, location) for column, deps in columns.items()}
            ),
        },
    )


def column_deps(sources: Iterable[tuple[str, str]], location: Location) -> list[dg.TableColumnDep]:
    """Return a column's source columns, each once: a history and its raw table are one asset."""
    columns = {(key, column) for table, column in sources for key in _made_by(table, location)}
    return [dg.TableColumnDep(key, column) for key, column in sorted(columns)]


def _made_by(table: str, location: Location) -> list[dg.AssetKey]:
    """Return the asset with a table's columns, for lineage; none for the ledger's tables."""
    return [] if table.startswith(("ops.", "quarantine.")) else _assets_of(table, location)


def check_result(check: Check, location: Location) -> dg.AssetCheckResult:
    """Return a recorded check as the UI shows it."""
    return dg.AssetCheckResult(
        asset_key=location.model_key(check.subject),
        check_name=check.name,
        passed=check.passed,
        severity=dg.AssetCheckSeverity[check.severity.name],
        description=f"{check.text} {check.remedy}".rstrip(),
        metadata={
            "violations": check.violations or 0,
            "since": f"{check.since:%Y-%m-%d %H:%M} UTC",
            **(
                {"withholds": ", ".join(check.withholds)}
                if check.withholds and not check.passed
                else {}
            ),
            **(
                {ALARMS: dg.MetadataValue.json([asdict(alarm) for alarm in check.alarms])}
                if check.alarms
                else {}
            ),
        },
    )


def _raise_if_failed(built: list[Built]) -> None:
    failed = [result for result in built if result.failure]
    if failed:
        lines = [f"{result.model.qualified}: {result.failure}" for result in failed]
        text = f"{len(failed)} of {len(built)} models were not built; their previous tables stay.\n"
        raise dg.Failure(text + "\n".join(lines), allow_retries=False)
