"""Content of a data folder as comparable values: rows by table and source file, and landed files.

`trials.py` breaks commands and states what must hold afterwards.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from analytics_pipeline_tests.support.loaded_warehouse import NOT_COMPARED

Digest = tuple[int, int]
"""Number of rows, and the sum of their hashes."""
Rows = Mapping[str, Mapping[str, Digest]]
"""Digests by source file or model, then by table; tables that are not written so are under ""."""

IN_STEPS = {'ops."checks"', 'ops."erased"'}
"""Tables that a command writes in several transactions, as they say how far it is: the checks of
what is loaded so far, and the erasure that is not finished."""
_SOURCES = {
    "_source_key": '"_source_key"',
    "source_key": '"source_key"',
    "model": '"model"',
    "partition": "dataset || ' ' || \"partition\"",
}
"""Column that names the source of a row, with the expression of its name."""
_OF_THE_CLOCK = {*NOT_COMPARED, "erased_at", "applied_at", "published_at"}
_OF_CHANCE = {
    "salt",
    "email_hashes",
}  # the salt of each warehouse is random, and so are the hashes made with it


def rows(database: Path) -> Rows:
    """Return the rows of a database file that no process has open; a log next to it is replayed, in
    a copy.
    """
    if not database.exists():
        return {}
    log = database.with_name(f"{database.name}.wal")
    if not log.exists():
        with duckdb.connect(str(database), read_only=True) as connection:
            return _rows(connection)
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(database, folder))
        shutil.copy(log, folder)
        with duckdb.connect(str(copy)) as connection:
            return _rows(connection)


def exported(folder: Path) -> dict[str, Digest]:
    """Return the rows of each Parquet file."""
    return {
        file.name: _digest(duckdb.connect(), f"read_parquet('{file}')")
        for file in folder.glob("*.parquet")
    }


def page(file: Path) -> dict[str, str]:
    """Return the report's content, under its name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()} if file.exists() else {}


def landed(data: Path) -> dict[str, str]:
    """Return landed files under their final name, by content."""
    files = (data / "landing").rglob("*.csv")
    return {str(file.relative_to(data)): _md5(file) for file in files}


def as_delivered(data: Path) -> dict[str, str]:
    """Return the landed files that are as delivered: the simulated S3 uses the content's MD5 as
    ETag.
    """
    return {path: md5 for path, md5 in landed(data).items() if path.endswith(f"@{md5}.csv")}


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def files(folder: Path) -> set[str]:
    """Return every file except Dagster's own and receipts, whose names contain the time."""
    found = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return {str(file) for file in found if not {"dagster", "receipts"} & set(file.parts)}


def unfinished_runs(data: Path) -> list[str]:
    """Return the Dagster runs that count as running."""
    storage = data / "dagster" / "history" / "runs.db"
    if not storage.exists():
        return []
    ended = "('SUCCESS', 'FAILURE', 'CANCELED')"
    with sqlite3.connect(f"file:{storage}?mode=ro", uri=True) as connection:
        return [
            run_id
            for (run_id,) in connection.execute(
                f"SELECT run_id FROM runs WHERE status NOT IN {ended}"
            )
        ]


def open_to_others(folder: Path) -> dict[str, str]:
    """Return files and folders that others than their owner may use, with their mode."""
    modes = {
        str(path.relative_to(folder)): path.lstat().st_mode & 0o777
        for path in [folder, *folder.rglob("*")]
        if path.exists()
    }
    return {path: f"{mode:o}" for path, mode in modes.items() if mode & 0o077}


def _rows(connection: duckdb.DuckDBPyConnection) -> Rows:
    tables: dict[str, list[str]] = {}
    for table, column in connection.execute(
        """SELECT schema_name || '."' || table_name || '"', column_name FROM duckdb_columns()
           WHERE NOT internal AND (schema_name, table_name) IN (SELECT (schema_name, table_name)
           FROM duckdb_tables())
           ORDER BY ALL"""
    ).fetchall():
        tables.setdefault(table, []).append(column)
    found: dict[str, dict[str, Digest]] = {}
    for table, columns in tables.items():
        source = next((name for column, name in _SOURCES.items() if column in columns), "''")
        compared = ", ".join(
            f'"{column}"' for column in columns if column not in _OF_THE_CLOCK | _OF_CHANCE
        )
        counted = (
            f"SELECT {source}, count(*), sum(hash({compared})::HUGEINT) FROM {table} GROUP BY ALL"
        )
        for key, count, hashes in connection.execute(counted).fetchall():
            if count:  # a table without rows is as good as none
                found.setdefault(key, {})[table] = (count, hashes)
    return found


def _digest(connection: duckdb.DuckDBPyConnection, table: str) -> Digest:
    [found] = connection.execute(
        f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM {table} AS t"
    ).fetchall()
    return found
