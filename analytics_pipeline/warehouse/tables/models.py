"""Tables about models and checks: what they were built from, and their verdicts."""

from analytics_pipeline.warehouse.tables.table import Table, TableColumn

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

MODEL_LOADS = Table(
    "ops.model_loads",
    "Which loads and which SQL each model was last built from, written with the build.",
    (
        TableColumn("model", "VARCHAR", "Qualified name of the model."),
        TableColumn(
            "loads",
            "VARCHAR",
            "Digest of the loads of all datasets that it reads, of its SQL and that of its tests."
            " If the present ones have another digest, the model is stale.",
        ),
    ),
)

PARAMETERS = Table(
    "ops.parameters",
    "Settings that SQL models read, as of the latest build; at most one row.",
    (
        TableColumn(
            "anomaly_floor_usd",
            "DECIMAL(18, 2)",
            "Minimum cost of an anomalous student-day, in US dollars (ANOMALY_FLOOR_USD).",
        ),
    ),
)

CHECKS = Table(
    "ops.checks",
    "The latest verdict of every check: the tests of the models, and the checks of each dataset.",
    (
        TableColumn("name", "VARCHAR", "Name of the check."),
        TableColumn("subject", "VARCHAR", "Table that the check is about."),
        TableColumn(
            "kind",
            "VARCHAR",
            "Who evaluates it: `model` with a build, `load` with a load, `feed` with a listing.",
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
            "Tables that keep their previous published state while it fails; empty for a warning.",
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
)
