"""Tables, derived from the declarations in `datasets/`, and how an older warehouse becomes a current one.

What is written into them belongs in `load.py`; the SQL models' tables are made in `sql_models.py`.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import duckdb

from analytics_pipeline.datasets import DATASETS, Dataset, Privacy
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.warehouse.transactions import transaction


class SchemaTooNew(PipelineError):
    """The warehouse was written by a later release."""


class MigrationFailed(PipelineError):
    """The warehouse could not be brought up to this release; it is as it was before the step that failed."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table that we make."""

    name: str
    sql_type: str
    description: str
    privacy: Privacy = Privacy.OPEN


@dataclass(frozen=True)
class Table:
    """A table that we make, with its comments; a secret one is never published, whatever the settings say."""

    name: str
    description: str
    columns: tuple[TableColumn, ...]
    secret: bool = False


_FILE = (
    TableColumn("dataset", "VARCHAR", "Name of the dataset."),
    TableColumn("partition", "VARCHAR", "Day, month, course id or `organisation`: the file's place in its dataset."),
    TableColumn("source_key", "VARCHAR", "Key of the file in Vocareum's bucket."),
    TableColumn("etag", "VARCHAR", "ETag of the version: another one is another content."),
)
_VERSION = (
    *_FILE,
    TableColumn("size", "BIGINT", "Bytes of the file."),
    TableColumn("last_modified", "TIMESTAMP", "When Vocareum wrote the file (UTC)."),
)
_FIGURES = (
    TableColumn("records", "BIGINT", "Records behind the header: rows + rejects + erased."),
    TableColumn("rows", "BIGINT", "Rows loaded."),
    TableColumn("rejects", "BIGINT", "Records in quarantine."),
    TableColumn("erased", "BIGINT", "Records dropped as they concern a person who was erased; NULL is none."),
    TableColumn("warnings", "BIGINT", "Rows loaded though a rule calls them odd, once for each such rule."),
)
_RUN = TableColumn("run_id", "VARCHAR", "Dagster run that wrote it.")

OPERATIONS: tuple[Table, ...] = (
    Table(
        "ops.loaded_files",
        "The ledger: what is loaded, one row per file; written in the same transaction as the rows.",
        (
            *_VERSION,
            TableColumn("period", "DATE", "First day of the day or month covered; NULL for snapshots."),
            *_FIGURES,
            TableColumn("loaded_at", "TIMESTAMP", "When it was loaded (UTC)."),
            _RUN,
        ),
    ),
    Table(
        "ops.failed_files",
        "Files whose newest version could not be loaded; the rows they had before are still there.",
        (
            *_VERSION,
            TableColumn("period", "DATE", "First day of the day or month covered; NULL for snapshots."),
            TableColumn("reason", "VARCHAR", "What is wrong."),
            TableColumn("remedy", "VARCHAR", "What a person should do."),
            TableColumn("line", "BIGINT", "Where; NULL for the whole file."),
            TableColumn("records", "BIGINT", "Records behind the header, where it could be read."),
            TableColumn("rejects", "BIGINT", "Records that are rejected."),
            TableColumn("failed_since", "TIMESTAMP", "When this version failed first (UTC)."),
            TableColumn("failed_at", "TIMESTAMP", "When it failed last (UTC)."),
            TableColumn("attempts", "BIGINT", "How often this version failed."),
            _RUN,
        ),
    ),
    Table(
        "ops.arrivals",
        "When each file was first seen, one row per file that was ever loaded or failed; kept when the file is overwritten.",
        (
            TableColumn("dataset", "VARCHAR", "Name of the dataset."),
            TableColumn(
                "partition", "VARCHAR", "Day, month, course id or `organisation`: the file's place in its dataset."
            ),
            TableColumn("first_written", "TIMESTAMP", "When Vocareum wrote the first version that was seen (UTC)."),
            TableColumn("first_seen", "TIMESTAMP", "When that version was loaded, or failed (UTC)."),
        ),
    ),
    Table(
        "ops.findings",
        "Rules that records of a loaded file break: errors (quarantined) and warnings (loaded).",
        (
            *_FILE,
            TableColumn("column", "VARCHAR", "Column of the rule; * for a rule about the whole row."),
            TableColumn("reason", "VARCHAR", "The rule in words."),
            TableColumn("is_error", "BOOLEAN", "Whether the records are in quarantine."),
            TableColumn("count", "BIGINT", "How many records break it."),
            TableColumn("lines", "BIGINT[]", "The first few of their lines."),
        ),
    ),
    Table(
        "ops.absences",
        "What is missing although it was delivered before: files that are gone, versions that lost their rows, copies of other "
        "files. Rows that were loaded stay until a person runs `analytics-pipeline close`.",
        (
            *_FILE,
            TableColumn(
                "kind",
                "VARCHAR",
                "gone (no longer delivered), shrunk (lost half of its rows or all) or repeated (bytes of another file).",
            ),
            TableColumn("held", "BOOLEAN", "Whether the new version is held back, so that the rows before it stay."),
            TableColumn("detail", "VARCHAR", "What is wrong, in words and numbers."),
            TableColumn("first_seen", "TIMESTAMP", "When it was noticed first (UTC)."),
            TableColumn("closed_at", "TIMESTAMP", "When it ended (UTC); NULL while it is open."),
            TableColumn(
                "closed_by",
                "VARCHAR",
                "delivered (the file came again), superseded (a newer event or file took its place) or close (the command).",
            ),
        ),
    ),
    Table(
        "quarantine.rejects",
        "Records that were not loaded, each once, with all its reasons. Holds personal data; never published.",
        (
            *_FILE,
            TableColumn("line", "BIGINT", "Line of the file where the record begins."),
            TableColumn("reasons", 'STRUCT("column" VARCHAR, reason VARCHAR)[]', "Every rule that it breaks."),
            TableColumn("raw", "VARCHAR", "The record as delivered.", Privacy.PRIVATE),
            TableColumn("quarantined_at", "TIMESTAMP", "When it was put here (UTC)."),
            _RUN,
        ),
        secret=True,
    ),
    Table(
        "ops.erased",
        "People who were erased: what is delivered of them later is dropped as it is loaded. Never published.",
        (
            TableColumn("user_id", "BIGINT", "Vocareum id, which is all that is kept of them.", Privacy.IDENTIFIER),
            TableColumn("erased_at", "TIMESTAMP", "When it was asked for first (UTC)."),
            TableColumn("times", "BIGINT", "How often their rows were erased; 0 while the first time is under way."),
        ),
        secret=True,
    ),
    Table(
        "ops.checks",
        "The latest verdict of every check: the tests of the models, and the checks of each dataset.",
        (
            TableColumn("name", "VARCHAR", "Name of the check."),
            TableColumn("subject", "VARCHAR", "Table that it is about."),
            TableColumn(
                "kind", "VARCHAR", "Who evaluates it: `model` with a build, `load` with a load, `feed` with a listing."
            ),
            TableColumn("severity", "VARCHAR", "ERROR or WARN: how bad it is when it fails."),
            TableColumn("passed", "BOOLEAN", "The latest verdict."),
            TableColumn("violations", "BIGINT", "Rows that break it; NULL where it counts none or could not run."),
            TableColumn("text", "VARCHAR", "What was found."),
            TableColumn("remedy", "VARCHAR", "What a person should do."),
            TableColumn("withholds", "VARCHAR[]", "Tables that are published as they were before while it fails."),
            TableColumn("since", "TIMESTAMP", "Since when the verdict is what it is (UTC)."),
            TableColumn(
                "evaluated_at",
                "TIMESTAMP",
                "When it was evaluated last (UTC); NULL where a model was rebuilt after that.",
            ),
        ),
    ),
)

PUBLISHED = Table(
    "ops.published",
    "What the published file is; one row. The live warehouse has no such table.",
    (
        TableColumn("published_at", "TIMESTAMP", "When it was written (UTC)."),
        TableColumn("pii", "BOOLEAN", "Whether emails, names and free text are in it (PUBLISH_PII)."),
        TableColumn("release", "VARCHAR", "Release of analytics-pipeline that wrote it."),
        TableColumn("schema_version", "BIGINT", "Version of the warehouse's tables."),
        TableColumn(
            "kept",
            'STRUCT("table" VARCHAR, published_at TIMESTAMP)[]',
            "Tables that a failing check (ops.checks) withholds: they are as they were published then (UTC).",
        ),
        TableColumn("left_out", "VARCHAR[]", "Tables that a failing check withholds and that could not be kept."),
        TableColumn(
            "erasures", "BIGINT", "Erasures before it was written; rows from before another one are never kept."
        ),
        TableColumn(
            "older_files",
            "BIGINT",
            "Files that the published file before had in a later state, or alone; 0 unless an older warehouse was put back.",
        ),
        TableColumn(
            "emptied",
            'STRUCT("column" VARCHAR, cells BIGINT)[]',
            "Open columns with cells that are empty here, because an email address stands in them in the warehouse.",
        ),
    ),
)

EXTRA = TableColumn(
    "_extra",
    "JSON",
    "Columns that Vocareum has not announced, as delivered, and cells that were left empty, with their text, by column.",
    Privacy.PRIVATE,
)
SOURCE_KEY = TableColumn("_source_key", "VARCHAR", "Key of the file in Vocareum's bucket.")
LOADED_AT = TableColumn("_loaded_at", "TIMESTAMP", "When the row was loaded (UTC).")
VALIDITY = (
    TableColumn("valid_from", "TIMESTAMP", "Since when the row was delivered so (UTC): when Vocareum wrote that file."),
    TableColumn("valid_to", "TIMESTAMP", "Since when it no longer is (UTC); NULL while it is current."),
)


def raw_table(dataset: Dataset) -> Table:
    """The table of what is delivered now."""
    period = (TableColumn(dataset.period.column, "DATE", dataset.period.description),) if dataset.period else ()
    return Table(dataset.table, dataset.description, (*_delivered(dataset), *period, EXTRA, SOURCE_KEY, LOADED_AT))


def history_table(dataset: Dataset) -> Table:
    """The table of what was delivered over time, for a dataset that Vocareum overwrites."""
    description = f"Every state that raw.{dataset.name} was delivered in. {dataset.description}"
    return Table(f"history.{dataset.name}", description, (*_delivered(dataset), EXTRA, SOURCE_KEY, *VALIDITY))


def _delivered(dataset: Dataset) -> Iterator[TableColumn]:
    for one in dataset.columns:
        yield TableColumn(one.name, one.sql_type, one.description, one.privacy)


def tables() -> Iterator[Table]:
    """Every table that ingest writes."""
    for dataset in DATASETS.values():
        yield raw_table(dataset)
        if dataset.keeps_history:
            yield history_table(dataset)
    yield from OPERATIONS


Migration = Callable[[duckdb.DuckDBPyConnection], None]
MIGRATIONS: Sequence[Migration] = ()
"""What a release changed in ways that new tables and new columns don't cover, oldest first; never edited once released.
The version of a warehouse is one more than how many of them it has seen."""


def ensure_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Make what is missing and migrate what is older, each step in a transaction; nothing to do is two small queries.

    Raises:
        SchemaTooNew: a later release wrote the warehouse.
        MigrationFailed: a step failed and was undone; those before it stay.
    """
    current = len(MIGRATIONS) + 1
    version, declared = _newest(connection) or (current, None)
    require_known(connection)
    for step in range(version, current):
        _migrate(connection, step)
    if declared != (fingerprint := _fingerprint()) or version < current:
        with transaction(connection):
            _make(connection)
            _record(connection, current, fingerprint)


def require_known(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a warehouse of a later release; reads only.

    Raises:
        SchemaTooNew: a later release wrote it.
    """
    current = len(MIGRATIONS) + 1
    version, _ = _newest(connection) or (current, None)
    if version > current:
        raise SchemaTooNew(
            f"This warehouse was written by a later release (schema {version}; this release knows {current}). "
            "Upgrade analytics-pipeline; nothing was changed."
        )


def _newest(connection: duckdb.DuckDBPyConnection) -> tuple[int, str | None] | None:
    """The version of the warehouse, and the fingerprint of the declarations it was made by; None for a new one."""
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
    """Bring the warehouse from a version to the next one."""
    try:
        with transaction(connection):
            MIGRATIONS[version - 1](connection)
            _record(connection, version + 1, None)
    except duckdb.Error as error:
        # Its class alone: DuckDB's texts quote the value that they stumble over.
        raise MigrationFailed(
            f"The warehouse could not be brought from schema {version} to {version + 1} ({type(error).__name__}); it is as it "
            "was before. Check the disk's space and try again. If it lasts, go back to the release before and report it."
        ) from error


def _make(connection: duckdb.DuckDBPyConnection) -> None:
    """Create missing tables, add missing columns, and comment all of them."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS ops")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS ops.schema_version (version BIGINT, declared VARCHAR, applied_at TIMESTAMP)"
    )
    for table in tables():
        create(connection, table)


def create(connection: duckdb.DuckDBPyConnection, table: Table, catalog: str = "") -> None:
    """Create a table or add what it lacks, with its comments; `catalog` is empty or `name.`."""
    name = f"{catalog}{table.name}"
    columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.rpartition('.')[0]}")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
    connection.execute(f"COMMENT ON TABLE {name} IS {literal(table.description)}")
    for column in table.columns:
        connection.execute(f'ALTER TABLE {name} ADD COLUMN IF NOT EXISTS "{column.name}" {column.sql_type}')
        connection.execute(f'COMMENT ON COLUMN {name}."{column.name}" IS {literal(column.description)}')


def literal(text: str) -> str:
    """A declared text as an SQL literal; COMMENT takes no parameter. Never for data."""
    return "'" + text.replace("'", "''") + "'"


def _record(connection: duckdb.DuckDBPyConnection, version: int, declared: str | None) -> None:
    connection.execute("INSERT INTO ops.schema_version VALUES (?, ?, now()::TIMESTAMP)", [version, declared])


def _fingerprint() -> str:
    return hashlib.sha256(repr(list(tables())).encode()).hexdigest()
