"""Tables about the published file; `ops.published` exists only in that file."""

from analytics_pipeline.warehouse.tables.table import Table, TableColumn

PUBLICATION = Table(
    "ops.publication",
    "The published file that this warehouse wrote last, if the next one may be a changed copy"
    " of it; at most one row. Never published.",
    (
        TableColumn(
            "file",
            "VARCHAR",
            "Identity of the file: inode, size and mtime, or its SHA-256 in a store.",
        ),
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
)

PUBLISHED_PARTS = Table(
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
            "UBIGINT",  # a lake stores a HUGEINT as a DOUBLE, which rounds it
            "Sum of the hashes of its rows, modulo 2^64; NULL if it must be written again.",
        ),
    ),
    secret=True,
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
            "Number of files that the warehouse lacked, or had in an older version, compared with"
            " the one that it replaced; 0 unless an older warehouse was restored.",
        ),
        TableColumn(
            "emptied",
            'STRUCT("column" VARCHAR, cells BIGINT)[]',
            "Open columns with cells that are empty here because they hold an email address in the"
            " warehouse.",
        ),
    ),
)
