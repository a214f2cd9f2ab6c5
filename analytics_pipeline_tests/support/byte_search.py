"""Search everything that a file holds for planted values: its bytes, and what a database or a
Parquet file compresses.
"""

import base64
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import duckdb

from analytics_pipeline_tests.support.planted_secrets import spellings

Found = tuple[str, str]
"""Where a value stands, and which planted value it is."""
Pieces = Iterable[tuple[str, bytes]]
"""Names of places with the bytes there."""


def search(pieces: Pieces, planted: Mapping[str, str], mark: str) -> set[Found]:
    """Return each place that holds a planted value in any spelling and case.

    Args:
        pieces: where to search.
        planted: the values by what they are.
        mark: a beginning that most values share. A place without it is searched for the other
            values only.
    """
    wanted = {what: _needles(value) for what, value in planted.items()}
    marked = {what for what, value in planted.items() if value.lower().startswith(mark)}
    marks, found = _needles(mark), set()
    for where, raw in pieces:
        lowered = raw.lower()
        likely = wanted if any(needle in lowered for needle in marks) else wanted.keys() - marked
        found |= {
            (where, what) for what in likely if any(needle in lowered for needle in wanted[what])
        }
    return found


def _needles(value: str) -> set[bytes]:
    """Return the spellings of a value in lower case."""
    wide = {value.encode(encoding) for encoding in ("utf-16-le", "utf-16-be")}
    return {needle.lower() for needle in spellings(value) | wide}


def in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the content of every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from in_file(path, path.relative_to(folder).as_posix())


def in_file(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield a file's bytes, and the cells of its tables by table."""
    yield name, path.read_bytes()
    if path.suffix == ".duckdb":
        yield from _duckdb(path, name)
    elif path.suffix == ".parquet":
        rows = duckdb.sql(
            "SELECT to_json(cells)::VARCHAR FROM read_parquet($path) AS cells",
            params={"path": str(path)},
        )
        yield f"{name}: cells", _joined(rows.fetchall())
    elif path.suffix == ".db":
        yield from _sqlite(path, name)


def _duckdb(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            """SELECT schema_name, table_name FROM duckdb_tables()
               UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal
               ORDER BY ALL"""
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(
                f'SELECT to_json(cells)::VARCHAR FROM {schema}."{table}" AS cells'
            ).fetchall()
            yield f"{name}: {schema}.{table}", _joined(rows)
        for catalog in ("duckdb_tables", "duckdb_columns", "duckdb_views"):
            yield (
                f"{name}: {catalog}",
                repr(connection.execute(f"FROM {catalog}()").fetchall()).encode(),
            )


def _joined(rows: Iterable[tuple[object, ...]]) -> bytes:
    """Return rows of one JSON text each, as they are and with their escapes resolved."""
    texts = [str(row[0]) for row in rows]
    return "\n".join([*texts, *(repr(json.loads(text)) for text in texts)]).encode()


def _sqlite(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the tables with each cell decompressed: Dagster compresses snapshots and cursors."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
            yield (
                f"{name}: {table}",
                b"\n".join(_plain(cell) for row in rows for cell in row if cell is not None),
            )


def _plain(cell: object) -> bytes:
    raw = cell if isinstance(cell, bytes) else str(cell).encode()
    try:
        return zlib.decompress(base64.b64decode(raw) if raw.startswith(b"eJ") else raw)
    except (ValueError, zlib.error):
        return raw
