"""An older warehouse under today's code: the first release's file as released, and migrations in
every order.

No migration is released yet; the ones here show what one may do: rename, retype, move rows.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.warehouse import schema
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.erase import unfinished
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline.warehouse.schema import MigrationFailed, ensure_schema
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline_tests.loading.test_schema import columns
from analytics_pipeline_tests.support.deliveries import HEADER, KEYS
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse, contents
from analytics_pipeline_tests.support.model_warehouse import build_all

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.file_only("earlier releases wrote files only"),
]

FIRST_RELEASE = (Path(__file__).parent / "released" / "schema_1.sql").read_text()
ANOTHER_ROW = "7, u@v.com, 7, lab, 1, 2026, 0.5\n"


def first_release(path: Path) -> None:
    """A warehouse as the first release wrote it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(
        str(path), config={"storage_compatibility_version": "v1.0.0"}
    ) as connection:
        connection.execute(FIRST_RELEASE)


def reversed_columns(path: Path) -> None:
    """The same with reordered columns and no comments, as a long history of releases may leave
    it.
    """
    with duckdb.connect(str(path)) as connection:
        there = set(columns(connection))
        for table in (
            table
            for table in tables()
            if not table.query and table.name in {name for name, _ in there}
        ):
            names = ", ".join(
                f'"{column.name}"'
                for column in reversed(table.columns)
                if (table.name, column.name) in there
            )
            connection.execute(
                f"CREATE OR REPLACE TABLE {table.name} AS SELECT {names} FROM {table.name}"
            )
        connection.execute("UPDATE ops.schema_version SET declared = 'another one'")


@pytest.mark.parametrize(
    "age", [lambda _: None, reversed_columns], ids=["as released", "columns in another order"]
)
def test_the_first_releases_warehouse_migrates_with_its_rows(
    warehouse: Warehouse, tmp_path: Path, age: Callable[[Path], None]
):
    first_release(warehouse.path)
    with duckdb.connect(str(warehouse.path)) as connection:
        had = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in {name for name, _ in columns(connection)} - {"ops.schema_version"}
        }
        before = {
            table: sorted(
                map(
                    str,
                    connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {table}").pl().to_dicts(),
                )
            )
            for table in had
        }
    assert min(had.values()) > 0, "the fixture has rows in every table"
    age(warehouse.path)

    with open_warehouse(tmp_path / "fresh.duckdb") as connection:
        fresh = columns(connection)
    with open_warehouse(warehouse.path) as connection:
        assert columns(connection) == fresh, (
            "a change that new tables and columns don't cover needs a migration"
        )
        kept = {
            name: f"SELECT {', '.join(as_text(column) for column in order)} FROM {name}"
            for name, order in _columns_of_the_first_release().items()
        }
        after = {
            table: sorted(map(str, connection.execute(sql).pl().to_dicts()))
            for table, sql in kept.items()
        }
    assert {table: rows for table, rows in after.items() if rows != before[table]} == {}


@pytest.mark.parametrize(
    "age", [lambda _: None, reversed_columns], ids=["as released", "columns in another order"]
)
def test_the_first_releases_warehouse_is_loaded_published_and_built_like_a_fresh_one(
    tmp_path: Path, age: Callable[[Path], None]
):
    old, fresh = Warehouse(tmp_path / "old"), Warehouse(tmp_path / "fresh")
    first_release(old.path)
    age(old.path)
    bodies = {KEYS[name]: header for name, header in HEADER.items()} | {
        KEYS["azure_cost"]: HEADER["azure_cost"] + ANOTHER_ROW,
        "grades/course7/grades.csv": HEADER["grades"],
    }
    loaded = []
    for warehouse in (old, fresh):
        # emptied on purpose
        results = warehouse.load(warehouse.deliver(bodies, "e9", night=5), accept=True)
        assert [result.failure for result in results if result.failure] == []
        with open_warehouse(warehouse.path) as connection:
            build_all(connection)
            publish(connection, warehouse.path.with_name("analytics.duckdb"), pii=False)
        loaded.append(
            {
                table: rows
                for table, rows in contents(warehouse.path).items()
                if not table.startswith("history.")
            }
        )
    for content in loaded:
        content.pop("ops.erased")
        content.pop("ops.arrivals")  # the older warehouse saw the files before
    assert loaded[0] == loaded[1]
    assert loaded[0]["raw.azure_cost"][0][0] == "7"


def test_people_whom_an_earlier_release_erased_are_not_erased_again(tmp_path: Path):
    path = tmp_path / "w.duckdb"
    first_release(path)
    with duckdb.connect(str(path)) as connection:
        erased = connection.execute("SELECT count(*) FROM ops.erased").fetchall()
        assert erased > [(0,)]
        assert unfinished(connection) == [], "before the upgrade, as `status` reads it"
    with open_warehouse(path) as connection:
        assert unfinished(connection) == []


def as_text(column: str) -> str:
    """Return SQL of a column as text, under its own name."""
    return f'"{column}"::VARCHAR AS "{column}"'


def _columns_of_the_first_release() -> dict[str, list[str]]:
    with duckdb.connect() as connection:
        connection.execute(FIRST_RELEASE)
        found: dict[str, list[str]] = {}
        for table, column in columns(connection):
            found.setdefault(table, []).append(column)
    found.pop("ops.schema_version")
    return found


def rename(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("ALTER TABLE ops.notes RENAME COLUMN text TO words")


def retype(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("ALTER TABLE ops.notes ALTER COLUMN words TYPE BIGINT")


def move(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE ops.numbers AS SELECT words * 2 AS number FROM ops.notes")
    connection.execute("DROP TABLE ops.notes")


STEPS = (rename, retype, move)
"""Each works only after the previous one."""


def of_version(path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Return a warehouse as a release with one migration fewer left it."""
    monkeypatch.setattr(schema, "MIGRATIONS", ())
    with open_warehouse(path) as connection:
        connection.execute("CREATE TABLE ops.notes AS SELECT '21' AS text")
    monkeypatch.setattr(schema, "MIGRATIONS", STEPS[: version - 1])
    with open_warehouse(path):
        pass
    monkeypatch.setattr(schema, "MIGRATIONS", STEPS)


def versions(path: Path) -> list[int]:
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "SELECT version FROM ops.schema_version ORDER BY version"
        ).fetchall()
    return sorted({version for (version,) in found})


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_every_version_reaches_the_newest_one_step_by_step_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
):
    path = tmp_path / "w.duckdb"
    of_version(path, version, monkeypatch)
    assert versions(path)[-1] == version
    for _ in range(3):
        with open_warehouse(path) as connection:
            assert connection.execute("SELECT number FROM ops.numbers").fetchall() == [(42,)]
    assert versions(path) == [1, 2, 3, 4]


def test_a_fresh_warehouse_runs_no_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(schema, "MIGRATIONS", STEPS)
    with open_warehouse(tmp_path / "w.duckdb"):
        pass
    assert versions(tmp_path / "w.duckdb") == [4]


def test_a_failed_migration_step_is_rolled_back_and_the_connection_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "w.duckdb"
    of_version(path, 1, monkeypatch)

    def fails(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("CREATE TABLE ops.half_done AS SELECT 1 AS a")
        retype(connection)
        connection.execute("SELECT 'ann@example.org'::BIGINT")

    monkeypatch.setattr(schema, "MIGRATIONS", (rename, fails, move))
    with duckdb.connect(str(path)) as connection:
        with pytest.raises(
            MigrationFailed, match=r"from schema 2 to 3 \(ConversionException\)"
        ) as raised:
            ensure_schema(connection)
        assert "ann@example.org" not in str(raised.value)
        assert columns(connection)["ops.notes", "words"][0] == "VARCHAR"
        assert ("ops.half_done", "a") not in columns(connection)
        connection.begin()  # no transaction was left open
        connection.rollback()
    assert versions(path) == [1, 2], "the step before it stays"

    monkeypatch.setattr(schema, "MIGRATIONS", STEPS)
    with open_warehouse(path) as connection:
        assert connection.execute("SELECT number FROM ops.numbers").fetchall() == [(42,)]


KILLED = """
import os, sys
from pathlib import Path
from analytics_pipeline.warehouse import schema
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.loading.test_upgrades import STEPS
step, moment = int(sys.argv[2]), sys.argv[3]
def dies(connection):
    if moment == "behind its statements":
        STEPS[step](connection)
    os._exit(9)
schema.MIGRATIONS = (*STEPS[:step], dies, *STEPS[step + 1:])
with open_warehouse(Path(sys.argv[1])):
    pass
"""


@pytest.mark.parametrize(
    ("step", "moment"),
    [(0, "behind its statements"), (1, "before its statements"), (2, "behind its statements")],
)
def test_a_kill_within_a_step_keeps_the_previous_version_and_the_next_open_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, moment: str
):
    path = tmp_path / "w.duckdb"
    of_version(path, 1, monkeypatch)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(step), moment], env=environment, check=False
    )
    assert killed.returncode == 9
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT max(version) FROM ops.schema_version").fetchall() == [
            (step + 1,)
        ]
        assert ("ops.numbers", "number") not in columns(connection), (
            "what was not committed is not there"
        )
    with open_warehouse(path) as connection:
        assert connection.execute("SELECT number FROM ops.numbers").fetchall() == [(42,)]
    assert versions(path) == [1, 2, 3, 4]
