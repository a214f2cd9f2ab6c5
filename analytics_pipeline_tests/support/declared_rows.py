"""Random rows of any raw or history table, made from its declaration."""

from hashlib import sha256

import duckdb

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.warehouse.tables import SOURCE_KEY, history_table, raw_table

TABLES = [
    table
    for dataset in DATASETS.values()
    for table in (raw_table(dataset), *([history_table(dataset)] if dataset.keeps_history else []))
]
VALUES = {
    "BIGINT": "1 + (seed % 12)::BIGINT",
    "DATE": "DATE '2026-01-01' + (seed % 9)::INTEGER",
    "TIMESTAMP": "TIMESTAMP '2026-01-01' + to_hours((seed % 400)::INTEGER)",
    "BOOLEAN": "seed % 2 = 0",
    "JSON": "'{\"a\": 1}'::JSON",
    "VARCHAR": "CASE WHEN seed % 7 = 0 THEN NULL ELSE 'text ' || seed % 50 END",
}


def insert_rows(
    connection: duckdb.DuckDBPyConnection, name: str, key: str, seed: int, number: int
) -> None:
    """Insert a number of rows into a table, under a source key; equal seeds give equal rows."""
    table = next(table for table in TABLES if table.name == name)
    cells = ", ".join(
        f'{_cell(column.name, column.sql_type)} AS "{column.name}"'
        for column in table.columns
        if not column.computed and column.name != SOURCE_KEY.name
    )
    connection.execute(
        f"""INSERT INTO {name} BY NAME
            SELECT {cells}, ? AS _source_key
            FROM (SELECT (hash(r, ?) >> 1)::BIGINT AS seed FROM range(?) AS x(r))""",
        [key, seed, number],
    )
    for column in table.columns:
        if column.computed:
            connection.execute(f'UPDATE {name} SET "{column.name}" = {column.computed}')


def _cell(column: str, kind: str) -> str:
    if column == "log":
        return "'END successful (User Ended Lab)'"
    salt = int(sha256(column.encode()).hexdigest()[:6], 16)
    return value_of(kind).replace("seed", f"((seed + {salt}) % 1000003)")


def value_of(kind: str) -> str:
    """Return the SQL of a value of a type, from the column `seed`."""
    return VALUES.get(kind, f"((seed % 1000) / 8)::{kind}" if kind.startswith("DEC") else "NULL")
