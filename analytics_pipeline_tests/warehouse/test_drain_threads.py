"""No database is closed or detached while a DuckDB thread may still hold its tables, which would
crash the process.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from analytics_pipeline.warehouse import connection as connection_module
from analytics_pipeline.warehouse.connection import closing, connect, open_warehouse
from analytics_pipeline.warehouse.files import attached

pytestmark = pytest.mark.file_only("about closing a file")


class Watched:
    """A connection that records, when it closes or detaches, which threads of its queries are still
    alive.
    """

    def __init__(self, path: Path) -> None:
        before = _threads()
        self._connection = connect(path)
        self._workers = _threads() - before
        assert self._workers, (
            "on a machine with one core DuckDB starts no thread, and this test sees nothing"
        )
        self.alive: list[set[int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        if sql.startswith("DETACH"):
            self.alive.append(_threads() & self._workers)
        return self._connection.execute(sql, *parameters)

    def close(self) -> None:
        self.alive.append(_threads() & self._workers)
        self._connection.close()


def _threads() -> set[int]:
    return {thread.id for thread in psutil.Process().threads()}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    yield Watched(tmp_path / "warehouse.duckdb")


def test_the_warehouse_closes_after_its_threads_have_drained(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connection_module, "connect", lambda path, wait_seconds: watched)
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("SELECT count(*) FROM range(1_000_000)")
    assert watched.alive == [set()]


def test_an_attached_file_is_detached_after_its_threads_have_drained(
    watched: Watched, tmp_path: Path
):
    with closing(watched) as connection, attached(connection, tmp_path / "fresh.duckdb", "fresh"):  # type: ignore[arg-type]
        connection.execute("CREATE TABLE fresh.numbers AS FROM range(1_000_000)")
    assert watched.alive == [set(), set()]


def test_queries_after_a_detach_have_all_threads_again(tmp_path: Path):
    with closing(connect(tmp_path / "warehouse.duckdb")) as connection:
        before = connection.execute("SELECT current_setting('threads')").fetchone()
        with attached(connection, tmp_path / "fresh.duckdb", "fresh"):
            pass
        assert connection.execute("SELECT current_setting('threads')").fetchone() == before


def test_a_broken_connection_is_still_closed(tmp_path: Path):
    with (
        pytest.raises(duckdb.InvalidInputException),
        closing(connect(tmp_path / "warehouse.duckdb")) as connection,
    ):
        connection.begin()
        connection.execute("SELECT error('stop')")
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        connection.execute("SELECT 1")
