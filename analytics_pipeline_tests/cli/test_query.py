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
            """CREATE TABLE marts.answers AS SELECT 1731123 AS user_id, 0.000000001::DECIMAL(18,
               9) AS cost, NULL AS nothing,
                      true AS flag, TIMESTAMP '2026-01-09 10:00:00' AS moment,
                        'a,"b"' || chr(27) || '[31m' AS text"""
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
    assert (row["user_id"], row["cost"], row["nothing"], row["flag"]) == (
        1731123,
        "0.000000001",
        None,
        True,
    )


def test_a_query_may_begin_with_a_comment_as_in_the_readme(published: Path) -> None:
    assert _ask("-- How many?\nSELECT count(*) AS n FROM marts.answers").stdout.splitlines() == [
        "n",
        "1",
    ]
    assert _ask("--formta", "json", "SELECT 1").exit_code == 2, "a mistyped option is none"


@pytest.mark.parametrize("sql", ["", "  ", ";", "-- nothing"])
def test_an_empty_query_is_reported(published: Path, sql: str) -> None:
    done = _ask(sql)
    assert (done.exit_code, "There is no statement" in done.stderr) == (1, True), done.output


def test_several_queries_are_refused_instead_of_showing_only_the_last(published: Path) -> None:
    done = _ask("SELECT 1 AS first; SELECT 2 AS second")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "one at a time" in done.stderr
    done = _ask("CREATE TEMP TABLE t AS SELECT 2 AS second; FROM t")
    assert done.stdout.split() == ["second", "2"], "it has one result"


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
def test_nothing_but_the_published_file_can_be_read_and_nothing_written(
    published: Path, sql: str
) -> None:
    before = published.read_bytes()
    # where DuckDB would spill, and let a query write
    spilled = published.with_name(f"{published.name}.tmp")
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
def test_a_columns_name_steers_no_terminal(
    published: Path, monkeypatch: pytest.MonkeyPatch, shown_as: str
) -> None:
    monkeypatch.setattr(console.out, "_force_terminal", True)
    done = _ask('SELECT 1 AS "a\x1b]0;owned\x07b"', "--format", shown_as)
    assert done.exit_code == 0, done.output
    assert "]0;owned" in done.stdout
    assert "\x1b]0;" not in done.stdout and "\x07" not in done.stdout


def test_a_missing_published_file_is_reported_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path))
    done = _ask("SELECT 1")
    assert done.exit_code == 2
    assert "analytics-pipeline publish" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_that_its_reader_closes_is_no_error(published: Path) -> None:
    command = (
        f"{sys.executable} -c 'from analytics_pipeline.cli import main; main()' query 'FROM"
        " range(300000)' | head -2"
    )
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.stdout == "range\n0\n"
    assert done.stderr.strip() == str(published)


def test_a_character_that_the_encoding_of_the_output_lacks_is_named_and_not_changed(
    published: Path,
) -> None:
    """As in a locale of Latin-1; the messages escape such a character."""
    sql = "SELECT 'Zoë' AS name UNION ALL SELECT 'Łukasz'"
    done = subprocess.run(
        [sys.executable, "-m", "analytics_pipeline", "query", sql],
        capture_output=True,
        encoding="latin-1",
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "name\nZoë\n"), done.stderr
    assert "(latin-1) lacks '\\u0141'" in done.stderr
    assert "Set PYTHONIOENCODING=utf-8" in done.stderr
    assert "Traceback" not in done.stderr


def test_sql_is_read_from_a_file_or_from_standard_input(published: Path, tmp_path: Path) -> None:
    file = tmp_path / "question.sql"
    file.write_text("-- Who?\nSELECT user_id FROM marts.answers;\n")
    assert _ask("-f", str(file)).stdout == "user_id\n1731123\n"
    assert CliRunner().invoke(app, ["query", "-f", "-"], input="SELECT 7 AS n").stdout == "n\n7\n"
    both = _ask("SELECT 1", "-f", str(file))
    assert (both.exit_code, "Give the SQL as an argument, or a file" in both.stderr) == (
        2,
        True,
    ), both.output
    assert _ask().exit_code == 2
    missing = _ask("-f", str(tmp_path / "none.sql"))
    assert (missing.exit_code, "No such file or directory" in missing.stderr) == (
        2,
        True,
    ), missing.output


def test_markdown_is_a_table_whose_cells_break_no_row(published: Path) -> None:
    done = _ask(
        "SELECT 1.50::DECIMAL(9, 2) AS cost, 'a|b' || chr(10) || 'c' AS \"x|y\"",
        "--format",
        "markdown",
    )
    assert done.stdout.splitlines() == ["| cost | x\\|y |", "|---:|---|", "| 1.50 | a\\|b<br>c |"]


def test_vertical_has_a_line_for_each_cell(published: Path) -> None:
    done = _ask("SELECT user_id, NULL AS nothing, text FROM marts.answers", "--format", "vertical")
    assert done.stdout.splitlines() == [
        "-- row 1 --",
        "user_id  1731123",
        "nothing  ",
        'text     a,"b"\\x1b[31m',
    ]


def test_parquet_keeps_the_types_and_needs_a_file(published: Path, tmp_path: Path) -> None:
    refused = _ask("FROM marts.answers", "--format", "parquet")
    assert (refused.exit_code, "--output rows.parquet" in refused.stderr) == (
        2,
        True,
    ), refused.output
    target = tmp_path / "rows.parquet"
    assert _ask("FROM marts.answers", "--output", str(target)).exit_code == 0
    found = duckdb.sql(f"SELECT user_id, cost, typeof(cost), moment FROM '{target}'").fetchall()
    assert [(user, f"{cost:f}", kind, str(at)) for user, cost, kind, at in found] == [
        (1731123, "0.000000001", "DECIMAL(18,9)", "2026-01-09 10:00:00")
    ]
    assert target.stat().st_mode & 0o777 == 0o600
    assert _ask("FROM range(250000)", "--output", str(target), "--limit", "123456").exit_code == 0
    assert duckdb.sql(f"SELECT count(*), max(range) FROM '{target}'").fetchall() == [
        (123456, 123455)
    ]


def test_json_is_the_same_by_either_option(published: Path) -> None:
    assert json.loads(_ask("SELECT 1 AS a", "--json").stdout) == [{"a": 1}]
    refused = _ask("SELECT 1 AS a", "--json", "--format", "csv")
    assert (refused.exit_code, "mutually exclusive" in refused.stderr) == (2, True), refused.output


def test_json_refuses_columns_of_the_same_name_instead_of_losing_one(
    published: Path, tmp_path: Path
) -> None:
    target = tmp_path / "rows.json"
    for options in (("--json",), ("--format", "json"), ("--output", str(target))):
        refused = _ask("SELECT 1 AS a, 2 AS b, 3 AS a", *options)
        assert (
            refused.exit_code,
            "several columns of the same name: a. Give" in refused.stderr,
        ) == (
            1,
            True,
        ), refused.output
    assert not target.exists()
    assert _ask("SELECT 1 AS a, 2 AS a").stdout == "a,a\n1,2\n", "CSV holds both"


def test_json_has_null_for_numbers_that_json_lacks(published: Path) -> None:
    sql = """SELECT 'nan'::DOUBLE AS a, '-inf'::FLOAT AS b, [0.5, 'inf'::DOUBLE] AS c,
             {'x': 'nan'::DOUBLE, 'y': 1.5::DOUBLE} AS d"""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(_ask(sql, "--json").stdout, parse_constant=refuse) == [
        {"a": None, "b": None, "c": [0.5, None], "d": {"x": None, "y": 1.5}}
    ]
    assert _ask("SELECT 'nan'::DOUBLE AS a, 'inf'::DOUBLE AS b").stdout == "a,b\nnan,inf\n"


def test_json_has_the_keys_of_a_map_as_text(published: Path) -> None:
    sql = "SELECT map {1.5: 1} AS a, map {DATE '2026-11-29': map {2: true}} AS b"
    assert json.loads(_ask(sql, "--json").stdout) == [
        {"a": {"1.5": 1}, "b": {"2026-11-29": {"2": True}}}
    ]
