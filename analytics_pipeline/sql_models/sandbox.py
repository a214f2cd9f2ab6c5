"""Build models in memory from the published file, so that a change needs no private data.

The file is attached read-only as `published`. The in-memory database has a view of each table, and
a built model replaces its view. Closing the connection discards everything.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.sql_models.build import Built, build
from analytics_pipeline.sql_models.checks import Tested, run_test
from analytics_pipeline.sql_models.model import Model, SqlTest
from analytics_pipeline.sql_models.project import Project
from analytics_pipeline.sql_models.sql_syntax import parse_query, tables_read
from analytics_pipeline.warehouse.connection import drain_threads
from analytics_pipeline.warehouse.schema import create
from analytics_pipeline.warehouse.sql_text import literal, qualified, quoted
from analytics_pipeline.warehouse.tables import MODEL_DAYS, tables

FILE = "published"
"""Name of the attached file in SQL."""
# Set after the file is attached: a model's SQL can read no other file, and nothing spills to the
# disk.
_LOCKED = (
    "SET autoinstall_known_extensions = false",
    "SET temp_directory = ''",
    "SET enable_external_access = false",  # can't be reset
)
_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog ="
    " current_database()"
)


class NoPublishedFile(PipelineError):
    """There is no published file to build from."""


class SandboxFailed(PipelineError):
    """A query on built rows failed, usually for lack of memory."""


@dataclass(frozen=True)
class Sandbox:
    """An in-memory database with the published file's tables.

    Attributes:
        connection: to it.
        project: the models and tests.
        blocked: why a model can't be built, or a test can't run, on the file; by qualified name or
            name of the test.
        published: the file's tables and views, by qualified name, with their columns and types.
    """

    connection: duckdb.DuckDBPyConnection
    project: Project
    blocked: Mapping[str, str]
    published: Mapping[str, Mapping[str, str]]

    def plan(self, chosen: Sequence[Model]) -> list[Model]:
        """Return the models to build for a selection: first those that it reads and the file lacks.

        Omits blocked models.
        """
        names = {model.qualified for model in chosen}
        names |= {name for name in self.project.upstream(names) if name not in self.published}
        return [
            model for model in self.project.select(names) if model.qualified not in self.blocked
        ]

    def build(self, models: Sequence[Model]) -> list[Built]:
        """Build models in place of the published tables."""
        for model in models:
            if model.qualified in self.published:
                self.connection.execute(f"DROP VIEW {qualified(model.qualified)}")
        return build(self.connection, models)

    def run(self, test: SqlTest) -> Tested | str:
        """Run a test; return why not, if the file lacks tables that it reads."""
        present = {
            f"{schema}.{name}" for schema, name in self.connection.execute(_TABLES).fetchall()
        }
        if unbuilt := sorted(test.depends_on & self.project.models.keys() - present):
            return f"it reads {', '.join(unbuilt)}, which was not built"
        return self.blocked.get(test.name) or run_test(self.connection, test)

    def rows(self, sql: str, most: int) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns and the first rows of a query."""
        result = self.connection.execute(f"FROM (\n{sql}\n) LIMIT {int(most)}")
        return [column[0] for column in result.description or ()], result.fetchall()


@contextmanager
def open_sandbox(published: Path, project: Project) -> Iterator[Sandbox]:
    """Open the published file as an in-memory database. Others can still read and replace the file.

    Raises:
        NoPublishedFile: it is missing or can't be read.
        SandboxFailed: a query failed inside the block.
    """
    if not published.exists():
        raise NoPublishedFile(
            f"There is no published file at {published} yet.",
            "Get a copy of analytics.duckdb and set ANALYTICS_PUBLISHED_DIR to its folder, or run"
            " `analytics-pipeline demo`.",
        )
    with duckdb.connect() as connection:
        try:
            connection.execute(f"ATTACH {literal(str(published))} AS {FILE} (READ_ONLY)")
        except duckdb.Error as error:
            raise NoPublishedFile(
                f"{published} can't be read: {error}.", "Get another copy of it."
            ) from None
        for setting in _LOCKED:
            connection.execute(setting)
        published_columns = _columns(connection)
        for name in published_columns:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name.partition('.')[0])}")
            connection.execute(f"CREATE VIEW {qualified(name)} AS FROM {FILE}.{qualified(name)}")
        create(connection, MODEL_DAYS)
        files: dict[str, Model | SqlTest] = {**project.models, **project.tests}
        blocked = {
            name: reason
            for name, file in files.items()
            if (reason := _blocked(connection, file.sql, published_columns))
        }
        try:
            yield Sandbox(connection, project, blocked, published_columns)
        except duckdb.Error as error:
            raise SandboxFailed(
                f"{error}.", "Nothing was written. Select fewer models, or correct the SQL."
            ) from None
        drain_threads(connection)


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        f"""SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()
            WHERE database_name = '{FILE}' AND NOT internal ORDER BY table_oid, column_index"""
    ).fetchall():
        columns.setdefault(table, {})[column] = kind
    return columns


def _blocked(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    published: Mapping[str, Mapping[str, str]],
) -> str:
    """Return why a query can't run on the file: it reads unpublished columns or tables.

    Empty if it can.
    """
    query = parse_query("query", sql)
    reads = tables_read(query)
    declared = {table.name: table for table in tables() if table.name in reads}
    absent = sorted(name for name in declared if name not in published)
    named = {column.name for column in query.find_all(exp.Column)}
    absent += sorted(
        f"{name}.{column.name}"
        for name, table in declared.items()
        for column in table.columns
        if column.name in named and name in published and column.name not in published[name]
    )
    if not absent:
        return ""
    try:
        connection.execute(f"DESCRIBE (\n{sql}\n)")
    except (duckdb.BinderException, duckdb.CatalogException):
        private = {name for name, table in declared.items() if table.secret}
        private |= {
            f"{name}.{column.name}"
            for name, table in declared.items()
            for column in table.columns
            if column.privacy is Privacy.PRIVATE
        }
        why = (
            "is private and not in the published file"
            if set(absent) <= private
            else "this published file lacks"
        )
        return f"it reads {', '.join(absent)}, which {why}"
    return ""  # a column of the same name that the query makes itself
