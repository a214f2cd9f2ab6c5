"""The data dictionary: complete, and the committed page equals the generated one."""

from pathlib import Path

import yaml
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.sql_models import load_project
from analytics_pipeline.warehouse.tables import tables

PAGE = Path(__file__).parents[2] / "docs" / "data_dictionary.md"
REWRITE = "analytics-pipeline dictionary --output docs/data_dictionary.md"


def _printed() -> str:
    done = CliRunner().invoke(app, ["dictionary"])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_kept_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == _printed(), f"the declarations changed; run `{REWRITE}`"


def test_every_table_has_a_chapter_and_every_delivered_column_a_line() -> None:
    page = _printed()
    names = [table.name for table in tables()] + list(load_project().models)
    assert not [name for name in names if f"### {name}\n" not in page]
    for dataset in DATASETS.values():
        assert not [column.name for column in dataset.columns if f"| `{column.name}` |" not in page]


def test_no_line_of_a_table_is_broken() -> None:
    grids = [line for line in _printed().splitlines() if line.startswith("|")]
    assert not [line for line in grids if not line.endswith("|")]
    widths = {line.replace("\\|", "").count("|") for line in grids}
    assert widths == {4, 8}, "every line has three cells, or seven for delivered columns"


def test_the_dbt_sources_describe_and_test_every_model() -> None:
    done = CliRunner().invoke(app, ["dictionary", "--format", "dbt"])
    assert done.exit_code == 0, done.output
    sources = {source["name"]: source for source in yaml.safe_load(done.stdout)["sources"]}
    models = load_project().models
    tables = {
        f"{name}.{table['name']}": table
        for name, source in sources.items()
        for table in source["tables"]
    }
    assert tables.keys() == models.keys()
    for name, table in tables.items():
        assert table["description"] and [column["name"] for column in table["columns"]] == list(
            models[name].columns
        )
        assert all(column["description"] and column["data_type"] for column in table["columns"]), (
            name
        )
    months = tables["marts.course_months"]
    assert months["data_tests"] == [
        {"unique": {"arguments": {"column_name": "(month, course_id)"}}}
    ]
    tested = {
        column["name"]: column["data_tests"]
        for column in months["columns"]
        if "data_tests" in column
    }
    to = {"to": "source('marts', 'course_summary')", "field": "course_id"}
    assert tested == {"month": ["not_null"], "course_id": [{"relationships": {"arguments": to}}]}
    lineage = {
        column["name"]: column.get("data_tests")
        for column in tables["marts.course_lineage"]["columns"]
    }
    assert lineage["root_course_id"] is None, "a root may be outside of the organisation"
    assert lineage["course_id"] is not None and lineage["course_id"][:2] == ["unique", "not_null"]


def test_the_dictionary_is_written_to_a_file_on_request(tmp_path: Path) -> None:
    assert (
        CliRunner().invoke(app, ["dictionary", "--output", str(tmp_path / "page.md")]).exit_code
        == 0
    )
    assert (tmp_path / "page.md").read_text("utf-8") == _printed()
