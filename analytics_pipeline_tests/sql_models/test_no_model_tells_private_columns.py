"""Models are published as a whole, so their source columns decide who may see them."""

from collections.abc import Mapping

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.sql_models import ColumnLineage, column_lineage, load_project
from analytics_pipeline.sql_models.model import Layer, parse_model
from analytics_pipeline.sql_models.project import Project
from analytics_pipeline.warehouse.tables import tables

CLASSIFIED = ("staging.lab_sessions", "end_reason")
"""Derived from the log's text, but one of a fixed list of words: it may be published."""


def telling(lineage: Mapping[str, ColumnLineage]) -> set[tuple[str, str]]:
    """Return model columns that descend from a private one, through any number of models; in build order."""
    private = {
        (table.name, column.name) for table in tables() for column in table.columns if column.privacy is Privacy.PRIVATE
    }
    found: set[tuple[str, str]] = set()
    for model, columns in lineage.items():
        found |= {(model, name) for name, sources in columns.items() if sources & (private | found)} - {CLASSIFIED}
    return found


def test_no_model_column_descends_from_a_private_column():
    project = load_project()
    assert telling(column_lineage(project, project.models.values())) == set()


def test_a_private_column_is_followed_through_other_models():
    people = parse_model(Layer.STAGING, "people", "SELECT userid, lower(email) AS contact FROM raw.enrollment")
    listed = parse_model(
        Layer.MARTS, "people", "SELECT userid, max(contact) AS who FROM staging.people GROUP BY userid"
    )
    project = Project({model.qualified: model for model in (people, listed)}, {})
    assert telling(column_lineage(project, project.models.values())) == {
        ("staging.people", "contact"),
        ("marts.people", "who"),
    }
