"""Run several statements as one transaction, and statements that return one figure."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import duckdb


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit at the end of the block, or roll back if it raises; the connection stays usable.

    If DuckDB aborted the transaction itself (a full disk), the original error is raised.
    """
    connection.begin()
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            connection.rollback()
        raise
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
