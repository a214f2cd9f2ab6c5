"""Don't publish an email address that a shifted row moved into an open column.

A name with an unquoted comma shifts the cells after it, so that a private cell ends up in an open
column.
"""

from collections.abc import Collection

import duckdb

from analytics_pipeline.warehouse.sql_text import quoted

_HOLDS_EMAIL = (
    r"""(contains({0}, '@') AND regexp_matches({0}, '[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]+'))"""
)


class Emptied:
    """Empties cells of open text columns that hold an email address, and counts them.

    Attributes:
        pii: whether private columns are published too. Then nothing is emptied.
        cells: number of emptied cells by `schema.table.column`.
    """

    def __init__(self, pii: bool) -> None:
        self.pii = pii
        self.cells: dict[str, int] = {}

    def select(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        relation: str,
        columns: Collection[str] | None = None,
    ) -> str:
        """Return a query of the rows without email addresses, and count the emptied cells.

        Args:
            connection: connection that has the relation.
            name: the relation as `schema.table`, for the count.
            relation: the relation as SQL.
            columns: the columns to select; by default all.
        """
        types = {
            str(row[0]): str(row[1])
            for row in connection.execute(f"DESCRIBE {relation}").fetchall()
        }
        taken = list(types) if columns is None else list(columns)
        suspects = [] if self.pii else [column for column in taken if types[column] == "VARCHAR"]
        found = self._count(connection, relation, suspects)
        self.cells |= {f"{name}.{column}": cells for column, cells in found.items() if cells}
        cells = ", ".join(
            without_email(column) if found.get(column) else quoted(column) for column in taken
        )
        return f"SELECT {cells} FROM {relation}"

    @staticmethod
    def _count(
        connection: duckdb.DuckDBPyConnection, relation: str, columns: Collection[str]
    ) -> dict[str, int]:
        if not columns:
            return {}
        counts = ", ".join(f"count(*) FILTER ({holds_email(column)})" for column in columns)
        return dict(
            zip(
                columns,
                connection.execute(f"SELECT {counts} FROM {relation}").fetchall()[0],
                strict=True,
            )
        )


def without_email(column: str) -> str:
    """Return SQL for a text column whose cells are NULL if they hold an email address."""
    return (
        f"CASE WHEN {holds_email(column)} THEN NULL ELSE {quoted(column)} END AS {quoted(column)}"
    )


def holds_email(column: str) -> str:
    """Return SQL that tests whether a text column's cell holds an email address."""
    return _HOLDS_EMAIL.format(quoted(column))
