"""Models are published as a whole: what they are made of decides who may see it."""

from collections.abc import Mapping

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.sql_models import ColumnLineage, column_lineage, load_project
from analytics_pipeline.sql_models.model import Layer, parse_model
from analytics_pipeline.sql_models.project import Project
from analytics_pipeline.warehouse.schema import tables

CLASSIFIED = ("staging.lab_sessions", "end_reason")
"""Made of the log's text, and one of a few words of ours: it may go on."""


def telling(lineage: Mapping[str, ColumnLineage]) -> set[tuple[str, str]]:
    """The models' columns that descend from a private one, over however many models; they come in the order of building."""
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
