"""Finding, ordering, building and testing models, on folders made by the test."""

from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.sql_models import (
    InvalidModel,
    build,
    column_lineage,
    documentation,
    drop_removed,
    load_project,
    missing,
    touched_by,
)
from analytics_pipeline.warehouse.connection import STORAGE_VERSION
from analytics_pipeline_tests.support.model_files import project
from analytics_pipeline_tests.support.model_warehouse import PROJECT, build_all, put

Connection = duckdb.DuckDBPyConnection
MARTS = {
    "activity_weekly",
    "assignment_scores",
    "budget_status",
    "course_lineage",
    "course_months",
    "course_summary",
    "course_terms",
    "daily_cloud_spend",
    "data_completeness",
    "idle_spend",
    "lab_concurrency_hourly",
    "lab_launches_daily",
    "lab_launches_weekly",
    "lab_sessions",
    "monthly_service_spend",
    "organisation_daily",
    "part_lineage",
    "roster_changes",
    "spend_anomalies",
    "spend_calendar",
    "spend_days",
    "spend_forecast",
    "spend_reconciliation",
    "student_course_summary",
    "student_spend_watch",
}


def test_every_promised_mart_exists_and_every_table_and_column_is_described() -> None:
    assert {model.name for model in PROJECT.models.values() if not model.is_view} >= MARTS
    views = {
        model.name for model in PROJECT.models.values() if model.is_view and model.layer == "marts"
    }
    assert views == {"focus_cost"}
    silent = [model.qualified for model in PROJECT.models.values() if not model.description]
    silent += [
        f"{model.qualified}.{column}"
        for model in PROJECT.models.values()
        for column, text in model.columns.items()
        if not text
    ]
    assert not silent
    assert not [
        test.name for test in PROJECT.tests.values() if "If it fails" not in test.description
    ]
    assert {f"grain_of_{mart}" for mart in MARTS} <= PROJECT.tests.keys()


def test_adding_a_model_is_adding_a_file(tmp_path: Path, warehouse: Connection) -> None:
    made = project(
        tmp_path,
        marts__b=(
            "-- Two.\n-- Lines.\nSELECT a.x + 1 AS y -- One more than x's.\nFROM marts.a AS a;\n"
        ),
        marts__a="SELECT user_id AS x FROM staging.v",
        staging__v="SELECT DISTINCT user_id FROM raw.aws_cost",
    )
    assert list(made.models) == ["staging.v", "marts.a", "marts.b"]
    put(warehouse, "raw.aws_cost", {"user_id": 4, "cost": 1})
    assert [model.qualified for model in missing(warehouse, made.models.values())] == list(
        made.models
    )
    assert [(result.rows, result.failure) for result in build(warehouse, made.models.values())] == [
        (None, None),
        (1, None),
        (1, None),
    ]
    assert missing(warehouse, made.models.values()) == []
    assert warehouse.execute("SELECT y FROM marts.b").fetchall() == [(5,)]
    comments = (
        "SELECT comment FROM duckdb_tables() WHERE table_name = 'b' UNION ALL SELECT comment FROM"
        " duckdb_columns() WHERE column_name = 'y'"
    )
    assert warehouse.execute(comments).fetchall() == [("Two. Lines.",), ("One more than x's.",)]


def test_removing_a_model_is_removing_a_file(tmp_path: Path, warehouse: Connection) -> None:
    files = {
        "staging__v": "SELECT 1 AS x",
        "marts__a": "SELECT x FROM staging.v",
        "marts__b": "SELECT 2 AS y",
    }
    build(warehouse, project(tmp_path, **files).models.values())
    (tmp_path / "staging" / "v.sql").unlink()
    (tmp_path / "marts" / "a.sql").unlink()
    left = load_project(tmp_path).models.values()
    assert drop_removed(warehouse, left) == ["marts.a", "staging.v"]
    assert drop_removed(warehouse, left) == [], "a second time there is nothing to drop"
    assert warehouse.execute("SELECT y FROM marts.b").fetchall() == [(2,)], (
        "a mart that has its file was touched"
    )


def test_a_model_that_fails_leaves_its_table_and_those_that_read_it_are_skipped(
    tmp_path: Path, warehouse: Connection
) -> None:
    good = {
        "marts__a": "SELECT 1 AS x",
        "marts__b": "SELECT x FROM marts.a",
        "marts__c": "SELECT 3 AS z",
    }
    build(warehouse, project(tmp_path, **good).models.values())
    bad = project(tmp_path, marts__a="-- About.\nSELECT\n    nothing AS x\nFROM raw.aws_cost")
    results = {result.model.name: result for result in build(warehouse, bad.models.values())}
    failure = results["a"].failure
    assert (
        failure
        and "nothing" in failure.reason
        and failure.line == 3
        and "dbt_like_sql/marts/a.sql" in failure.remedy
    )
    assert (
        results["b"].skipped and results["b"].failure and "marts.a" in results["b"].failure.reason
    )
    assert results["c"].failure is None
    assert warehouse.execute("SELECT a.x, b.x FROM marts.a, marts.b").fetchall() == [(1, 1)]


def test_a_failing_model_keeps_its_table_and_its_error_shows_no_value(
    tmp_path: Path, warehouse: Connection
) -> None:
    put(warehouse, "raw.aws_cost", {"user_id": 4, "cost": 1, "part_name": "jane@example.com"})
    build(warehouse, project(tmp_path, marts__a="SELECT 1 AS x").models.values())
    (result,) = build(
        warehouse,
        project(
            tmp_path, marts__a="SELECT part_name::INTEGER AS x FROM raw.aws_cost"
        ).models.values(),
    )
    assert result.failure and "ConversionException" in result.failure.reason
    assert "jane" not in str(result.failure)
    assert warehouse.execute("SELECT x FROM marts.a").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (
            "SELECT x FROM marts.b",
            "cycle: marts.a -> marts.b -> marts.a|cycle: marts.b -> marts.a -> marts.b",
        ),
        ("SELECT x FROM raw.nowhere", "raw.nowhere"),
        ("SELECT x FROM b", "add the schema to b"),
        ("SELECT * FROM marts.b", "name each column"),
        ("SELECT 1 AS x, 2 AS x", "name each column"),
        ("CREATE TABLE t (i INTEGER)", "one SELECT"),
        ("SELECT 1 AS x; SELECT 2 AS x", "one SELECT"),
        ("SELECT FROM WHERE", "marts/a.sql"),
    ],
)
def test_an_invalid_model_file_is_refused_with_its_name_and_remedy(
    tmp_path: Path, sql: str, says: str
) -> None:
    with pytest.raises(InvalidModel, match=says):
        project(tmp_path, marts__a=sql, marts__b="SELECT x FROM marts.a")


def test_the_tables_that_a_load_writes_decide_which_models_are_rebuilt() -> None:
    def names(*datasets: str) -> set[str]:
        return {model.name for model in PROJECT.affected(touched_by(datasets)) if not model.is_view}

    spend = {"monthly_service_spend", "spend_reconciliation", "daily_cloud_spend", "idle_spend"}
    assert names("grades") == {
        "assignment_scores",
        "student_course_summary",
        "course_summary",
        *("data_completeness", "spend_days", "idle_spend", "idle_days"),  # which read the ledger
        *("daily_cloud_spend", "spend_anomalies", "spend_reconciliation"),
        *("organisation_daily", "activity_weekly", "course_months"),
        *(
            "spend_calendar",
            "spend_forecast",
            "budget_status",
            "student_spend_watch",
            "course_terms",
        ),
    }
    assert names("service_spend") >= spend, (
        "it is evidence for the reading of falls and the course of a part"
    )
    assert "roster_changes" in names("enrollment") and "roster_changes" not in names(
        "service_spend"
    )
    assert names("asn_mapping") >= {
        "daily_cloud_spend",
        "part_lineage",
        "course_summary",
        "idle_spend",
    }
    with pytest.raises(KeyError, match=r"no such model: marts\.x"):
        PROJECT.select(["marts.x"])
    subjects = {test.name: PROJECT.subject_of(test) for test in PROJECT.tests.values()}
    assert (
        subjects["spend_by_course_adds_up_to_the_total"] == PROJECT.models["marts.course_summary"]
    )
    assert subjects["raw_rows_are_those_of_the_ledger"] is None


def test_column_lineage_leads_from_a_mart_to_the_columns_it_is_made_of() -> None:
    lineage = column_lineage(PROJECT, PROJECT.models.values())
    assert lineage["staging.grades"]["assignment_id"] == {("raw.grades", "asnid")}
    assert lineage["marts.daily_cloud_spend"]["course_id"] == {
        ("staging.spend_courses", "course_id")
    }
    assert ("staging.azure_cost", "accumulated") in lineage["marts.daily_cloud_spend"]["cost"]
    # a count depends on rows, not on columns
    assert lineage["marts.lab_launches_daily"]["launches"] == frozenset()
    known = {name: set(model.columns) for name, model in PROJECT.models.items()}
    for model, columns in lineage.items():
        assert set(columns) == known[model]
        for table, column in set().union(*columns.values()):
            assert table in PROJECT.models[model].depends_on
            assert table not in known or column in known[table], (model, table, column)


def test_the_documentation_has_duckdbs_types_and_the_files_words() -> None:
    tables = {table.name: table for table in documentation(PROJECT)}
    assert list(tables) == list(PROJECT.models)
    cost = next(
        column for column in tables["marts.daily_cloud_spend"].columns if column.name == "cost"
    )
    assert (cost.sql_type, cost.description[:10]) == ("DECIMAL(38,9)", "US dollars")
    floats = [
        f"{t.name}.{c.name}"
        for t in tables.values()
        for c in t.columns
        if c.sql_type in ("DOUBLE", "FLOAT", "HUGEINT")
    ]
    assert not floats, "sums of floats depend on the order of rows"


def test_a_mart_that_is_declared_a_view_is_one_and_may_have_been_a_table(
    tmp_path: Path, warehouse: Connection
) -> None:
    table = project(tmp_path, marts__a="-- A row.\nSELECT 1 AS x")
    build(warehouse, table.models.values())
    view = project(tmp_path, marts__a="-- A row.\n-- materialized: view\nSELECT 2 AS x")
    assert view.models["marts.a"].description == "A row.", "the declaration is not for people"
    assert drop_removed(warehouse, view.models.values()) == ["marts.a"]
    (built,) = build(warehouse, view.models.values())
    assert built.failure is None and built.rows is None
    assert warehouse.execute(
        "SELECT view_name FROM duckdb_views() WHERE schema_name = 'marts'"
    ).fetchall() == [("a",)]
    assert drop_removed(warehouse, view.models.values()) == []
    with pytest.raises(
        InvalidModel, match=r"marts/odd\.sql: materialized 'cube' is unknown; declare view"
    ):
        project(tmp_path, marts__odd="-- materialized: cube\nSELECT 1 AS x")


def test_each_file_can_be_pasted_into_duckdb_as_it_is(warehouse: Connection) -> None:
    build_all(warehouse)
    for query in [*PROJECT.models.values(), *PROJECT.tests.values()]:
        warehouse.execute(query.sql)
    assert STORAGE_VERSION == "v1.0.0"  # the views' comments are stored in that format too
