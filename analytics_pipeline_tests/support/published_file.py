"""The published file of a warehouse, and what is in it."""

from pathlib import Path

import duckdb

from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import model_texts
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import Published, publish


def publish_from(settings: Settings, *, pii: bool = False) -> Published:
    """Publish the warehouse of some settings."""
    with open_warehouse(settings.warehouse_path) as connection:
        return publish(connection, settings.published_path, pii=pii, model_texts=model_texts)


def published_rows(path: Path, sql: str) -> list[tuple]:
    """Return the rows of a query of a published file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def published_columns(path: Path) -> set[str]:
    """Return every column, as `schema.table.column`."""
    found = published_rows(
        path, "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal"
    )
    return {".".join(names) for names in found}


def relations(path: Path) -> dict[str, str | None]:
    """Return every table and view with its comment."""
    found = published_rows(
        path,
        """SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()
           UNION ALL SELECT schema_name || '.' || view_name, comment FROM duckdb_views()
           WHERE NOT internal""",
    )
    return dict(found)
