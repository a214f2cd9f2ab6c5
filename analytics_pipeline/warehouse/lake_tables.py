"""Complete the tables of a new lake: give them statistics, and make the fence.

The fence is made last, so a lake with a fence is complete.
"""

import duckdb

from analytics_pipeline.warehouse.sql_text import quoted
from analytics_pipeline.warehouse.tables import Table, tables
from analytics_pipeline.warehouse.transactions import transaction, value_of


def complete(connection: duckdb.DuckDBPyConnection, lake: str) -> None:
    """Make what a lake has besides the declared tables, if it is missing.

    Args:
        connection: the lake with the declared tables, under the writers' lock.
        lake: the name under which it is attached.
    """
    if not connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database()"
        " AND (schema_name, table_name) = ('ops', 'fence')"
    ).fetchone():
        _give_statistics(connection)
        connection.execute("CREATE TABLE ops.fence (n BIGINT)")
        connection.execute(
            f"CALL {lake}.set_option('data_inlining_row_limit', 10, schema => 'ops',"
            " table_name => 'fence')"
        )
    if not value_of(connection, "SELECT count(*) FROM ops.fence"):
        connection.execute("INSERT INTO ops.fence VALUES (0)")


def _give_statistics(connection: duckdb.DuckDBPyConnection) -> None:
    """Add a row of NULLs to each table, and delete it.

    DuckLake (1.5.5) caches the statistics of a table only if it ever had a row. Otherwise it asks
    PostgreSQL twice per column of each query: more than half of the statements of a build.
    """
    declared = [table for table in tables() if not table.query]
    with transaction(connection):
        for table in declared:
            first = quoted(table.columns[0].name)
            connection.execute(f"INSERT INTO {table.name} ({first}) VALUES (NULL)")
    with transaction(connection):
        for table in declared:
            connection.execute(f"DELETE FROM {table.name} WHERE {_is_null(table)}")


def _is_null(table: Table) -> str:
    return " AND ".join(f"{quoted(column.name)} IS NULL" for column in table.columns)
