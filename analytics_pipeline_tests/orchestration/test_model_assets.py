"""The SQL models in Dagster: lineage, checks, what is stale, and failing models."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.models import assets as module
from analytics_pipeline.orchestration.models.assets import model_assets
from analytics_pipeline.orchestration.models.automation import REBUILD_ON_CHANGE
from analytics_pipeline.orchestration.models.published_assets import WHOLE, published_asset
from analytics_pipeline.orchestration.models.staleness import stale_assets
from analytics_pipeline.orchestration.runs.in_process import execute
from analytics_pipeline.sql_models import Project, load_project
from analytics_pipeline.sql_models.by_day import EQUALS_WHOLE
from analytics_pipeline.sql_models.model import Layer
from analytics_pipeline.sql_models.parse import parse_model, parse_test
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.parameters import Parameters
from analytics_pipeline_tests.orchestration.conftest import Pipeline

PARAMETERS = Parameters(Decimal(5))


def build(
    pipeline: Pipeline, keys: list[dg.AssetKey], project: Project | None = None
) -> dg.ExecuteInProcessResult:
    definitions = pipeline.definitions
    if project:
        resources: Any = pipeline.definitions.resources
        assets = [
            model_assets(project, ALONE, PARAMETERS),
            published_asset(project, ALONE, pii=False, condition=REBUILD_ON_CHANGE),
        ]
        definitions = dg.Definitions(
            assets=assets, resources=resources, executor=dg.in_process_executor
        )
    return execute(definitions, pipeline.instance, ALONE, keys, {}, {})


def stale(pipeline: Pipeline, parameters: Parameters = PARAMETERS) -> list[dg.AssetKey]:
    return stale_assets(pipeline.instance, ALONE, parameters)


def with_model(sql: str, name: str = "broken") -> Project:
    """The project with an additional mart."""
    project = load_project()
    model = parse_model(Layer.MARTS, name, sql)
    return Project({**project.models, model.qualified: model}, project.tests)


@pytest.mark.slow
def test_a_test_that_declares_a_warning_is_a_warning_unless_it_did_not_run(
    loaded: Pipeline,
) -> None:
    keys = [ALONE.model_key("staging.courses"), ALONE.model_key("marts.course_lineage")]
    assert build(loaded, keys).success
    say = "-- severity: warn\nSELECT course_id FROM marts.course_lineage"
    texts = {
        "mild": say,
        "strict": say.removeprefix("-- severity: warn\n"),
        "broken": say + " WHERE no_such_column",
    }
    project = load_project()
    tests = {name: parse_test(name, text) for name, text in texts.items()}
    run = build(loaded, keys, Project(project.models, {**project.tests, **tests}))
    found = {
        check.check_name: check.severity
        for check in run.get_asset_check_evaluations()
        if not check.passed
    }
    error, warn = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
    assert found == {"mild": warn, "strict": error, "broken": error}
    assert run.success, "a failed check fails the run"


@pytest.mark.slow
def test_a_mart_whose_file_is_gone_leaves_the_published_file_with_the_next_build(
    loaded: Pipeline,
) -> None:
    keys = [ALONE.model_key("marts.old"), ALONE.published]
    assert build(loaded, keys, with_model("SELECT 1 AS x", "old")).success
    assert build(
        loaded, [ALONE.model_key("marts.course_lineage"), ALONE.published], load_project()
    ).success
    with duckdb.connect(str(loaded.settings.published_path), read_only=True) as published:
        assert (
            published.execute("SELECT * FROM duckdb_tables() WHERE table_name = 'old'").fetchall()
            == []
        )


def test_a_build_materializes_every_stale_model_runs_its_tests_and_publishes(
    loaded: Pipeline,
) -> None:
    found = stale(loaded)
    assert set(found) == {ALONE.model_key(name) for name in load_project().models} | {
        ALONE.published
    }
    run = build(loaded, found)
    assert run.success
    checks = run.get_asset_check_evaluations()
    assert {check.check_name for check in checks} == {
        *load_project().tests,
        EQUALS_WHOLE,
        WHOLE,
    }, "not every test of dbt_like_sql/tests ran"
    error = dg.AssetCheckSeverity.ERROR
    assert [
        check.check_name for check in checks if not check.passed and check.severity is error
    ] == []
    with duckdb.connect(str(loaded.settings.published_path), read_only=True) as published:
        assert published.execute("SELECT count(*) > 0 FROM marts.daily_cloud_spend").fetchone() == (
            True,
        )
    assert stale(loaded) == [], "what was just built and published is stale"


@pytest.mark.thorough
def test_a_load_makes_only_the_models_downstream_stale(loaded: Pipeline) -> None:
    build(loaded, stale(loaded))
    key = dg.AssetKey(["raw", "grades"])
    loaded.instance.report_runless_asset_event(dg.AssetMaterialization(key))
    names = {"/".join(key.path) for key in stale(loaded)}
    assert {"staging/grades", "marts/assignment_scores", "published/analytics"} <= names
    assert not {"marts/lab_sessions", "marts/monthly_service_spend"} & names, (
        "neither depends on grades"
    )


@pytest.mark.slow
def test_a_load_during_a_models_run_makes_them_stale_although_published_later(
    loaded: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load's run ends between the first read of the models' run and the end of its
    publication.
    """

    def read_then_load(*arguments: Any, **keywords: Any) -> Any:
        built = real(*arguments, **keywords)
        loaded.instance.report_runless_asset_event(
            dg.AssetMaterialization(dg.AssetKey(["raw", "grades"]))
        )
        return built

    real = module.build_and_test
    with monkeypatch.context() as beside:
        beside.setattr(module, "build_and_test", read_then_load)
        assert build(loaded, stale(loaded)).success
    names = {"/".join(key.path) for key in stale(loaded)}
    assert "marts/assignment_scores" in names
    assert not {"marts/lab_sessions", "marts/monthly_service_spend"} & names
    build(loaded, stale(loaded))
    assert stale(loaded) == []


@pytest.mark.slow
def test_a_changed_query_makes_its_model_and_its_readers_stale(
    loaded: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(loaded, stale(loaded))
    versions = module.code_versions
    changed = "staging.grades"
    monkeypatch.setattr(
        "analytics_pipeline.orchestration.models.staleness.code_versions",
        lambda project, parameters: versions(project, parameters) | {changed: "another"},
    )
    names = {".".join(key.path) for key in stale(loaded)}
    assert {changed, "marts.assignment_scores"} <= names
    assert "marts.daily_cloud_spend" not in names


@pytest.mark.slow
def test_a_changed_parameter_makes_the_models_that_read_it_and_their_readers_stale(
    loaded: Pipeline,
) -> None:
    build(loaded, stale(loaded))
    changed = stale(loaded, Parameters(PARAMETERS.anomaly_floor_usd + 1))
    names = {".".join(key.path) for key in changed}
    assert {"marts.spend_anomalies", "published.analytics"} <= names
    assert "marts.daily_cloud_spend" not in names


def test_a_failing_model_keeps_its_previous_table_and_the_others_are_built(
    loaded: Pipeline,
) -> None:
    good = with_model("-- A number.\nSELECT 1 AS n, -- A number.\nFROM raw.grades LIMIT 1")
    assert build(loaded, [ALONE.model_key("marts.broken")], good).success
    bad = with_model("-- A number.\nSELECT no_such_column AS n, -- A number.\nFROM raw.grades")
    run = build(
        loaded, [ALONE.model_key("marts.broken"), ALONE.model_key("marts.course_lineage")], bad
    )
    assert not run.success
    assert [key.to_user_string() for key in materialized(run)] == ["marts/course_lineage"]
    with open_warehouse(loaded.settings.warehouse_path) as connection:
        assert connection.execute("SELECT n FROM marts.broken").fetchone() == (1,), (
            "the table before is gone"
        )
    text = next(
        event for event in run.all_events if event.is_step_failure
    ).step_failure_data.user_failure_data.description
    assert "marts.broken" in text
    assert "no_such_column" in text
    assert "dbt_like_sql/marts/broken.sql" in text, f"it does not say which file to correct: {text}"


@pytest.mark.slow
def test_a_mart_shows_where_each_of_its_columns_comes_from_and_their_types(
    loaded: Pipeline,
) -> None:
    run = build(loaded, [ALONE.model_key("marts.daily_cloud_spend")])
    [event] = [
        event
        for event in run.get_asset_materialization_events()
        if event.asset_key == ALONE.model_key("marts.daily_cloud_spend")
    ]
    metadata = event.materialization.metadata
    lineage = metadata["dagster/column_lineage"].value.deps_by_column["cost"]
    assert {".".join(dep.asset_key.path) for dep in lineage} >= {
        "staging.aws_cost",
        "staging.azure_cost",
    }
    types = {column.name: column.type for column in metadata["dagster/column_schema"].value.columns}
    assert types["cost"] == "DECIMAL(38,9)"
    assert types["spend_date"] == "DATE"


def test_a_column_that_is_read_from_a_history_and_its_raw_table_comes_from_one_asset() -> None:
    deps = module.column_deps(
        {("raw.enrollment", "role"), ("history.enrollment", "role"), ("ops.loaded_files", "rows")},
        ALONE,
    )
    assert deps == [dg.TableColumnDep(dg.AssetKey(["raw", "enrollment"]), "role")]


def test_every_model_has_an_asset_and_a_file(tmp_path: Path) -> None:
    specs = {spec.key for spec in model_assets(load_project(), ALONE, PARAMETERS).specs}
    files = {
        ALONE.model_key(f"{path.parent.name}.{path.stem}")
        for path in Path("dbt_like_sql").glob("[sm]*/*.sql")
    }
    assert specs == files


def materialized(run: dg.ExecuteInProcessResult) -> list[dg.AssetKey]:
    return [event.asset_key for event in run.get_asset_materialization_events() if event.asset_key]
