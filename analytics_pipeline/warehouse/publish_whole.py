"""Write a published file from scratch: every table, view and comment.

`publish.py` decides when. Columns are selected by declaration; an undeclared one is not published.
"""

from collections.abc import Callable, Collection, Mapping

import duckdb

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.warehouse.emails import Emptied
from analytics_pipeline.warehouse.schema import set_comment
from analytics_pipeline.warehouse.sql_text import quoted
from analytics_pipeline.warehouse.tables import PUBLISHED, Table, tables
from analytics_pipeline.warehouse.transactions import transaction, value_of
from analytics_pipeline.warehouse.withhold import BEFORE, Withheld

COPY = "published"
"""Name under which the published file is attached while it is written."""
Texts = Mapping[str, Mapping[str, str]]
"""Comments of columns, by qualified table name and column."""


def write_whole(
    connection: duckdb.DuckDBPyConnection,
    held: Withheld,
    emptied: Emptied,
    model_texts: Callable[[], Texts],
) -> dict[str, int]:
    """Fill an empty file, attached as COPY; only its signature is missing then.

    Args:
        connection: the live warehouse, with the previous file as BEFORE if any of its tables are
            kept.
        held: what failing checks withhold.
        emptied: counts the cells that are not published.
        model_texts: returns the comments of models' columns. Called only if the warehouse has none
            of some table or view.

    Returns:
        The number of rows by qualified table name; without views.
    """
    live = quoted(value_of(connection, "SELECT current_database()"))
    if held.file_stays:
        rows = _copy_before(connection, live, emptied.pii)
    else:
        rows = _copy_all(connection, live, held, emptied)
    _add_main_views(connection, live)
    with transaction(connection):
        _copy_comments(connection)
        _add_comments(connection, model_texts)
    return rows


def marts(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """Return the names of a database's marts, tables and views."""
    found = connection.execute(
        """SELECT table_name FROM duckdb_tables() WHERE database_name = $1 AND schema_name = 'marts'
           UNION ALL
           SELECT view_name FROM duckdb_views() WHERE database_name = $1 AND schema_name = 'marts'
           ORDER BY 1""",
        [database],
    ).fetchall()
    return [name for (name,) in found]


def _copy_all(
    connection: duckdb.DuckDBPyConnection, live: str, held: Withheld, emptied: Emptied
) -> dict[str, int]:
    """Copy the current state of everything that is not withheld."""
    declared = [table for table in tables() if not table.secret]
    rows = {
        table.name: _copy_table(connection, live, table, emptied)
        for table in declared
        if not table.query
    }
    for view in (table for table in declared if table.query):
        _create_view(connection, live, f"CREATE VIEW {view.name} AS {view.query}")
    rows |= _copy_models(connection, live, held.tables, emptied)
    for name in held.tables & held.kept.keys():
        schema, _, table = name.partition(".")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {COPY}.{schema}")
        source, copy = f"{BEFORE}.{schema}.{quoted(table)}", f"{COPY}.{schema}.{quoted(table)}"
        rows[name] = value_of(
            connection, f"CREATE TABLE {copy} AS {emptied.select(connection, name, source)}"
        )
    return rows


def _copy_before(connection: duckdb.DuckDBPyConnection, live: str, pii: bool) -> dict[str, int]:
    """Copy the previous published state of everything, except the checks, which give the reason."""
    connection.execute(f"COPY FROM DATABASE {BEFORE} TO {COPY}")
    connection.execute(f"DROP TABLE {COPY}.{PUBLISHED.name}")
    connection.execute(f"DROP TABLE IF EXISTS {COPY}.ops.checks")
    checks = next(table for table in tables() if table.name == "ops.checks")
    return {checks.name: _copy_table(connection, live, checks, Emptied(pii))}


def _copy_table(
    connection: duckdb.DuckDBPyConnection, live: str, table: Table, emptied: Emptied
) -> int:
    schema, _, _ = table.name.partition(".")
    columns = [
        column.name
        for column in table.columns
        if emptied.pii or column.privacy is not Privacy.PRIVATE
    ]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {COPY}.{schema}")
    rows = emptied.select(connection, table.name, f"{live}.{table.name}", columns)
    return value_of(connection, f"CREATE TABLE {COPY}.{table.name} AS {rows}")


def _copy_models(
    connection: duckdb.DuckDBPyConnection, live: str, but: Collection[str], emptied: Emptied
) -> dict[str, int]:
    """Copy marts, except some, and staging views: as a view, or as a table of its rows if it reads
    unpublished tables.
    """
    models = connection.execute("""SELECT schema_name, table_name, NULL AS sql FROM duckdb_tables()
           WHERE database_name = current_database() AND schema_name = 'marts'
           UNION ALL
           SELECT schema_name, view_name, sql FROM duckdb_views()
           WHERE database_name = current_database() AND schema_name IN ('marts', 'staging')
           ORDER BY 1, 2""").fetchall()
    wanted = [model for model in models if f"{model[0]}.{model[1]}" not in but]
    for schema in {schema for schema, _, _ in wanted}:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {COPY}.{schema}")
    stored = [model for model in wanted if model[2] is None]
    views = [model for model in wanted if model[2] is not None]
    rows = {
        f"{schema}.{name}": _copy_rows(connection, live, schema, name, emptied)
        for schema, name, _ in stored
    }
    while views:
        # A view may read another one that is not there yet, so all are tried again.
        left = [
            (schema, name, sql)
            for schema, name, sql in views
            # The catalog of a lake names no schema, so only the SELECT is taken from its text.
            if not _copy_view(
                connection, live, f"CREATE VIEW {schema}.{quoted(name)} {sql[sql.index(' AS ') :]}"
            )
        ]
        if len(left) == len(views):  # the first one reads tables that are not published
            schema, name, _ = left.pop(0)
            rows[f"{schema}.{name}"] = _copy_rows(connection, live, schema, name, emptied)
        views = left
    return rows


def _copy_rows(
    connection: duckdb.DuckDBPyConnection, live: str, schema: str, name: str, emptied: Emptied
) -> int:
    """Copy the rows of a mart or view to a table; return their number."""
    table = f"{schema}.{quoted(name)}"
    found = emptied.select(connection, f"{schema}.{name}", f"{live}.{table}")
    return value_of(connection, f"CREATE TABLE {COPY}.{table} AS {found}")


def _copy_view(connection: duckdb.DuckDBPyConnection, live: str, sql: str) -> bool:
    """Recreate a view; return False if the copy lacks a table that it reads."""
    try:
        _create_view(connection, live, sql)
    except (duckdb.BinderException, duckdb.CatalogException):
        return False
    return True


def _create_view(connection: duckdb.DuckDBPyConnection, live: str, sql: str) -> None:
    """Create a view in the copy. Its SQL names only schema and table."""
    connection.execute(f"USE {COPY}")
    try:
        connection.execute(sql)
    finally:
        connection.execute(f"USE {live}")


def _add_main_views(connection: duckdb.DuckDBPyConnection, live: str) -> None:
    """Create a view of each published mart in the schema main, for tools that list only main."""
    for name in marts(connection, COPY):
        _create_view(
            connection,
            live,
            f"CREATE OR REPLACE VIEW main.{quoted(name)} AS SELECT * FROM marts.{quoted(name)}",
        )


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    """Copy the comments of tables, views and columns.

    They are declared texts; COMMENT takes only a literal.
    """
    found = connection.execute(
        f"""WITH relations AS (
                SELECT database_name, schema_name, table_name, 'TABLE' AS kind, comment
                FROM duckdb_tables()
                UNION ALL
                SELECT database_name, schema_name, view_name, 'VIEW', comment FROM duckdb_views()
                WHERE NOT internal),
            comments AS (
                SELECT database_name, schema_name, table_name, NULL AS column_name, comment
                FROM relations
                UNION ALL
                SELECT database_name, schema_name, table_name, column_name, comment
                FROM duckdb_columns())
            SELECT copies.kind, copies.schema_name, table_name, column_name, lives.comment
            FROM relations AS copies JOIN comments AS lives USING (table_name)
            WHERE copies.database_name = '{COPY}' AND lives.database_name = current_database()
              -- main holds views of marts
              AND lives.schema_name = CASE copies.schema_name WHEN 'main' THEN 'marts'
                ELSE copies.schema_name END
              AND lives.comment IS NOT NULL
              AND (column_name IS NULL OR column_name IN (
                  SELECT here.column_name FROM duckdb_columns() AS here
                  WHERE here.database_name = '{COPY}'
                    AND (here.schema_name, here.table_name) = (copies.schema_name,
                      copies.table_name)))"""
    ).fetchall()
    for kind, schema, name, column, comment in found:
        set_comment(connection, kind, f"{COPY}.{schema}.{quoted(name)}", column, comment)


def _add_comments(connection: duckdb.DuckDBPyConnection, model_texts: Callable[[], Texts]) -> None:
    """Set the comments of columns that the warehouse does not store: those of views, in a lake."""
    without = connection.execute(
        f"""SELECT schema_name, table_name, list(column_name) FROM duckdb_columns()
            WHERE database_name = '{COPY}' GROUP BY ALL HAVING count(comment) = 0"""
    ).fetchall()
    if not without:
        return
    views = (table for table in tables() if table.query)
    texts: dict[str, Mapping[str, str]] = dict(model_texts())
    texts |= {
        view.name: {column.name: column.description for column in view.columns} for view in views
    }
    for schema, name, columns in without:
        own = texts.get(f"{'marts' if schema == 'main' else schema}.{name}", {})
        for column in columns:
            if text := own.get(column):
                set_comment(connection, "VIEW", f"{COPY}.{schema}.{quoted(name)}", column, text)
