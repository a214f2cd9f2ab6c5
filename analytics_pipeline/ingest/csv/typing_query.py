"""Type text cells: one SQL query for the cells of both CSV readers.

The SQL is built from column positions, declared names and constants. Header texts and paths never
become SQL.
"""

from dataclasses import dataclass
from functools import cached_property

import duckdb
import polars as pl

from analytics_pipeline.datasets import Column, Dataset
from analytics_pipeline.datasets.sql_types import (
    quick_sql,
    text_sql,
    trim_all_sql,
    trim_sql,
    trim_start_sql,
)
from analytics_pipeline.ingest.csv.careful_parser import parse_unread, typed_columns
from analytics_pipeline.ingest.csv.extra import as_json, cells_sql
from analytics_pipeline.ingest.csv.header import Header

FILE, UNREAD, SHORT, EXTRA = "_file", "_unread", "_short", "_extra"
"""Columns besides the dataset's: index of the file; list of unparsed texts, one per
`typed_columns`, NULL if the row has none; number of cells that the row lacks (negative: of surplus
empty ones that were cut off); JSON object of the unannounced columns."""
SURPLUS = "_surplus"
"""Whether there is text after the header's last column."""


@dataclass(frozen=True)
class TypingQuery:
    """The query that types the text cells `c0`, `c1`, ... of a source.

    Cells are trimmed, and an empty one is NULL. One that the quick step can't parse is NULL, and
    its text is in UNREAD.

    Attributes:
        dataset: its columns are the result's, in the declared order.
        header: the columns of the source.
    """

    dataset: Dataset
    header: Header

    def render(self, source: str) -> str:
        """Return the SQL.

        Args:
            source: SELECT of the cells, FILE and SHORT.
        """
        return f"""
        WITH source AS ({source}),
        cells AS (
            SELECT {self._trimmed}, {cells_sql(self.header.unannounced(self.dataset))} AS {EXTRA},
              {self._surplus} AS {SURPLUS}, {FILE}, {SHORT}
            FROM source
        ),
        typed AS (SELECT *, {self._typed} FROM cells)
        SELECT {", ".join(map(_value_sql, self.dataset.columns))}, {EXTRA},
               CAST({FILE} AS BIGINT) AS {FILE}, CAST({SHORT} AS INTEGER) AS {SHORT},
               {self._unread} AS {UNREAD}, {SURPLUS}
        FROM typed"""

    @cached_property
    def _cells(self) -> dict[str, str]:
        """Return the cell (`c0`, `c1`, ...) of each column in the header."""
        return {name: f"c{at}" for at, name in enumerate(self.header.names)}

    @property
    def _trimmed(self) -> str:
        cells = [
            self._cells[column.name]
            for column in self.dataset.columns
            if column.name in self._cells
        ]
        return ", ".join(f"nullif({trim_start_sql(cell)}, '') AS {cell}" for cell in cells)

    @property
    def _typed(self) -> str:
        return ", ".join(
            f'{self._typed_cell(column)} AS "{column.name}"' for column in self.dataset.columns
        )

    def _typed_cell(self, column: Column) -> str:
        cell = self._cells.get(column.name)
        if cell is None:
            return f"CAST(NULL AS {column.sql_type})"
        if column.is_text:
            return trim_sql(cell)
        return f"CAST({quick_sql(column.dtype, cell)} AS {column.sql_type})"

    @property
    def _unread(self) -> str:
        """Return SQL of a list of each typed column's unparsed text; NULL without any."""
        columns = typed_columns(self.dataset)
        is_unread = {
            column.name: f'{self._cells[column.name]} IS NOT NULL AND "{column.name}" IS NULL'
            for column in columns
            if column.name in self._cells
        }
        texts = (
            f"CASE WHEN {is_unread[name]} THEN {self._cells[name]} END"
            if name in is_unread
            else "NULL"
            for name in (column.name for column in columns)
        )
        return (
            f"CAST(CASE WHEN {' OR '.join(is_unread.values()) or 'false'} THEN"
            f" [{', '.join(texts)}] END AS VARCHAR[])"
        )

    @property
    def _surplus(self) -> str:
        """Return SQL of whether a cell after the header's columns holds text."""
        if self.header.cells == self.header.width:
            return "false"
        beyond = ", ".join(f"c{at}" for at in range(self.header.width, self.header.cells))
        return f"{trim_all_sql(f'concat({beyond})')} <> ''"


def type_cells(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, header: Header, source: str
) -> pl.DataFrame:
    """Return the typed rows of a source (see `TypingQuery.render`)."""
    query = TypingQuery(dataset, header)
    # A relation converts rows to Arrow where they are produced. `execute` hands them over first,
    # which costs 1.3 times the CPU and a thread. A relation takes no parameters, so a source has
    # its paths in a session variable.
    rows = connection.sql(query.render(source)).pl()
    headers = [header.delivered[at] or header.names[at] for at in header.unannounced(dataset)]
    rows = rows.with_columns(as_json(rows[EXTRA], headers))
    return parse_unread(connection, dataset, rows, UNREAD)


def _value_sql(column: Column) -> str:
    name = f'"{column.name}"'
    if column.zero_is_none:
        return f"nullif(nullif({name}, 0), -1) AS {name}"
    return f"{text_sql(name, verbatim=column.verbatim)} AS {name}" if column.is_text else name
