"""The key's target stands in each key column's comment, is there, and holds the key's values."""

import duckdb
import pytest

from analytics_pipeline.sql_models.keys import grain, references
from analytics_pipeline.sql_models.model import Layer
from analytics_pipeline.sql_models.parse import parse_model
from analytics_pipeline_tests.support.model_warehouse import PROJECT

MARTS = [model for model in PROJECT.models.values() if model.layer is Layer.MARTS]
FIRST = {  # where other keys lead to
    *(
        ("course_summary", "course_id"),
        ("student_course_summary", "user_id"),
        ("part_lineage", "part_id"),
    ),
    *(("spend_reconciliation", "aws_account_id"), ("lab_sessions", "session_id")),
    *(
        ("budget_status", "scope_id"),
        ("spend_forecast", "scope_id"),
    ),  # whose target depends on the scope
}


def test_every_id_of_a_mart_names_the_key_that_it_refers_to() -> None:
    silent = {
        (mart.name, column)
        for mart in MARTS
        for column in mart.columns
        if column.endswith("_id") and column not in references(mart)
    }
    assert silent == FIRST, (
        "end the column's comment with `-> schema.table`; see dbt_like_sql/README.md"
    )


def test_every_key_that_an_id_refers_to_exists() -> None:
    lost = [
        (mart.name, target)
        for mart in MARTS
        for target in references(mart).values()
        if target.table not in PROJECT.models
        or target.column not in PROJECT.models[target.table].columns
    ]
    assert not lost


@pytest.mark.parametrize(
    ("mart", "column"),
    [
        (mart.name, column)
        for mart in MARTS
        for column, target in references(mart).items()
        if target.is_total
    ],
)
def test_every_value_of_an_id_is_in_the_key_that_it_refers_to(
    built: duckdb.DuckDBPyConnection, mart: str, column: str
) -> None:
    target = references(PROJECT.models[f"marts.{mart}"])[column]
    lost = built.execute(
        f"""SELECT DISTINCT {column} FROM marts.{mart}
            WHERE {column} IS NOT NULL AND {column} NOT IN (
                SELECT {target.column} FROM {target.table} WHERE {target.column} IS NOT NULL)"""
    ).fetchall()
    assert not lost, (
        f"say in the comment of marts.{mart}.{column} which values are not in {target.table}"
    )


def test_every_mart_has_a_grain_of_its_own_columns() -> None:
    for mart in MARTS:
        assert grain(mart, PROJECT.tests), mart.name
        assert set(grain(mart, PROJECT.tests)) <= mart.columns.keys()


def test_a_reference_is_parsed_with_its_column_and_exceptions() -> None:
    sql = """SELECT
        a_id, -- An id. -> marts.x
        b_id, -- An id; NULL without one. -> marts.x.id
        c_id, -- An id. -> staging.x.id, unless it is outside.
        d_id -- An id that a <- b -> c says nothing of.
    FROM raw.grades"""
    found = references(parse_model(Layer.MARTS, "m", sql))
    assert {name: (key.table, key.column, key.is_total) for name, key in found.items()} == {
        "a_id": ("marts.x", "a_id", True),
        "b_id": ("marts.x", "id", True),
        "c_id": ("staging.x", "id", False),
    }
