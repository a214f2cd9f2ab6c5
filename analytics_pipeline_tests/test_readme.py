"""The README and .env.example are true: the queries run, the commands exist, every setting is explained."""

import re
from pathlib import Path

import duckdb
import pytest
from typer.main import get_command

from analytics_pipeline.cli import app
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import publish

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def published(loaded_organisation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of the small organisation."""
    target = tmp_path_factory.mktemp("published") / "analytics.duckdb"
    with open_warehouse(loaded_organisation / "warehouse.duckdb") as connection:
        publish(connection, target, pii=False)
    return target


def test_the_readme_has_five_queries_to_start_with() -> None:
    assert len(QUERIES) == 5


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.splitlines()[0].removeprefix("-- "))
def test_each_query_of_the_readme_answers_on_the_published_file(query: str, published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        rows = connection.execute(query).fetchall()
    assert rows, f"the query runs and returns nothing on the demo organisation:\n{query}"


def test_every_command_of_the_readme_exists() -> None:
    table = re.findall(r"^\| `([a-z]+)[^|]*\|", README, re.MULTILINE)
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert set(table) <= commands, f"the README names {set(table) - commands}, which the program does not have"
    assert commands <= set(table), f"the README does not name {commands - set(table)}"


def test_env_example_names_every_setting_and_no_other() -> None:
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert named == known, f"only in .env.example: {named - known}; only in settings.py: {known - named}"


def test_the_defaults_in_env_example_are_those_of_the_settings() -> None:
    text = (ROOT / ".env.example").read_text()
    for name, field in Settings.model_fields.items():
        if found := re.search(rf"^#{field.validation_alias}=(.+)$", text, re.MULTILINE):
            assert found[1] == str(field.default).replace("False", "false"), f"{name} has another default"


def test_no_query_of_the_readme_sums_or_takes_the_maximum_of_what_cannot_be_summed() -> None:
    whole = "percentiles, peaks and shares are of their own row: ask the mart that computes them for the whole"
    for query in QUERIES:
        folded = re.findall(
            r"(?:max|sum|avg)\((?:p\d\d|peak_sessions|percent\w*|spend_per_\w+|active_students)\)", query
        )
        assert not folded, f"{folded}: {whole}\n{query}"
