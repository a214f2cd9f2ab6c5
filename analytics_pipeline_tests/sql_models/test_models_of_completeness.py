"""Lateness: judged by when a file was first seen, never by a later version or a copy."""

from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from analytics_pipeline.ingest.read_batch import read_batch
from analytics_pipeline.warehouse.load import write_batch
from analytics_pipeline_tests.support.model_warehouse import build_all, land, utc

Connection = duckdb.DuckDBPyConnection
HEADER = b"User ID,User Email,Part ID,Part Name,Month,Year,Monthly-cost-to-date\n"
FIRST = date(2026, 10, 1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def deliver(
    connection: Connection,
    folder: Path,
    day: date,
    written: datetime,
    seen: datetime,
    body: bytes = b"",
) -> None:
    """Load one day's file, written and loaded at these times; a body that is not CSV fails."""
    key = f"org9001/cloud_spend/azure/azure_cost_{day}.csv"
    (landed,) = land(
        folder, {key: body or HEADER + f"1,,7,Lab,10,2026,{day.day}\n".encode()}, written
    )
    write_batch(connection, read_batch(landed.delivery.dataset, [landed]), seen, "run")


def night(day: date) -> datetime:
    """Return three in the morning after a UTC day."""
    return utc(day.year, day.month, day.day) + DAY + 3 * HOUR


def late(connection: Connection) -> dict[int, bool | None]:
    build_all(connection)
    rows = connection.execute("SELECT day(period), late FROM marts.data_completeness").fetchall()
    return dict(rows)


def test_copying_the_bucket_does_not_make_files_late(warehouse: Connection, tmp_path: Path) -> None:
    days = [FIRST + n * DAY for n in range(3)]
    for day in days:
        deliver(warehouse, tmp_path, day, night(day), night(day) + HOUR)
    copied = utc(2026, 11, 5)
    for day in days:  # the copy's parts are of another size, and so are its ETags
        deliver(warehouse, tmp_path, day, copied, copied + HOUR, HEADER + b"1,,7,Lab,10,2026,9\n")
    assert late(warehouse) == {1: False, 2: False, 3: False}
    assert warehouse.execute(
        "SELECT DISTINCT last_modified FROM marts.data_completeness"
    ).fetchall() == [(copied,)]


def test_files_copied_before_the_first_load_have_unknown_lateness(
    warehouse: Connection, tmp_path: Path
) -> None:
    copied = utc(2026, 11, 5)
    for n in range(2):
        deliver(warehouse, tmp_path, FIRST + n * DAY, copied, copied + HOUR)
    assert late(warehouse) == {1: None, 2: None}


def test_a_file_that_came_on_time_is_not_late_whenever_loads_began(
    warehouse: Connection, tmp_path: Path
) -> None:
    began = utc(2026, 11, 5)
    deliver(warehouse, tmp_path, FIRST, night(FIRST), began)
    # a day's grace, to the second
    deliver(warehouse, tmp_path, FIRST + DAY, utc(2026, 10, 5), began)
    deliver(warehouse, tmp_path, FIRST + 2 * DAY, utc(2026, 10, 6, 0, 0, 1), began)
    assert late(warehouse) == {1: False, 2: False, 3: None}


def test_a_file_that_has_not_arrived_by_its_deadline_is_late(
    warehouse: Connection, tmp_path: Path
) -> None:
    deliver(warehouse, tmp_path, FIRST, night(FIRST), night(FIRST))
    deliver(warehouse, tmp_path, FIRST + DAY, utc(2026, 10, 5, 0, 0, 1), utc(2026, 10, 5, 1))
    # the machine was off
    deliver(warehouse, tmp_path, FIRST + 3 * DAY, night(FIRST + 3 * DAY), utc(2026, 11, 5))
    assert late(warehouse) == {1: False, 2: True, 3: None, 4: False}


def test_a_version_that_failed_counts_as_seen(warehouse: Connection, tmp_path: Path) -> None:
    deliver(warehouse, tmp_path, FIRST, night(FIRST), night(FIRST), b"no,such,header\n")
    assert late(warehouse) == {1: False}
    deliver(warehouse, tmp_path, FIRST, utc(2026, 10, 20), utc(2026, 10, 20))
    assert late(warehouse) == {1: False}
    assert warehouse.execute(
        "SELECT loaded, newest_failed FROM marts.data_completeness"
    ).fetchall() == [(True, False)]


def test_files_of_an_earlier_release_were_first_seen_when_loaded(
    warehouse: Connection, tmp_path: Path
) -> None:
    deliver(warehouse, tmp_path, FIRST, night(FIRST), night(FIRST))
    warehouse.execute("DELETE FROM ops.arrivals")
    assert late(warehouse) == {1: False}
    deliver(warehouse, tmp_path, FIRST, utc(2026, 10, 20), utc(2026, 10, 20), HEADER)
    assert late(warehouse) == {1: False}
    assert warehouse.execute("FROM ops.arrivals").fetchall() == [
        ("azure_cost", "2026-10-01", night(FIRST), night(FIRST))
    ]
