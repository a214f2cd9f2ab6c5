"""Run several statements as one transaction, and statements that return one figure.

`write` makes one change of the warehouse, and repeats it if another writer was faster. A file needs
no more. In a lake each transaction reads the catalog again, so `together` and `snapshot` let the
writes and queries inside them share one. `fence` and `share` declare that a connection is a lake's.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakSet

import duckdb

from analytics_pipeline.warehouse.errors import WarehouseBusy

T = TypeVar("T")
ATTEMPTS = 12
"""How often a transaction is tried that conflicts with those of other writers."""
_LONGEST_PAUSE = 10.0
"""Seconds, before jitter."""
_fences: WeakKeyDictionary[duckdb.DuckDBPyConnection, str] = WeakKeyDictionary()
"""The first statement of each transaction of `write`, by connection."""
_costly: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
"""Connections on which each transaction is costly."""
_shared: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
"""Connections inside `together` or `snapshot`, with a transaction that statements join."""


class _SharedFailed(Exception):
    """A write failed in a shared transaction, which therefore must not be committed."""


def fence(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Begin each transaction of `write` on this connection with a statement.

    It updates a row that every writer updates, so that of two simultaneous transactions the later
    one conflicts, whatever else they write.
    """
    _fences[connection] = statement


def share(connection: duckdb.DuckDBPyConnection) -> None:
    """Let `together` and `snapshot` use one transaction on this connection: each one is costly."""
    _costly.add(connection)


def write(
    connection: duckdb.DuckDBPyConnection, work: Callable[[], T], *, dry_run: bool = False
) -> T:
    """Change the warehouse in one transaction; repeat it if another writer was faster.

    Inside `together`, the transaction may be shared with other writes.

    Args:
        connection: the live warehouse, with no transaction open.
        work: makes all changes, and reads what they depend on: it may be called several times.
        dry_run: roll back at the end.

    Returns:
        What `work` returns.

    Raises:
        WarehouseBusy: other writers were faster in every attempt.
    """
    if connection in _shared:
        return _join(work, dry_run=dry_run)
    for attempt in range(ATTEMPTS):
        try:
            with transaction(connection, dry_run=dry_run):
                if statement := _fences.get(connection):
                    connection.execute(statement)
                return work()
        except duckdb.TransactionException as error:
            if "conflict" not in str(error).lower():
                raise
        time.sleep(random.uniform(0.5, 1) * min(0.1 * 2**attempt, _LONGEST_PAUSE))  # noqa: S311
    raise WarehouseBusy(
        f"Other runs changed the warehouse during each of {ATTEMPTS} attempts to write. This"
        " transaction wrote nothing. Wait for those runs to end, then run the same command again."
    )


def _join(work: Callable[[], T], *, dry_run: bool) -> T:
    """Change the warehouse in the shared transaction, which can't undo one write alone."""
    if dry_run:
        raise _SharedFailed
    try:
        return work()
    except Exception as error:
        raise _SharedFailed from error


def together(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Do work that calls `write` several times; share one transaction if each one is costly.

    A lake reads its whole catalog again after each commit that changes a table. If a query fails,
    the shared transaction is rolled back and the work done again with a transaction for each
    `write`, so that a failure undoes no other write.

    Args:
        connection: the live warehouse, with no transaction open.
        work: may be called several times. It may catch `duckdb.Error`.

    Returns:
        What `work` returns.

    Raises:
        WarehouseBusy: other writers were faster in every attempt.
    """
    if not _is_worth_sharing(connection):
        return work()

    def shared() -> T:
        with _sharing(connection):
            return work()

    try:
        return write(connection, shared)
    except (duckdb.Error, _SharedFailed):
        return work()


def _is_worth_sharing(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether a transaction is costly, and none is shared yet."""
    return connection in _costly and connection not in _shared


@contextmanager
def snapshot(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run the queries of the block in one transaction if each one is costly, else one by one.

    For a block that changes nothing in the live warehouse.
    """
    if not _is_worth_sharing(connection):
        yield
        return
    with transaction(connection), _sharing(connection):
        yield


@contextmanager
def _sharing(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let the statements of the block join the transaction that is open."""
    _shared.add(connection)
    try:
        yield
    finally:
        _shared.discard(connection)


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection, *, dry_run: bool = False) -> Iterator[None]:
    """Commit at the end of the block, or roll back if it raises; the connection stays usable.

    For files that nobody else writes; `write` changes the warehouse. A dry run rolls back, too.
    If DuckDB aborted the transaction itself (a full disk), the original error is raised. Inside
    `snapshot` it is part of that transaction.
    """
    if connection in _shared:
        yield
        return
    connection.begin()
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            connection.rollback()
        raise
    if dry_run:
        connection.rollback()
    else:
        connection.commit()


def changed(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Mapping[str, object] | Sequence[object],
) -> int:
    """Run a DELETE or UPDATE; return how many rows it changed."""
    row = connection.execute(sql, parameters).fetchone()
    assert row is not None  # DELETE and UPDATE return the number of changed rows
    return int(row[0])


def value_of(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> Any:
    """Return the first value of the only row that an aggregate or a CREATE TABLE AS returns."""
    row = connection.execute(sql, parameters).fetchone()
    assert row is not None  # both always return one row
    return row[0]
