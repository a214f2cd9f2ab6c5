"""`analytics-pipeline query`: results, clear errors, and no access beyond the published file."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from click.testing import Result
from typer.testing import CliRunner

from analytics_pipeline.cli import app, console
from analytics_pipeline.settings import Settings


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A published file with one small mart."""
    path = Settings(ANALYTICS_DATA_DIR=str(tmp_path)).published_path
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(
            """CREATE TABLE marts.answers AS SELECT 1731123 AS user_id, 0.000000001::DECIMAL(18, 9) AS cost, NULL AS nothing,
                      true AS flag, TIMESTAMP '2026-01-09 10:00:00' AS moment, 'a,"b"' || chr(27) || '[31m' AS text"""
        )
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path))
    return path


def _ask(*args: str) -> Result:
    return CliRunner().invoke(app, ["query", *args])


def test_a_table_shows_values_as_they_are_and_steers_no_terminal(published: Path) -> None:
    done = _ask("SELECT user_id, cost, text FROM marts.answers", "--format", "table")
    assert done.exit_code == 0, done.output
    assert "1731123" in done.stdout, "an id has no thousands separators"
    assert "0.000000001" in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert "1 row" in done.stdout
    assert str(published) in done.stderr


def test_csv_is_the_default_without_a_terminal_and_holds_only_the_rows(published: Path) -> None:
    done = _ask("SELECT * EXCLUDE (text) FROM marts.answers")
    assert list(csv.reader(io.StringIO(done.stdout))) == [
        ["user_id", "cost", "nothing", "flag", "moment"],
        ["1731123", "0.000000001", "", "true", "2026-01-09 10:00:00"],
    ]


def test_json_is_one_array_of_objects(published: Path) -> None:
    [row] = json.loads(_ask("FROM marts.answers", "--format", "json").stdout)
    assert (row["user_id"], row["cost"], row["nothing"], row["flag"]) == (1731123, "0.000000001", None, True)


def test_a_query_may_begin_with_a_comment_as_in_the_readme(published: Path) -> None:
    assert _ask("-- How many?\nSELECT count(*) AS n FROM marts.answers").stdout.splitlines() == ["n", "1"]
    assert _ask("--formta", "json", "SELECT 1").exit_code == 2, "a mistyped option is none"


@pytest.mark.parametrize("sql", ["", "  ", ";", "-- nothing"])
def test_an_empty_query_is_reported(published: Path, sql: str) -> None:
    done = _ask(sql)
    assert (done.exit_code, "There is no statement" in done.stderr) == (1, True), done.output


def test_a_table_stops_at_a_hundred_rows_with_a_note(published: Path) -> None:
    done = _ask("FROM range(1000)", "--format", "table")
    assert "100 rows" in done.stdout
    assert "--limit" in done.stderr
    assert len(_ask("FROM range(1000)", "--format", "csv").stdout.splitlines()) == 1001
    assert len(_ask("FROM range(1000)", "--format", "csv", "--limit", "3").stdout.splitlines()) == 4


def test_wrong_sql_is_answered_with_the_place_and_no_traceback(published: Path) -> None:
    done = _ask("SELECT nonsense FROM marts.answers")
    assert done.exit_code == 1
    assert "nonsense" in done.stderr
    assert "LINE 1" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "SET enable_external_access = true",
        "CREATE TABLE marts.mine AS SELECT 1",
        "DELETE FROM marts.answers",
        "INSTALL httpfs",
        "EXPORT DATABASE '{file}.tmp'",
        "EXPORT DATABASE '{file}.tmp/export'",
        "ATTACH '{file}.tmp/other.duckdb' AS other (READ_WRITE)",
        "ATTACH '{file}' AS again (READ_WRITE)",
        "COPY marts.answers TO '{file}.tmp/answers.csv'",
        "COPY marts.answers TO '.tmp/answers.csv'",
    ],
)
def test_nothing_but_the_published_file_can_be_read_and_nothing_written(published: Path, sql: str) -> None:
    before = published.read_bytes()
    spilled = published.with_name(f"{published.name}.tmp")  # where DuckDB would spill, and let a query write
    spilled.mkdir()
    done = _ask(sql.format(file=published))
    assert done.exit_code == 1, f"{sql} must be refused: {done.output}"
    assert published.read_bytes() == before
    assert list(spilled.iterdir()) == []


@pytest.mark.parametrize("shown_as", ["table", "csv", "json"])
@pytest.mark.parametrize("name", ["[/x]", "[bold]x[/bold]", "[link=file:///etc/passwd]x[/link]"])
def test_a_column_of_any_name_is_shown_unchanged(published: Path, shown_as: str, name: str) -> None:
    done = _ask(f'SELECT 1 AS "{name}"', "--format", shown_as)
    assert (done.exit_code, done.exception) == (0, None), done.output
    assert name in done.stdout


@pytest.mark.parametrize("shown_as", ["table", "csv", "json"])
def test_a_columns_name_steers_no_terminal(published: Path, monkeypatch: pytest.MonkeyPatch, shown_as: str) -> None:
    monkeypatch.setattr(console.out, "_force_terminal", True)
    done = _ask('SELECT 1 AS "a\x1b]0;owned\x07b"', "--format", shown_as)
    assert done.exit_code == 0, done.output
    assert "]0;owned" in done.stdout
    assert "\x1b]0;" not in done.stdout and "\x07" not in done.stdout


def test_a_missing_published_file_is_reported_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path))
    done = _ask("SELECT 1")
    assert done.exit_code == 2
    assert "analytics-pipeline publish" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_seen_enough_is_no_error(published: Path) -> None:
    command = (
        f"{sys.executable} -c 'from analytics_pipeline.cli import main; main()' query 'FROM range(300000)' | head -2"
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert done.stdout == "range\n0\n"
    assert done.stderr.strip() == str(published)
