"""The spend that the models find in hand-written rows."""

from datetime import date

import duckdb

from analytics_pipeline_tests.support.model_warehouse import broken, build_all

Connection = duckdb.DuckDBPyConnection


def day(n: int, month: int = 10) -> date:
    """Return a day of 2026, in October by default."""
    return date(2026, month, n)


def spend(
    connection: Connection, columns: str = "spend_date, cost, days_covered, is_reset, is_first"
) -> list[tuple[object, ...]]:
    """Build all models, check the invariants, and return rows of `daily_cloud_spend`."""
    build_all(connection)
    # Hand-written rows have no ledger and no history.
    assert (
        broken(
            connection,
            {"raw_rows_are_those_of_the_ledger", "roster_changes_end_at_the_current_enrollment"},
        )
        == []
    )
    return connection.execute(
        f"SELECT {columns} FROM marts.daily_cloud_spend ORDER BY provider, spend_date, user_id,"
        " part_id"
    ).fetchall()


SERVICE = {
    "aws_account_id": "0012",
    "user_id": 1,
    "part_id": 7,
    "file_month": day(1),
    "service": "EC2",
    "cost": 1,
}
