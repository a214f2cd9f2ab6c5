"""The spend that the models find in hand-written rows."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import duckdb

from analytics_pipeline_tests.support.deliveries import HEADER
from analytics_pipeline_tests.support.model_warehouse import broken, build_all, land, load

Connection = duckdb.DuckDBPyConnection


def day(n: int, month: int = 10) -> date:
    """Return a day of 2026, in October by default."""
    return date(2026, month, n)


def load_aws_files(
    connection: Connection, folder: Path, *lines: Sequence[object], left: Iterable[int] = ()
) -> None:
    """Load a file a day from the first of October: each line is an amount of account 1, user 1 and
    part 7.

    Account 2, with an amount that never changes, is in each file.

    Args:
        connection: the warehouse.
        folder: where the files are written.
        lines: the amounts of each file.
        left: the days whose files list account 1 as deactivated on the third.
    """
    header = HEADER["aws_cost"].rstrip("\n") + ", Deactivation Date\n"
    files = {}
    for n, amounts in enumerate(lines, 1):
        gone = "2026-10-03 08:00:00" if n in left else ""
        rows = [f"000000000001,1,,7,Lab,{amount},1760000000,{gone}\n" for amount in amounts]
        rows.append("000000000002,2,,8,Lab,1,1760000000,\n")
        files[f"org9001/cloud_spend/aws_cost_{day(n)}.csv"] = (header + "".join(rows)).encode()
    load(connection, land(folder, files))


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
