"""Transactions of the warehouse are repeated if another writer was faster."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.warehouse import transactions
from analytics_pipeline.warehouse.errors import WarehouseBusy
from analytics_pipeline.warehouse.transactions import fence, write


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE fence AS SELECT 0 AS n")
        connection.execute("CREATE TABLE keys (key VARCHAR)")
        fence(connection, "UPDATE fence SET n = n + 1")
        yield connection


def _keys(connection: duckdb.DuckDBPyConnection) -> list[tuple[str]]:
    return connection.execute("FROM keys").fetchall()


def test_of_two_transactions_that_insert_the_same_key_the_later_one_is_repeated(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = connection.cursor()
    other.begin()
    other.execute("UPDATE fence SET n = n + 1")
    other.execute("INSERT INTO keys VALUES ('x')")
    pauses: list[float] = []

    def commit_other(seconds: float) -> None:
        pauses.append(seconds)
        other.commit()

    monkeypatch.setattr(time, "sleep", commit_other)

    def insert_if_missing() -> str:
        connection.execute("INSERT INTO keys SELECT 'x' WHERE 'x' NOT IN (FROM keys)")
        return "done"

    assert write(connection, insert_if_missing) == "done"
    assert (_keys(connection), len(pauses)) == ([("x",)], 1)
    assert connection.execute("FROM fence").fetchall() == [(2,)]
    other.close()


def test_a_writer_that_is_always_too_slow_gives_up_and_writes_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    calls: list[str] = []

    def conflicts() -> None:
        connection.execute("INSERT INTO keys VALUES ('x')")
        calls.append("x")
        raise duckdb.TransactionException("Transaction conflict - another transaction has")

    with pytest.raises(WarehouseBusy, match="during each of 12 attempts"):
        write(connection, conflicts)
    assert (len(calls), _keys(connection)) == (transactions.ATTEMPTS, [])
    assert connection.execute("FROM fence").fetchall() == [(0,)]


@pytest.mark.parametrize("error", [ValueError("no"), duckdb.TransactionException("no space")])
def test_any_other_error_is_raised_at_once(
    connection: duckdb.DuckDBPyConnection, error: Exception
) -> None:
    calls: list[int] = []

    def fails() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error), match="no"):
        write(connection, fails)
    assert calls == [1]
    write(connection, lambda: connection.execute("INSERT INTO keys VALUES ('usable')"))
    assert _keys(connection) == [("usable",)]


def test_a_dry_run_returns_what_it_found_and_changes_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    def work() -> int:
        connection.execute("INSERT INTO keys VALUES ('x')")
        return len(_keys(connection))

    assert write(connection, work, dry_run=True) == 1
    assert _keys(connection) == []


def test_a_file_has_no_fence(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        write(connection, lambda: connection.execute("CREATE TABLE t AS SELECT 1 AS n"))
        assert connection.execute("FROM t").fetchall() == [(1,)]
