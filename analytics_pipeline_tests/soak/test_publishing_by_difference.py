"""Publishing by difference for long: random changes, two processes, growth, other DuckDBs."""

import json
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.support.republished import (
    Republished,
    contents,
    publish_tiny_changes,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7_200)]

ORGANISATIONS, STEPS = 60, 50
"""About an hour on one core."""
UPDATES = 300
DAYS, ROWS = 100, 3_650
"""365,000 sessions, as in the measurement that grew without a bound."""


def test_random_changes_for_an_hour_are_published_like_a_whole_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_tiny_changes(monkeypatch)
    differences = wholes = 0
    for seed in range(ORGANISATIONS):
        folder = tmp_path / str(seed)
        folder.mkdir(mode=0o700)
        lived = Republished(folder, seed)
        for step in range(STEPS):
            try:
                lived.step()
            except AssertionError as error:
                error.add_note(f"seed {seed}, step {step}")
                raise
        differences, wholes = differences + lived.differences, wholes + lived.wholes
        shutil.rmtree(folder)
    assert differences > wholes
    note(
        "Publishing by difference, compared with whole files after random changes",
        f"{differences:,} by difference, {wholes:,} whole; no difference for a reader",
    )


def _add_days(folder: str, first: int, count: int) -> None:
    """Add days to a warehouse that another process writes too, and publish each."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        publish_tiny_changes(monkeypatch)
        for day in range(first, first + count):
            with open_warehouse(Path(folder) / "warehouse.duckdb") as connection:
                _insert_day(connection, day, 100)
                publish(
                    connection, Path(folder) / "analytics.duckdb", pii=False, without_marts=True
                )


def test_two_processes_publish_what_a_whole_write_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_tiny_changes(monkeypatch)
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    lived = Republished(folder, seed=5)
    lived.publish()
    context = multiprocessing.get_context("spawn")
    both = [
        context.Process(target=_add_days, args=(str(folder), first, 40)) for first in (1_000, 2_000)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(600)
    assert [process.exitcode for process in both] == [0, 0]
    assert not lived.publish().is_whole, "which compares the file with a whole one"
    with duckdb.connect(str(lived.target), read_only=True) as connection:
        days = connection.execute(
            "SELECT count(*) FROM raw.lab_sessions WHERE starts_with(_source_key, 'day')"
        ).fetchall()
    assert days == [(2 * 40 * 100,)]


def _insert_day(connection: duckdb.DuckDBPyConnection, day: int, rows: int) -> None:
    connection.execute("DELETE FROM raw.lab_sessions WHERE _source_key = ?", [f"day {day}"])
    connection.execute(
        """INSERT INTO raw.lab_sessions BY NAME
           SELECT hash(r) % 5000 AS user_id, 1 + r % 20 AS course_id, 1 + r % 400 AS part_id,
                  DATE '2020-01-01' + $day::INTEGER AS file_date,
                  file_date + to_seconds((r * 20)::BIGINT) AS start_time,
                  'part ' || r % 400 AS part_name, hash(r, $day) % 1000 / 7 AS duration_min,
                  'day ' || $day AS _source_key
           FROM range($rows) AS x(r)""",
        {"day": day, "rows": rows},
    )


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file after 300 updates; its size is checked after each."""
    folder = tmp_path_factory.mktemp("updated")
    target, beside = folder / "analytics.duckdb", folder / "beside.duckdb"
    wholes, largest = 0, 0.0
    with open_warehouse(folder / "warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA marts")
        for day in range(DAYS):
            _insert_day(connection, day, ROWS)
        for update in range(UPDATES):
            if update % 4 == 0:
                _insert_day(connection, DAYS + update // 4, ROWS)
            _insert_day(connection, DAYS + update // 4, ROWS - update % 4)
            if update % 25 == 0:  # a late file, and a correction
                _insert_day(connection, update // 10, ROWS - 1)
            connection.execute(
                """CREATE OR REPLACE TABLE marts.sessions AS
                   SELECT * EXCLUDE (_extra, log, tags, user_email) FROM raw.lab_sessions"""
            )
            wholes += publish(connection, target, pii=False, without_marts=True).is_whole
            if update % 10 == 9:
                with pytest.MonkeyPatch.context() as monkeypatch:
                    monkeypatch.setattr(
                        "analytics_pipeline.warehouse.publish.fitting", lambda *_: None
                    )
                    kept = connection.execute("FROM ops.publication").fetchall()
                    publish(connection, beside, pii=False, without_marts=True)
                    connection.execute("DELETE FROM ops.publication")
                    connection.executemany(
                        "INSERT INTO ops.publication VALUES (?, ?, ?, ?, ?, ?)", kept
                    )
                size, whole = target.stat().st_size, beside.stat().st_size
                largest = max(largest, size / whole)
                assert size <= 1.3 * whole, f"after {update + 1} updates: {size:,}, whole {whole:,}"
                assert contents(target) == contents(beside)
    assert 1 < wholes < UPDATES / 3, f"{wholes} of {UPDATES} were written whole"
    note(
        f"The published file after {UPDATES} updates",
        f"at most {largest:.2f} times a whole file; {wholes} were written whole",
    )
    return target


def test_a_changed_copy_stays_as_small_as_a_whole_file(updated: Path) -> None:
    with duckdb.connect(str(updated), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM ops.published").fetchall() == [(1,)]


@pytest.mark.parametrize("release", ["==1.1.3", ""], ids=["1.1.3", "newest"])
def test_another_duckdb_reads_a_whole_changed_copy(
    updated: Path, tmp_path: Path, release: str
) -> None:
    """Needs a package index."""
    uv = Path(sys.executable).with_name("uv")
    install = [uv, "pip", "install", "--quiet", "--target", tmp_path / "duckdb", f"duckdb{release}"]
    subprocess.run([*install, "--python", sys.executable], check=True, cwd=tmp_path)
    script = f"""
import sys; sys.path.insert(0, {str(tmp_path / "duckdb")!r})
import duckdb, json
connection = duckdb.connect({str(updated)!r}, read_only=True)
names = connection.execute(
    "SELECT DISTINCT schema_name || '.' || table_name FROM duckdb_columns() WHERE NOT internal"
).fetchall()
rows = {{name: len(connection.execute(f"FROM {{name}}").fetchall()) for (name,) in names}}
print()
print(json.dumps([duckdb.__version__, rows]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    version, read = json.loads(done.stdout.splitlines()[-1])
    assert version == release.removeprefix("==") or not release
    with duckdb.connect(str(updated), read_only=True) as connection:
        now = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for name in read
        }
    assert read == now and read["marts.sessions"] > DAYS * ROWS
