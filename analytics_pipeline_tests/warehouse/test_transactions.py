"""Transactions of the warehouse are repeated if another writer was faster."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.warehouse import transactions
from analytics_pipeline.warehouse.errors import WarehouseBusy
from analytics_pipeline.warehouse.transactions import (
    fence,
    share,
    snapshot,
    together,
    transaction,
    write,
)


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


def _insert(connection: duckdb.DuckDBPyConnection, *values: str) -> list[str]:
    """Insert values, each by a write of its own; return those that were written."""
    written: list[str] = []
    for value in values:
        try:
            write(connection, lambda value=value: connection.execute(_INSERT, [value]))
        except duckdb.Error:
            continue
        written.append(value)
    return written


_INSERT = "INSERT INTO keys SELECT CASE WHEN $1 = 'bad' THEN error($1) ELSE $1 END"


@pytest.mark.parametrize(("is_costly", "transactions"), [(True, 1), (False, 3)])
def test_writes_share_one_transaction_if_each_one_is_costly(
    connection: duckdb.DuckDBPyConnection, is_costly: bool, transactions: int
) -> None:
    if is_costly:
        share(connection)
    assert together(connection, lambda: _insert(connection, "x", "y", "z")) == ["x", "y", "z"]
    assert _keys(connection) == [("x",), ("y",), ("z",)]
    assert connection.execute("FROM fence").fetchall() == [(transactions,)]


@pytest.mark.parametrize("values", [("x", "bad", "y"), ("bad", "x", "y"), ("x", "y", "bad")])
def test_a_failed_write_undoes_no_other_that_shared_its_transaction(
    connection: duckdb.DuckDBPyConnection, values: tuple[str, ...]
) -> None:
    share(connection)
    assert together(connection, lambda: _insert(connection, *values)) == ["x", "y"]
    assert _keys(connection) == [("x",), ("y",)]
    assert connection.execute("FROM fence").fetchall() == [(2,)], "one transaction for each"


def test_a_query_that_fails_beside_shared_writes_undoes_none(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    share(connection)

    def work() -> list[str]:
        first = _insert(connection, "x")
        with pytest.raises(duckdb.Error):
            connection.execute("SELECT error('no')")
        return first + _insert(connection, "y")

    assert together(connection, work) == ["x", "y"]
    assert _keys(connection) == [("x",), ("y",)]


def test_a_dry_run_beside_shared_writes_changes_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    share(connection)

    def work() -> None:
        _insert(connection, "x")
        write(connection, lambda: connection.execute(_INSERT, ["dry"]), dry_run=True)

    together(connection, work)
    assert _keys(connection) == [("x",)]


def test_a_block_reads_one_snapshot_if_each_transaction_is_costly(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    other = connection.cursor()
    share(connection)
    with snapshot(connection):
        assert _keys(connection) == []
        other.execute("INSERT INTO keys VALUES ('x')")
        with transaction(connection):
            assert _keys(connection) == []
    assert _keys(connection) == [("x",)]
    other.close()
