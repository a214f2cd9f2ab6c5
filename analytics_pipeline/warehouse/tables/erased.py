"""The table of people who were erased."""

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.warehouse.tables.table import Table, TableColumn

ERASED = Table(
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
            "unfinished_since",
            "TIMESTAMP",
            "Start of an erasure that is not finished (UTC); empty after its receipt.",
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
)
