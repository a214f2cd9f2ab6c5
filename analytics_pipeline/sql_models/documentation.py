"""Describe the models' tables for the data dictionary: their comments, and DuckDB's types.

The layout of the dictionary is in `operations/data_dictionary.py`.
"""

from collections.abc import Mapping

import duckdb

from analytics_pipeline.sql_models.build import build
from analytics_pipeline.sql_models.project import Project, load_usable
from analytics_pipeline.sql_models.sql_syntax import InvalidModel
from analytics_pipeline.warehouse.schema import ensure_schema
from analytics_pipeline.warehouse.tables import Table, TableColumn


def column_types(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """Return DuckDB's type of every column of a database, by (qualified table, column)."""
    rows = connection.execute(
        """SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()
           WHERE NOT internal AND database_name = current_database()"""
    ).fetchall()
    return {(table, column): kind for table, column, kind in rows}


def model_texts(project: Project | None = None) -> dict[str, Mapping[str, str]]:
    """Return the comments of models' columns by qualified name; by default of all valid models."""
    project = project or load_usable()[0]
    return {name: model.columns for name, model in project.models.items()}


def documentation(project: Project) -> list[Table]:
    """Return every model as a table with its columns, by building all of them empty.

    Raises:
        InvalidModel: a model does not build.
    """
    with duckdb.connect() as connection:
        ensure_schema(connection)
        for built in build(connection, project.models.values()):
            if built.failure:
                raise InvalidModel(f"{built.model.qualified}: {built.failure}")
        types = column_types(connection)
    return [
        Table(
            name,
            model.description,
            tuple(
                TableColumn(column, types[name, column], text)
                for column, text in model.columns.items()
            ),
        )
        for name, model in project.models.items()
    ]
