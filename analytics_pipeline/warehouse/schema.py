"""Create the declared tables in a warehouse, and migrate an older one.

`tables/` declares them and `load.py` writes to them. `sql_models/` creates the models' tables.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.sql_text import literal, quoted
from analytics_pipeline.warehouse.tables import Table, tables
from analytics_pipeline.warehouse.transactions import transaction, write


class SchemaTooNew(PipelineError):
    """The warehouse was written by a later release."""


class MigrationFailed(PipelineError):
    """The warehouse could not be migrated; it is as it was before the failed step."""


Migration = Callable[[duckdb.DuckDBPyConnection], None]
MIGRATIONS: Sequence[Migration] = ()
"""Changes that new tables and new columns don't cover, oldest first. Never edited once released.
A warehouse's schema version is one more than the number of migrations it has seen."""


def ensure_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Create missing tables and columns, and migrate an older warehouse.

    Each step is a transaction. If nothing is to do, it is two queries.

    Raises:
        SchemaTooNew: a later release wrote the warehouse.
        MigrationFailed: a step failed and was rolled back; the steps before it stay.
    """
    current = len(MIGRATIONS) + 1
    version, declared = _newest(connection) or (current, None)
    require_known(connection)
    for step in range(version, current):
        _migrate(connection, step)
    if declared != (fingerprint := _fingerprint()) or version < current:

        def make() -> None:
            _make(connection)
            _record(connection, current, fingerprint)

        write(connection, make)


def require_known(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a warehouse of a later release. Only reads.

    Raises:
        SchemaTooNew: a later release wrote it.
    """
    current = len(MIGRATIONS) + 1
    version, _ = _newest(connection) or (current, None)
    if version > current:
        raise SchemaTooNew(
            f"This warehouse was written by a later release (schema {version}; this release knows"
            f" {current}). Upgrade analytics-pipeline; nothing was changed."
        )


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the tables are those that this release declares. Only reads."""
    return _newest(connection) == (len(MIGRATIONS) + 1, _fingerprint())


def _newest(connection: duckdb.DuckDBPyConnection) -> tuple[int, str | None] | None:
    """Return schema version and fingerprint of the declarations; None for a new warehouse."""
    known = connection.execute(
        """SELECT 1 FROM duckdb_tables() WHERE database_name = current_database()
           AND (schema_name, table_name) = ('ops', 'schema_version')"""
    )
    if not known.fetchone():
        return None
    return connection.execute(
        "SELECT version, declared FROM ops.schema_version ORDER BY version DESC, applied_at DESC"
    ).fetchone()


def _migrate(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    """Migrate the warehouse from a version to the next one."""
    try:
        with transaction(connection):
            MIGRATIONS[version - 1](connection)
            _record(connection, version + 1, None)
    except duckdb.Error as error:
        # Only the error's class: DuckDB's texts quote the offending value.
        raise MigrationFailed(
            f"The warehouse could not be migrated from schema {version} to {version + 1}"
            f" ({type(error).__name__}); it is unchanged. Check the disk's space and try again. If"
            " it fails again, go back to the previous release and report it."
        ) from error


def _make(connection: duckdb.DuckDBPyConnection) -> None:
    """Create missing tables, add missing columns, and set all comments."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS ops")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS ops.schema_version (version BIGINT, declared VARCHAR,"
        " applied_at TIMESTAMP)"
    )
    existing = _columns(connection)
    for table in tables():
        for column in table.columns:
            if not table.query and column.name not in existing.get(table.name, [column.name]):
                connection.execute(
                    f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {column.sql_type}'
                )
        create(connection, table)


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the columns of each table. A statement for each column costs as much as the tables."""
    found = connection.execute(
        """SELECT schema_name || '.' || table_name, list(column_name) FROM duckdb_columns()
           WHERE database_name = current_database() AND NOT internal GROUP BY ALL"""
    )
    return dict(found.fetchall())


def create(connection: duckdb.DuckDBPyConnection, table: Table, catalog: str = "") -> None:
    """Create a table if it is missing, or replace a view, and set its comments.

    Computes its computed columns, which rows of an earlier release lack. `catalog` is empty or
    `name.`.
    """
    name = f"{catalog}{table.name}"
    kind = "VIEW" if table.query else "TABLE"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.rpartition('.')[0]}")
    if table.query:
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {table.query}")
    else:
        columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
    compute(connection, table, catalog)
    texts = {column.name: column.description for column in table.columns}
    comment(connection, kind, name, table.description, texts)


def compute(connection: duckdb.DuckDBPyConnection, table: Table, catalog: str = "") -> None:
    """Set the computed columns of a table's rows that lack them. `catalog` is as for `create`."""
    for column in table.columns:
        if column.computed:
            connection.execute(
                f"""UPDATE {catalog}{table.name} SET "{column.name}" = {column.computed}
                    WHERE "{column.name}" IS DISTINCT FROM {column.computed}"""
            )


def comment(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    name: str,
    description: str,
    columns: Mapping[str, str],
) -> None:
    """Set the comments of a table or view, and of its columns unless the catalog stores none: those
    of a view in a lake.

    Args:
        connection: the warehouse, or the published file.
        kind: TABLE or VIEW.
        name: qualified name, quoted if it needs to be.
        description: comment of the table or view.
        columns: comments of columns by name, not quoted.
    """
    set_comment(connection, kind, name, None, description)
    try:
        for column, text in columns.items():
            set_comment(connection, kind, name, column, text)
    except duckdb.BinderException as error:
        if "it is not a table" not in str(error):
            raise


def set_comment(
    connection: duckdb.DuckDBPyConnection, kind: str, name: str, column: str | None, text: str
) -> None:
    """Set the comment of a column, or of the table or view itself. COMMENT takes no parameters.

    Args:
        connection: the warehouse, or the published file.
        kind: TABLE or VIEW.
        name: qualified name of the table or view, quoted if it needs to be.
        column: name of the column, not quoted; None for the table or view itself.
        text: the comment.
    """
    subject = f"COLUMN {name}.{quoted(column)}" if column else f"{kind} {name}"
    connection.execute(f"COMMENT ON {subject} IS {literal(text)}")


def _record(connection: duckdb.DuckDBPyConnection, version: int, declared: str | None) -> None:
    connection.execute(
        "INSERT INTO ops.schema_version VALUES (?, ?, ?)", [version, declared, warehouse_now()]
    )


def _fingerprint() -> str:
    return hashlib.sha256(repr(list(tables())).encode()).hexdigest()
