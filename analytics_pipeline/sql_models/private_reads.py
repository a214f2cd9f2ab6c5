"""Private columns that a query reads, according to DuckDB's plan.

A parser can miss a column: `COLUMNS(...)`, a whole row (`to_json(people)`) and UNPIVOT do not name
it. DuckDB's plan lists each column that is scanned, however the query asks for it.
"""

import json
from collections.abc import Iterator, Set
from typing import Any

import duckdb

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline.warehouse.transactions import value_of


def private_reads(
    connection: duckdb.DuckDBPyConnection, reads: Set[str], sql: str
) -> list[tuple[str, str]]:
    """Return the (qualified table, column) pairs of the private columns that a query reads.

    Reading one to filter or join counts, too. A query that reads no table with private columns is
    not planned: a view of such a table shows none, or it would not have been built.

    Args:
        connection: the live warehouse, with the tables that the query reads.
        reads: qualified names of these tables.
        sql: the query.

    Raises:
        duckdb.Error: the query is not valid.
    """
    private = {
        (table.name, column.name)
        for table in tables()
        if table.name in reads
        for column in table.columns
        if column.privacy is Privacy.PRIVATE
    }
    scanned = _scanned(connection, sql) if private else set()
    return sorted(
        (table, column)
        for table, column in private
        if {(table, column), (table.rpartition(".")[2], column)} & scanned
    )


def _scanned(connection: duckdb.DuckDBPyConnection, sql: str) -> set[tuple[str, str]]:
    """Return the (table, column) pairs that the plan of a query scans; on a lake, it names a table
    without its schema.
    """
    # Only the optimizers that remove unused columns may run, also those of a common table
    # expression: the others use statistics, by which the plan of a query over empty tables scans
    # nothing.
    others = value_of(
        connection,
        "SELECT string_agg(name, ',') FROM duckdb_optimizers()"
        " WHERE name NOT IN ('unused_columns', 'cte_inlining')",
    )
    connection.execute("SET disabled_optimizers = $1", [others])
    try:
        ((_, plan),) = connection.execute(f"EXPLAIN (FORMAT json)\n{sql}").fetchall()
    finally:
        connection.execute("RESET disabled_optimizers")
    return {scan for node in json.loads(plan) for scan in _scans(node)}


def _scans(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    info = node["extra_info"]
    columns = info.get("Projections", ()) if "Table" in info else ()
    for column in (columns,) if isinstance(columns, str) else columns:
        yield ".".join(info["Table"].split(".")[-2:]), column
    for child in node["children"]:
        yield from _scans(child)
