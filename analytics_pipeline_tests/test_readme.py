"""The README and .env.example are true: the queries run, the commands exist, every setting is
explained.
"""

import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

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


def ask(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def course_costs(connection: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    recent = (
        "SELECT course_id, sum(cost) FROM marts.spend_days WHERE day > {} AND dating <> 'before the"
        " first file' GROUP BY ALL"
    )
    [(last,)] = ask(connection, "SELECT max(spend_date) - 30 FROM marts.daily_cloud_spend")
    assert {row[0]: row[-1] for row in rows} == dict(
        ask(connection, recent.format(f"DATE '{last}'"))
    )
    assert len({row[0] for row in rows}) == len(rows), "a course has one row"


def services(connection: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    months = {row[0] for row in rows}
    assert months == {
        month for (month,) in ask(connection, "SELECT DISTINCT file_month FROM raw.service_spend")
    }
    [(total,)] = ask(connection, "SELECT sum(cost) FROM marts.monthly_service_spend")
    assert sum(usd for _, _, usd in rows) == total
    assert len({row[:2] for row in rows}) == len(rows)


def waits(connection: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    [sessions] = ask(
        connection, "SELECT count(*), count(*) FILTER (NOT succeeded) FROM marts.lab_sessions"
    )
    assert (
        sum(row[2] for row in rows),
        sum(row[3] for row in rows),
    ) == sessions, "each launch counts once"
    assert any(row[4] for row in rows) and [row for row in rows if row[4] and row[4] > row[5]] == []


def idle(connection: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    spent: dict[tuple[Any, Any], Decimal] = defaultdict(Decimal)
    for course, part, cost, days in ask(
        connection, "SELECT course_id, part_id, cost, days_since_session FROM marts.idle_spend"
    ):
        if days is None or days > 1:
            spent[course, part] += cost
    assert [row[3] for row in rows] == sorted(spent.values(), reverse=True)[:20]
    assert [row for row in rows if spent[row[0], row[1]] != row[3]] == []


def missing(connection: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    loaded: dict[str, set[date]] = defaultdict(set)
    for dataset, period in ask(
        connection, "SELECT dataset, period FROM ops.loaded_files WHERE period IS NOT NULL"
    ):
        loaded[dataset].add(period)
    absent = {
        (dataset, first + timedelta(days=n))
        for dataset, days in loaded.items()
        for first in [min(days)]
        for n in range((max(days) - first).days)
        if dataset != "service_spend" and first + timedelta(days=n) not in days
    }
    assert absent and absent <= {(row[0], row[1]) for row in rows if not row[3]}
    assert [row for row in rows if row[3] and not row[4]] == [], (
        "what is loaded and in time is not listed"
    )


RECOUNTS = dict(zip(QUERIES, (course_costs, services, waits, idle, missing), strict=True))
"""For each query, in the README's order, what its rows must be, counted in another way."""


@pytest.mark.parametrize(
    "query", QUERIES, ids=lambda query: query.splitlines()[0].removeprefix("-- ")
)
def test_each_query_of_the_readme_answers_on_the_published_file(
    query: str, published: Path
) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        rows = connection.execute(query).fetchall()
        assert rows, f"the query runs and returns nothing on the demo organisation:\n{query}"
        RECOUNTS[query](connection, rows)


def test_every_command_of_the_readme_exists() -> None:
    table = re.findall(r"^\| `([a-z]+)[^|]*\|", README, re.MULTILINE)
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert set(table) <= commands, (
        f"the README names {set(table) - commands}, which the program does not have"
    )
    assert commands <= set(table), f"the README does not name {commands - set(table)}"


def test_env_example_names_every_setting_and_no_other() -> None:
    named = set(
        re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert named == known, (
        f"only in .env.example: {named - known}; only in Settings: {known - named}"
    )


def test_the_defaults_in_env_example_are_those_of_the_settings() -> None:
    text = (ROOT / ".env.example").read_text()
    for name, field in Settings.model_fields.items():
        if found := re.search(rf"^#{field.validation_alias}=(.+)$", text, re.MULTILINE):
            assert found[1] == str(field.default).replace("False", "false"), (
                f"{name} has another default"
            )


def test_no_query_of_the_readme_sums_or_takes_the_maximum_of_what_cannot_be_summed() -> None:
    whole = (
        "percentiles, peaks and shares are of their own row: ask the mart that computes them for"
        " the whole"
    )
    for query in QUERIES:
        folded = re.findall(
            r"(?:max|sum|avg)\((?:p\d\d|peak_sessions|percent\w*|spend_per_\w+|active_students)\)",
            query,
        )
        assert not folded, f"{folded}: {whole}\n{query}"
