"""Copy tables from one attached database to another, and compare them by hashes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from analytics_pipeline.warehouse.sql_text import qualified, quoted
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline.warehouse.transactions import value_of

NOT_COPIED = frozenset({"ops.schema_version", "ops.publication", "ops.published_parts"})
"""Each warehouse writes its own schema version. The other two describe the published file by the
warehouse's own catalog: without them the next publication writes the file whole."""


@dataclass(frozen=True)
class Databases:
    """Two attached databases with the same tables.

    Attributes:
        connection: where both are attached.
        origin: name of the database whose tables are copied.
        target: name of the database that gets them.
    """

    connection: duckdb.DuckDBPyConnection
    origin: str
    target: str

    def copy(self, table: str, columns: Sequence[str]) -> None:
        """Add all rows of a table of the origin to the target's."""
        names = ", ".join(map(quoted, columns))
        self.connection.execute(
            f"INSERT INTO {self.target}.{qualified(table)} ({names})"
            f" SELECT {names} FROM {self.origin}.{qualified(table)}"
        )

    def equal_rows(self, table: str, columns: Sequence[str]) -> int | None:
        """Return the number of rows of a table; None if they differ in the two databases."""
        origin, target = (
            self._digest(database, table, columns) for database in (self.origin, self.target)
        )
        return origin[0] if origin == target else None

    def is_empty(self, names: Sequence[str]) -> bool:
        """Return whether the target has no row in any of these tables."""
        return not any(
            self.connection.execute(
                f"SELECT 1 FROM {self.target}.{qualified(name)} LIMIT 1"
            ).fetchall()
            for name in names
        )

    def columns(self, relation: str) -> list[str]:
        """Return the columns of a table or view of the origin."""
        rows = self.connection.execute(f"DESCRIBE {self.origin}.{qualified(relation)}").fetchall()
        return [name for name, *_ in rows]

    def relations(self, kind: str) -> set[str]:
        """Return the qualified names of the origin's tables (`BASE TABLE`) or views (`VIEW`)."""
        rows = self.connection.execute(
            """SELECT table_schema || '.' || table_name FROM information_schema.tables
               WHERE table_catalog = ? AND table_type = ?""",
            [self.origin, kind],
        ).fetchall()
        return {name for (name,) in rows}

    def _digest(self, database: str, table: str, columns: Sequence[str]) -> tuple[int, int]:
        names = ", ".join(map(quoted, columns))
        source = f"{database}.{qualified(table)}"
        rows = value_of(self.connection, f"SELECT count(*) FROM {source}")
        hashed = f"SELECT sum(hash({names})::HUGEINT) FROM {source}"
        return rows, value_of(self.connection, hashed) or 0


def copied_tables() -> Mapping[str, Sequence[str]]:
    """Return the declared tables that are copied, and the columns of each."""
    return {
        table.name: [column.name for column in table.columns]
        for table in tables()
        if not table.query and table.name not in NOT_COPIED
    }
