"""All or nothing: the one way in which several statements become a transaction. What they write is no matter here."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what is done inside, or undo all of it where it raises; the connection is usable afterwards.

    Where DuckDB has given up the transaction by itself (a full disk), the error that made it do so is raised.
    """
    connection.begin()
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            connection.rollback()
        raise
    connection.commit()
