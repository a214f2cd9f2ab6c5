"""Unannounced columns: each row's cells as one JSON object, in linear time.

DuckDB returns the cells as a list, and Python builds the JSON. In DuckDB, one expression per cell
would cost memory and time quadratic in the number of columns, and trimming would cost ten times as
much.
"""

from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring

import polars as pl

from analytics_pipeline.datasets.cells import BLANKS

_CELLS_AT_A_TIME = 100_000
"""Number of cells held as Python objects at a time."""


def cells_sql(positions: Sequence[int]) -> str:
    """Return SQL of a list of the cells `c<n>` at some positions; NULL without positions."""
    return f"[{', '.join(f'c{at}' for at in positions)}]" if positions else "NULL::VARCHAR[]"


def as_json(cells: pl.Series, headers: Sequence[str]) -> pl.Series:
    """Return a JSON object per row, without empty cells; NULL if all cells are empty.

    Args:
        cells: a list of texts per row, or NULL.
        headers: headers of these cells, as delivered.
    """
    if not headers:
        return pl.Series(cells.name, [None], pl.String).new_from_index(0, len(cells))
    keys = [f"{encode_basestring(header)}:" for header in headers]
    rows_at_a_time = max(1, _CELLS_AT_A_TIME // len(headers))
    slices = cells.to_frame().iter_slices(rows_at_a_time)
    parts = [
        pl.Series(cells.name, list(_objects(part.to_series().to_list(), keys)), pl.String)
        for part in slices
    ]
    return pl.concat(parts) if parts else pl.Series(cells.name, [], pl.String)


def _objects(rows: Sequence[Sequence[str | None]], keys: Sequence[str]) -> Iterator[str | None]:
    for row in rows:
        pairs = [
            key + encode_basestring(text)
            for key, cell in zip(keys, row, strict=True)
            if cell and (text := cell.strip(BLANKS))
        ]
        yield f"{{{','.join(pairs)}}}" if pairs else None
