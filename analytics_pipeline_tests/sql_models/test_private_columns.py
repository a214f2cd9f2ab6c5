"""Models are published as a whole, so none may read a private column."""

import duckdb
import pytest

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.sql_models import build, load_project, run_test
from analytics_pipeline.sql_models.model import Layer, Model
from analytics_pipeline.sql_models.parse import parse_model, parse_test
from analytics_pipeline.sql_models.private_reads import private_reads
from analytics_pipeline.sql_models.sql_syntax import InvalidModel
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline_tests.support.model_warehouse import build_all

PEOPLE = "SELECT userid, lower(email) AS contact FROM raw.enrollment"
LEAKS = {
    "by name": "SELECT email AS x FROM raw.enrollment",
    "behind a star": "WITH s AS (SELECT * FROM raw.enrollment) SELECT email AS x FROM s",
    "renamed in a star": """
        WITH s AS (SELECT * RENAME (email AS q) FROM raw.enrollment) SELECT q AS x FROM s
    """,
    "by a pattern": "SELECT COLUMNS('em.*l') AS x FROM raw.enrollment",
    "by a pattern in a function": "SELECT concat(*COLUMNS('email|name')) AS x FROM raw.enrollment",
    "as a whole row": "SELECT e AS x FROM raw.enrollment AS e",
    "as a whole row in a function": "SELECT to_json(e) AS x FROM raw.enrollment AS e",
    "as a field of a row": """
        WITH s AS (SELECT e AS r FROM raw.enrollment AS e) SELECT r.email AS x FROM s
    """,
    "unpivoted": "SELECT x AS x FROM (UNPIVOT raw.enrollment ON email INTO NAME n VALUE x)",
    "by another name": """
        SELECT s.e AS x FROM raw.enrollment AS s(a, b, c, d, e, f, g, h, i, j, k)
    """,
    "in capitals": "SELECT EMAIL AS x FROM raw.enrollment",
    "in a set operation": """
        SELECT 'a' AS x FROM raw.enrollment UNION ALL SELECT email FROM raw.enrollment
    """,
    "in a subquery": "SELECT (SELECT max(email) FROM raw.enrollment) AS x",
    "to filter": "SELECT userid AS x FROM raw.enrollment WHERE email LIKE '%@example.org'",
    "to count": "SELECT count(DISTINCT email) AS x FROM raw.enrollment",
    "an unannounced column": "SELECT _extra AS x FROM raw.aws_cost",
    "a rejected record": "SELECT raw AS x FROM quarantine.rejects",
}


def mart(sql: str) -> Model:
    return parse_model(Layer.MARTS, "people", sql)


def test_no_model_reads_a_private_column(warehouse: duckdb.DuckDBPyConnection) -> None:
    project = load_project()
    build_all(warehouse)
    private = {
        table.name
        for table in tables()
        if any(column.privacy is Privacy.PRIVATE for column in table.columns)
    }
    readers = [model for model in project.models.values() if model.depends_on & private]
    assert len(readers) > 10, "most staging models read a table with private columns"
    for model in readers:
        assert private_reads(warehouse, model.depends_on, model.sql) == [], model.qualified


@pytest.mark.parametrize("form", LEAKS)
def test_a_users_model_that_reads_a_private_column_in_any_form_is_refused(
    warehouse: duckdb.DuckDBPyConnection, form: str
) -> None:
    (built,) = build(warehouse, [mart(LEAKS[form])])
    assert built.failure is not None, form
    assert "dbt_like_sql/marts/people.sql is refused: it reads private data" in str(built.failure)
    assert warehouse.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'people'"
    ).fetchall() == [(0,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT courseid, count(DISTINCT userid) AS n FROM raw.enrollment GROUP BY ALL",
        "WITH s AS (SELECT * FROM raw.enrollment) SELECT userid FROM s",
        "WITH s AS (SELECT * EXCLUDE (email) FROM raw.enrollment) SELECT max(role) AS role FROM s",
        "SELECT userid, row_number() OVER (ORDER BY userid) AS place FROM raw.enrollment",
        "SELECT count(*) AS n FROM raw.enrollment",
    ],
)
def test_a_model_that_leaves_the_private_columns_of_a_table_out_is_built(
    warehouse: duckdb.DuckDBPyConnection, sql: str
) -> None:
    (built,) = build(warehouse, [mart(sql)])
    assert built.failure is None


def test_a_refused_model_is_named_with_its_columns_and_its_table_dropped(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    models = [
        parse_model(Layer.STAGING, "people", PEOPLE),
        mart("SELECT userid, max(contact) AS who FROM staging.people GROUP BY userid"),
    ]
    warehouse.execute(f"CREATE SCHEMA staging; CREATE VIEW staging.people AS {PEOPLE}")
    first, second = build(warehouse, models)
    assert first.failure is not None
    assert "staging/people.sql" in str(first.failure)
    assert "raw.enrollment.email" in str(first.failure)
    left = warehouse.execute(
        "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'staging' AND view_name = 'people'"
    ).fetchall()
    assert second.skipped and left == [(0,)], "the view of an earlier release may not stay"


def test_a_private_column_is_found_behind_a_star_over_a_model_that_was_built_before(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    courses = parse_model(Layer.STAGING, "listed", "SELECT course_id FROM raw.course_mapping")
    people = mart("""
        SELECT joined.email AS x
        FROM (
            SELECT courses.*, people.email FROM staging.listed AS courses
            JOIN raw.enrollment AS people ON people.courseid = courses.course_id
        ) AS joined
    """)
    build(warehouse, [courses])
    (built,) = build(warehouse, [people])
    assert "raw.enrollment.email" in str(built.failure)


@pytest.mark.parametrize(
    "function",
    ["query('FROM raw.enrollment')", "query_table('raw.enrollment')", "read_csv('landing/x.csv')"],
)
def test_a_function_that_hides_what_it_reads_is_refused(function: str) -> None:
    with pytest.raises(InvalidModel, match=r"marts/people\.sql: name the table instead of"):
        mart(f"SELECT email AS x FROM {function}")


def test_functions_that_read_nothing_may_be_in_from() -> None:
    assert mart("SELECT n AS n FROM range(3) AS s(n), unnest([1]) AS t(m)").depends_on == set()


def test_a_test_that_sends_messages_reads_no_private_column(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    text = "-- A test.\n-- alert: yes\nSELECT name AS alarm, name AS message FROM raw.enrollment"
    tested = run_test(warehouse, parse_test("names", text))
    assert not tested.passed and tested.failure is not None
    assert "tests/names.sql is refused: it reads private data, raw.enrollment.name" in str(
        tested.failure
    )
