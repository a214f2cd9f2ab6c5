"""Don't publish an email address that a shifted row moved into an open column.

A name with an unquoted comma shifts the cells after it, so that a private cell ends up in an open
column.
"""

from collections.abc import Collection, Sequence

import duckdb

from analytics_pipeline.warehouse.sql_text import quoted

_EMAIL = r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]+"
_HOLDS_EMAIL = f"(contains({{0}}, '@') AND regexp_matches({{0}}, '{_EMAIL}'))"


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
        where: str = "true",
        parameters: Sequence[object] = (),
    ) -> str:
        """Return a query of the rows without email addresses, and count the emptied cells.

        Args:
            connection: connection that has the relation.
            name: the relation as `schema.table`, for the count.
            relation: the relation as SQL.
            columns: the columns to select; by default all.
            where: condition of the rows as SQL.
            parameters: parameters of the condition, which the query needs too.
        """
        types = {
            str(row[0]): str(row[1])
            for row in connection.execute(f"DESCRIBE {relation}").fetchall()
        }
        taken = list(types) if columns is None else list(columns)
        suspects = [] if self.pii else [column for column in taken if types[column] == "VARCHAR"]
        rows = f"{relation} WHERE {where}"
        found = self._count(connection, rows, suspects, parameters)
        self.cells |= {f"{name}.{column}": cells for column, cells in found.items() if cells}
        cells = ", ".join(
            without_email(column) if found.get(column) else quoted(column) for column in taken
        )
        return f"SELECT {cells} FROM {rows}"

    @property
    def tables(self) -> set[str]:
        """Return the relations that had such cells, as `schema.table`."""
        return {name.rpartition(".")[0] for name in self.cells}

    @staticmethod
    def _count(
        connection: duckdb.DuckDBPyConnection,
        rows: str,
        columns: Collection[str],
        parameters: Sequence[object],
    ) -> dict[str, int]:
        if not columns:
            return {}
        counts = ", ".join(f"count(*) FILTER ({holds_email(column)})" for column in columns)
        found = connection.execute(f"SELECT {counts} FROM {rows}", parameters).fetchall()
        return dict(zip(columns, found[0], strict=True))


def without_email(column: str) -> str:
    """Return SQL for a text column whose cells are NULL if they hold an email address."""
    return (
        f"CASE WHEN {holds_email(column)} THEN NULL ELSE {quoted(column)} END AS {quoted(column)}"
    )


def holds_email(column: str) -> str:
    """Return SQL that tests whether a text column's cell holds an email address."""
    return _HOLDS_EMAIL.format(quoted(column))


def masked(column: str) -> str:
    """Return SQL for a text column with `[email]` in place of each email address."""
    return f"regexp_replace({quoted(column)}, '{_EMAIL}', '[email]', 'g')"
