"""Models are published as a whole, so their source columns decide who may see them."""

from collections.abc import Mapping

import duckdb

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.sql_models import ColumnLineage, build, column_lineage, load_project
from analytics_pipeline.sql_models.lineage import private_sources
from analytics_pipeline.sql_models.model import Layer
from analytics_pipeline.sql_models.parse import parse_model
from analytics_pipeline.sql_models.project import Project
from analytics_pipeline.warehouse.schema import ensure_schema
from analytics_pipeline.warehouse.tables import tables


def telling(lineage: Mapping[str, ColumnLineage]) -> set[tuple[str, str]]:
    """Return model columns that descend from a private one, through any number of models; in build
    order.
    """
    private = {
        (table.name, column.name)
        for table in tables()
        for column in table.columns
        if column.privacy is Privacy.PRIVATE
    }
    found: set[tuple[str, str]] = set()
    for model, columns in lineage.items():
        found |= {(model, name) for name, sources in columns.items() if sources & (private | found)}
    return found


def test_no_model_column_descends_from_a_private_column():
    project = load_project()
    assert telling(column_lineage(project, project.models.values())) == set()


def test_a_private_column_is_followed_through_other_models():
    people = parse_model(
        Layer.STAGING, "people", "SELECT userid, lower(email) AS contact FROM raw.enrollment"
    )
    listed = parse_model(
        Layer.MARTS,
        "people",
        "SELECT userid, max(contact) AS who FROM staging.people GROUP BY userid",
    )
    project = Project({model.qualified: model for model in (people, listed)}, {})
    assert telling(column_lineage(project, project.models.values())) == {
        ("staging.people", "contact"),
        ("marts.people", "who"),
    }


def test_a_users_model_with_a_private_column_is_refused_by_name_and_its_table_dropped():
    people = "SELECT userid, lower(email) AS contact FROM raw.enrollment"
    models = [
        parse_model(Layer.STAGING, "people", people),
        parse_model(
            Layer.MARTS,
            "people",
            "SELECT userid, max(contact) AS who FROM staging.people GROUP BY userid",
        ),
        parse_model(
            Layer.MARTS,
            "sizes",
            "SELECT courseid, count(DISTINCT userid) AS n FROM raw.enrollment GROUP BY ALL",
        ),
    ]
    with duckdb.connect() as connection:
        ensure_schema(connection)
        connection.execute(f"CREATE SCHEMA staging; CREATE VIEW staging.people AS {people}")
        first, second, third = build(connection, models)
        left = connection.execute(
            "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'staging'"
        ).fetchall()
    assert first.failure is not None
    assert "staging/people.sql" in str(
        first.failure
    ) and "contact (from raw.enrollment.email)" in str(first.failure)
    assert second.skipped and left == [(0,)], "the view of an earlier release may not stay"
    assert third.failure is None, (
        "a model that reads such a table without its private columns is built"
    )


def test_each_model_can_be_judged_when_it_is_built_alone():
    project = load_project()
    existing = {name: list(model.columns) for name, model in project.models.items()}
    for model in project.models.values():
        assert private_sources([model], existing) == {}, model.qualified


def test_a_private_column_is_found_behind_a_star_over_a_model_that_is_not_built_again():
    sql = """
        SELECT joined.email, joined.root_course_id
        FROM (
            SELECT courses.*, people.email FROM staging.courses AS courses
            JOIN raw.enrollment AS people ON people.courseid = courses.course_id
        ) AS joined
    """
    people = parse_model(Layer.MARTS, "people", sql)
    existing = {"staging.courses": ["course_id", "root_course_id"]}
    assert private_sources([people], existing) == {
        "marts.people": {"email": "raw.enrollment.email"}
    }
