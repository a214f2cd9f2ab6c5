"""Tables about delivered files: the ledger, failures, findings, absences and the quarantine."""

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.warehouse.tables.table import Table, TableColumn

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

FILES = (
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
        " that lost their rows or money, copies of other files, rows of other days, and what an"
        " older warehouse lacks. Loaded rows stay until a person runs `analytics-pipeline close`.",
        (
            *_FILE,
            TableColumn(
                "kind",
                "VARCHAR",
                "gone (no longer delivered), shrunk (lost half of its rows or money),"
                " repeated (bytes or rows of another file), misdated (rows of days other than"
                " its own) or reverted (an older warehouse lacks it, or a later version of it).",
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
)
