"""The warehouse's tables and comments, derived from the declarations in `datasets/`.

`schema.py` creates them; `load.py` writes their rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from analytics_pipeline.datasets import DATASETS, Dataset, Excerpt, Privacy
from analytics_pipeline.warehouse.sql_text import literal, quoted


@dataclass(frozen=True)
class TableColumn:
    """A column of a table that the pipeline creates.

    Attributes:
        name: its name.
        sql_type: DuckDB type.
        description: its comment.
        privacy: who may see the values.
        computed: SQL of its value over the row's other columns; empty if it is written.
    """

    name: str
    sql_type: str
    description: str
    privacy: Privacy = Privacy.OPEN
    computed: str = ""


@dataclass(frozen=True)
class Table:
    """A table or view that the pipeline creates, with its comments.

    Attributes:
        name: `schema.table`.
        description: its comment.
        columns: with their comments, in order.
        secret: never published, whatever the settings.
        query: the SELECT of a view; empty for a table.
        reads: names of the tables that a view reads.
    """

    name: str
    description: str
    columns: tuple[TableColumn, ...]
    secret: bool = False
    query: str = ""
    reads: frozenset[str] = field(default=frozenset(), repr=False)  # the order differs by process


_FILE = (
    TableColumn("dataset", "VARCHAR", "Name of the dataset."),
    TableColumn(
        "partition",
        "VARCHAR",
        "Day, month, course id or `organisation`: the partition of the file.",
    ),
    TableColumn("source_key", "VARCHAR", "Key of the file in Vocareum's bucket."),
    TableColumn("etag", "VARCHAR", "ETag of the version; it changes with the content."),
)
_VERSION = (
    *_FILE,
    TableColumn("size", "BIGINT", "Bytes of the file."),
    TableColumn("last_modified", "TIMESTAMP", "When Vocareum wrote the file (UTC)."),
)
_FIGURES = (
    TableColumn("records", "BIGINT", "Records after the header: rows + rejects + erased."),
    TableColumn("rows", "BIGINT", "Rows loaded."),
    TableColumn("rejects", "BIGINT", "Records in quarantine."),
    TableColumn(
        "erased",
        "BIGINT",
        "Records removed because they concern an erased person; NULL means none.",
    ),
    TableColumn("warnings", "BIGINT", "Warnings of loaded rows, one per row and rule."),
)
_RUN = TableColumn("run_id", "VARCHAR", "Dagster run that wrote it.")

MODEL_DAYS = Table(
    "ops.model_days",
    "The days of the models that are built by day, each with a hash of the rows that it was"
    " made of, written in the transaction of the day's rows; and the days that a test by day"
    " passed. Never published.",
    (
        TableColumn("model", "VARCHAR", "Qualified name of the model, or `tests.` and a test's."),
        TableColumn("day", "DATE", "Day of the rows (UTC), or first day of another period."),
        TableColumn("hash", "UBIGINT", "Hash of the input's rows of that day, and of the SQL."),
    ),
    secret=True,
)

OPERATIONS: tuple[Table, ...] = (
    Table(
        "ops.loaded_files",
        "The ledger: one row per loaded file, written in the same transaction as its rows.",
        (
            *_VERSION,
            TableColumn(
                "period", "DATE", "First day of the day or month covered; NULL for snapshots."
            ),
            *_FIGURES,
            TableColumn("loaded_at", "TIMESTAMP", "When it was loaded (UTC)."),
            _RUN,
        ),
    ),
    Table(
        "ops.failed_files",
        "Files whose newest version could not be loaded. The rows of the previous version are still"
        " there.",
        (
            *_VERSION,
            TableColumn(
                "period", "DATE", "First day of the day or month covered; NULL for snapshots."
            ),
            TableColumn("reason", "VARCHAR", "Why it could not be loaded."),
            TableColumn("remedy", "VARCHAR", "What a person should do."),
            TableColumn(
                "line", "BIGINT", "Line of the problem; NULL if it concerns the whole file."
            ),
            TableColumn("records", "BIGINT", "Records after the header, if it could be read."),
            TableColumn("rejects", "BIGINT", "Rejected records."),
            TableColumn("failed_since", "TIMESTAMP", "When this version failed first (UTC)."),
            TableColumn("failed_at", "TIMESTAMP", "When it failed last (UTC)."),
            TableColumn("attempts", "BIGINT", "How often this version failed."),
            _RUN,
        ),
    ),
    Table(
        "ops.arrivals",
        "When each file was first seen: one row per file that was ever loaded or failed, kept when"
        " the file is overwritten.",
        (
            TableColumn("dataset", "VARCHAR", "Name of the dataset."),
            TableColumn(
                "partition",
                "VARCHAR",
                "Day, month, course id or `organisation`: the partition of the file.",
            ),
            TableColumn(
                "first_written", "TIMESTAMP", "When Vocareum wrote the first version seen (UTC)."
            ),
            TableColumn(
                "first_seen", "TIMESTAMP", "When that version was loaded, or failed (UTC)."
            ),
        ),
    ),
    Table(
        "ops.findings",
        "Rules that records of a loaded file break: errors (quarantined) and warnings (loaded).",
        (
            *_FILE,
            TableColumn(
                "column", "VARCHAR", "Column of the rule; * for a rule about the whole row."
            ),
            TableColumn("reason", "VARCHAR", "The broken rule in words."),
            TableColumn("is_error", "BOOLEAN", "Whether the records are in quarantine."),
            TableColumn("count", "BIGINT", "Number of records that break it."),
            TableColumn("lines", "BIGINT[]", "Lines of the first few records."),
        ),
    ),
    Table(
        "ops.absences",
        "Deliveries that are missing although they were there before: files that are gone, versions"
        " that lost their rows, copies of other files. Loaded rows stay until a person runs"
        " `analytics-pipeline close`.",
        (
            *_FILE,
            TableColumn(
                "kind",
                "VARCHAR",
                "gone (no longer delivered), shrunk (lost half of its rows or more) or repeated"
                " (bytes of another file).",
            ),
            TableColumn(
                "held",
                "BOOLEAN",
                "Whether the new version is held, so that the previous rows stay.",
            ),
            TableColumn("detail", "VARCHAR", "The problem in words and numbers."),
            TableColumn("first_seen", "TIMESTAMP", "When it was first noticed (UTC)."),
            TableColumn("closed_at", "TIMESTAMP", "When it ended (UTC); NULL while it is open."),
            TableColumn(
                "closed_by",
                "VARCHAR",
                "delivered (the file came again), superseded (a newer event or file replaced it) or"
                " close (the command).",
            ),
        ),
    ),
    Table(
        "quarantine.rejects",
        "Records that were not loaded, each once, with all reasons. Holds personal data; never"
        " published.",
        (
            *_FILE,
            TableColumn("line", "BIGINT", "Line of the file where the record begins."),
            TableColumn(
                "reasons",
                'STRUCT("column" VARCHAR, reason VARCHAR)[]',
                "Every rule that it breaks.",
            ),
            TableColumn("raw", "VARCHAR", "The record as delivered.", Privacy.PRIVATE),
            TableColumn("quarantined_at", "TIMESTAMP", "When it was quarantined (UTC)."),
            _RUN,
        ),
        secret=True,
    ),
    Table(
        "ops.erased",
        "People who were erased. Later deliveries of their records are dropped while loading. Never"
        " published.",
        (
            TableColumn("user_id", "BIGINT", "Vocareum id.", Privacy.IDENTIFIER),
            TableColumn("erased_at", "TIMESTAMP", "When the erasure was first requested (UTC)."),
            TableColumn(
                "times",
                "BIGINT",
                "How often their rows were erased; 0 while the first erasure is in progress.",
            ),
            TableColumn(
                "email_hashes",
                "VARCHAR[]",
                "HMAC-SHA256 of their emails, to identify their damaged records. Nothing else is"
                " kept about them.",
                Privacy.PRIVATE,
            ),
            TableColumn(
                "salt", "VARCHAR", "Key of the hashes, the same for everybody.", Privacy.PRIVATE
            ),
        ),
        secret=True,
    ),
    MODEL_DAYS,
    Table(
        "ops.publication",
        "The published file that this warehouse wrote last, if the next one may be a changed copy"
        " of it; at most one row. Never published.",
        (
            TableColumn("file", "VARCHAR", "Inode, size and mtime of the file."),
            TableColumn("published_at", "TIMESTAMP", "When it was written (UTC)."),
            TableColumn(
                "shape",
                "VARCHAR",
                "Digest of all but rows: tables, columns, views, comments, releases, setting.",
            ),
            TableColumn("erasures", "BIGINT", "Number of erasures before it was written."),
            TableColumn("whole_at", "TIMESTAMP", "When a file was last written whole (UTC)."),
            TableColumn("whole_bytes", "BIGINT", "Size of that file."),
        ),
        secret=True,
    ),
    Table(
        "ops.published_parts",
        "The parts of each table in that file: source files or days. Never published.",
        (
            TableColumn("table_name", "VARCHAR", "Table, as `schema.name`."),
            TableColumn(
                "part", "VARCHAR", "Key of the file, or day; NULL for a table that has neither."
            ),
            TableColumn("rows", "BIGINT", "Rows of the part."),
            TableColumn(
                "hash",
                "HUGEINT",
                "Sum of the hashes of its rows; NULL if it must be written again.",
            ),
        ),
        secret=True,
    ),
    Table(
        "ops.parameters",
        "Settings that SQL models read, as of the latest build; at most one row.",
        (
            TableColumn(
                "anomaly_floor_usd",
                "DECIMAL(18, 2)",
                "Minimum cost of an anomalous student-day, in US dollars (ANOMALY_FLOOR_USD).",
            ),
        ),
    ),
    Table(
        "ops.checks",
        "The latest verdict of every check: the tests of the models, and the checks of each"
        " dataset.",
        (
            TableColumn("name", "VARCHAR", "Name of the check."),
            TableColumn("subject", "VARCHAR", "Table that the check is about."),
            TableColumn(
                "kind",
                "VARCHAR",
                "Who evaluates it: `model` with a build, `load` with a load, `feed` with a"
                " listing.",
            ),
            TableColumn("severity", "VARCHAR", "ERROR or WARN: how bad a failure is."),
            TableColumn("passed", "BOOLEAN", "The latest verdict."),
            TableColumn(
                "violations",
                "BIGINT",
                "Number of violating rows; NULL if it counts none or could not run.",
            ),
            TableColumn("text", "VARCHAR", "The finding."),
            TableColumn("remedy", "VARCHAR", "What a person should do."),
            TableColumn(
                "withholds",
                "VARCHAR[]",
                "Tables that keep their previous published state while it fails.",
            ),
            TableColumn(
                "alarms",
                "STRUCT(alarm VARCHAR, message VARCHAR)[]",
                "Open alarms of the test; NULL or empty if it declares none.",
            ),
            TableColumn("since", "TIMESTAMP", "When the verdict last changed (UTC)."),
            TableColumn(
                "evaluated_at",
                "TIMESTAMP",
                "When it was last evaluated (UTC); NULL if a model was rebuilt since.",
            ),
        ),
    ),
)

PUBLISHED = Table(
    "ops.published",
    "What the published file contains; one row. The live warehouse has no such table.",
    (
        TableColumn("published_at", "TIMESTAMP", "When it was written (UTC)."),
        TableColumn(
            "pii", "BOOLEAN", "Whether it includes emails, names and free text (PUBLISH_PII)."
        ),
        TableColumn("release", "VARCHAR", "Release of analytics-pipeline that wrote it."),
        TableColumn("schema_version", "BIGINT", "Version of the warehouse's tables."),
        TableColumn(
            "kept",
            'STRUCT("table" VARCHAR, published_at TIMESTAMP)[]',
            "Tables withheld by a failing check (ops.checks), with the time of the state that stays"
            " published (UTC).",
        ),
        TableColumn(
            "left_out",
            "VARCHAR[]",
            "Tables withheld by a failing check without an earlier state to keep.",
        ),
        TableColumn(
            "erasures",
            "BIGINT",
            "Number of erasures before it was written; rows from before a later erasure are never"
            " kept.",
        ),
        TableColumn(
            "older_files",
            "BIGINT",
            "Files that the previous published file had in a later state, or alone; 0 unless an"
            " older warehouse was restored.",
        ),
        TableColumn(
            "emptied",
            'STRUCT("column" VARCHAR, cells BIGINT)[]',
            "Open columns with cells that are empty here because they hold an email address in the"
            " warehouse.",
        ),
    ),
)

EXTRA = TableColumn(
    "_extra",
    "JSON",
    "Columns that Vocareum did not announce, as delivered, and the text of cells that were left"
    " empty, by column.",
    Privacy.PRIVATE,
)
SOURCE_KEY = TableColumn("_source_key", "VARCHAR", "Key of the file in Vocareum's bucket.")
LOADED_AT = TableColumn("_loaded_at", "TIMESTAMP", "When the row was loaded (UTC).")
VALIDITY = (
    TableColumn(
        "valid_from",
        "TIMESTAMP",
        "Start of validity (UTC): when Vocareum wrote the first file with this row.",
    ),
    TableColumn("valid_to", "TIMESTAMP", "End of validity (UTC); NULL while the row is current."),
)


def raw_table(dataset: Dataset) -> Table:
    """Return the table of the currently delivered rows."""
    period = (
        (TableColumn(dataset.period.column, "DATE", dataset.period.description),)
        if dataset.period
        else ()
    )
    excerpts = (
        TableColumn(excerpt.name, "VARCHAR", excerpt.description, computed=_excerpt_sql(excerpt))
        for excerpt in dataset.excerpts
    )
    return Table(
        dataset.table,
        dataset.description,
        (*_delivered(dataset), *period, *excerpts, EXTRA, SOURCE_KEY, LOADED_AT),
    )


def _excerpt_sql(excerpt: Excerpt) -> str:
    cases = " ".join(
        f"WHEN contains({quoted(excerpt.source)}, {literal(phrase)}) THEN {literal(word)}"
        for phrase, word in excerpt.words.items()
    )
    return f"CASE {cases} END"


def history_table(dataset: Dataset) -> Table:
    """Return the table of all rows delivered over time, for a dataset that Vocareum overwrites."""
    description = f"Every state in which raw.{dataset.name} was delivered. {dataset.description}"
    return Table(
        f"history.{dataset.name}", description, (*_delivered(dataset), EXTRA, SOURCE_KEY, *VALIDITY)
    )


def raw_rows() -> Table:
    """Return the view that counts the raw rows of each file, over all datasets."""
    reads = [dataset.table for dataset in DATASETS.values()]
    counts = (
        f"SELECT '{name}' AS dataset, _source_key AS source_key, count(*) AS rows FROM {table}"
        " GROUP BY _source_key"
        for name, table in zip(DATASETS, reads, strict=True)
    )
    columns = (
        TableColumn("dataset", "VARCHAR", "Name of the dataset."),
        TableColumn("source_key", "VARCHAR", "Key of the file in Vocareum's bucket."),
        TableColumn("rows", "BIGINT", "Rows of the file in its raw table."),
    )
    description = (
        "Rows that the raw tables hold, one row per file that has any. A view, made from the"
        " declared datasets."
    )
    return Table(
        "ops.raw_rows",
        description,
        columns,
        query="\nUNION ALL\n".join(counts),
        reads=frozenset(reads),
    )


def _delivered(dataset: Dataset) -> Iterator[TableColumn]:
    for column in dataset.columns:
        yield TableColumn(column.name, column.sql_type, column.description, column.privacy)


def tables() -> Iterator[Table]:
    """Yield every table that ingest writes, and the view of them."""
    for dataset in DATASETS.values():
        yield raw_table(dataset)
        if dataset.keeps_history:
            yield history_table(dataset)
    yield from OPERATIONS
    yield raw_rows()
