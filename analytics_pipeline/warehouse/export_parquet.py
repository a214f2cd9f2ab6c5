"""Write the marts to Parquet files, with their comments."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.warehouse.emails import Emptied
from analytics_pipeline.warehouse.publish_whole import Texts, marts
from analytics_pipeline.warehouse.sql_text import literal, quoted
from analytics_pipeline.warehouse.transactions import value_of
from analytics_pipeline.warehouse.withhold import withheld_tables


def export_parquet(
    connection: duckdb.DuckDBPyConnection, folder: Path, model_texts: Callable[[], Texts] = dict
) -> dict[str, Path]:
    """Write each mart to a Parquet file (ZSTD) of its name, atomically, except those that a failing
    check withholds.

    Args:
        connection: the live warehouse, under the writer's lock.
        folder: created if missing.
        model_texts: returns the comments of models' columns, for a lake, whose views have none.

    Returns:
        The file of each mart, by the mart's name.

    Raises:
        OSError: a file can't be written.
    """
    make_export_folder(folder)
    not_these = withheld_tables(connection)
    names = marts(connection, value_of(connection, "SELECT current_database()"))
    files = {name: folder / f"{name}.parquet" for name in names if f"marts.{name}" not in not_these}
    emptied, texts = Emptied(pii=False), model_texts()
    for name, file in files.items():
        rows = emptied.select(connection, f"marts.{name}", f"marts.{quoted(name)}")
        described = _described(connection, name, texts.get(f"marts.{name}", {}))
        about = ", ".join(f"{key}: {literal(text)}" for key, text in described.items())
        with replacing(file) as fresh:
            connection.execute(
                f"COPY ({rows}) TO {literal(str(fresh))} (FORMAT parquet, COMPRESSION zstd,"
                f" KV_METADATA {{{about}}})"
            )
    return files


def _described(
    connection: duckdb.DuckDBPyConnection, mart: str, texts: Mapping[str, str]
) -> dict[str, str]:
    """Return a mart's comment, and its columns' comments as JSON, under keys that no format
    reserves; `texts` are those of the model, for columns without one.
    """
    columns = connection.execute(
        """SELECT column_name, comment FROM duckdb_columns()
           WHERE database_name = current_database() AND schema_name = 'marts' AND table_name = ?
           ORDER BY column_index""",
        [mart],
    ).fetchall()
    comment = value_of(
        connection,
        """SELECT any_value(comment) FROM (
               SELECT schema_name, table_name, comment FROM duckdb_tables()
               WHERE database_name = current_database()
               UNION ALL
               SELECT schema_name, view_name, comment FROM duckdb_views()
               WHERE database_name = current_database()
           ) WHERE schema_name = 'marts' AND table_name = $1""",
        [mart],
    )
    comments = {column: comment or texts.get(column) for column, comment in columns}
    return {"description": comment or "", "columns": json.dumps(comments)}
