"""What a run of the tests left is searched for personal data, and the search can find it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline_tests.support import leftovers


def publish(path: Path, cell: str, *, pii: bool) -> None:
    """Write a published file with a text in a column that DuckDB compresses."""
    path.parent.mkdir(parents=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA ops; CREATE SCHEMA marts")
        connection.execute("CREATE TABLE ops.published AS SELECT ?::BOOLEAN AS pii", [pii])
        connection.execute(
            "CREATE TABLE marts.sessions AS SELECT ? AS cell FROM range(5000)", [cell]
        )


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("user7@example.edu", "an email address"),
        ("Ana Almeida", "a name"),
        ("李小龍", "a name"),
        (" START successful; CFN creation successful", "a session's log"),
        ("t0ken-of-an-org-admin", "a token, key or webhook"),
    ],
)
def test_a_private_value_in_a_published_file_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cell: str, what: str
) -> None:
    publish(tmp_path / "data" / "analytics.duckdb", cell, pii=False)
    assert leftovers.main(tmp_path) == 1
    shown = capsys.readouterr().out
    assert f"{what} in analytics.duckdb: marts.sessions" in shown
    assert cell.strip() not in shown, "the search itself shows the value"


def test_a_private_value_in_dagsters_events_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "data" / "dagster" / "history" / "runs" / "index.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE event_logs (event TEXT)")
        connection.execute("INSERT INTO event_logs VALUES ('by user7@example.edu')")
    assert leftovers.main(tmp_path) == 1
    assert "an email address in index.db: event_logs" in capsys.readouterr().out


def test_personal_data_that_was_published_by_choice_is_no_leak(tmp_path: Path) -> None:
    publish(tmp_path / "chosen" / "analytics.duckdb", "user7@example.edu", pii=True)
    publish(tmp_path / "closed" / "analytics.duckdb", "CS 17", pii=False)
    assert leftovers.main(tmp_path) == 0


def test_a_search_of_nothing_is_no_success(tmp_path: Path) -> None:
    assert leftovers.main(tmp_path) == 1
