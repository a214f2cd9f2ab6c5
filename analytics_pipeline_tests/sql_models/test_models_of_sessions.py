"""Sessions, launches and concurrency, on hand-written rows."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from analytics_pipeline.sql_models import run_test
from analytics_pipeline_tests.support.model_warehouse import PROJECT, build_all, found, put, utc

Connection = duckdb.DuckDBPyConnection
NOON = utc(2026, 10, 1, 12)
DAY = NOON.date()


def session(
    begin: datetime | None, minutes: float = 60, course: int = 5, user: int = 1, **more: object
) -> dict[str, object]:
    """A row of raw.lab_sessions, launched at its start."""
    end = begin and begin + timedelta(minutes=minutes)
    times = {
        "launch_time": begin,
        "start_time": begin,
        "end_time": end,
        "file_date": begin.date() if begin else DAY,
    }
    return {"user_id": user, "part_id": 7, "course_id": course, **times, **more}


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (" START successful; END successful (Session Timer Expires)", "Session Timer Expires"),
        (" START successful; END successful (User Ended Lab)", "User Ended Lab"),
        (" START successful; END successful (Jane Doe says: bye)", "other"),
        ("LAUNCH initiated; START failed (CFN creation failed)", "Start Failed"),
        (" START successful", None),
        (None, None),
    ],
)
def test_only_a_known_reason_leaves_the_log(
    warehouse: Connection, log: str | None, reason: str | None
) -> None:
    put(warehouse, "raw.lab_sessions", session(NOON, log=log))
    build_all(warehouse)
    assert warehouse.execute("SELECT end_reason FROM marts.lab_sessions").fetchall() == [(reason,)]


def test_a_session_listed_in_two_files_takes_the_row_with_the_latest_end(
    warehouse: Connection,
) -> None:
    early = session(NOON, 30, lab_type="VM")
    late = session(NOON, 90, lab_type="VM") | {"file_date": DAY + timedelta(days=1)}
    put(warehouse, "raw.lab_sessions", late, early, session(NOON, user=2))
    build_all(warehouse)
    rows = warehouse.execute(
        "SELECT user_id, minutes FROM marts.lab_sessions ORDER BY 1"
    ).fetchall()
    assert rows == [(1, Decimal(90)), (2, Decimal(60))]


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("first_start", "sessions"),
    [(timedelta(minutes=3), 1), (None, 2), (timedelta(minutes=1), 2)],
    ids=["the same start", "no start yet", "another start"],
)
def test_a_launch_over_midnight_is_one_session_or_a_warning(
    warehouse: Connection, first_start: timedelta | None, sessions: int
) -> None:
    launch = utc(2026, 10, 1, 23, 58)
    row = session(launch + timedelta(minutes=3)) | {"launch_time": launch}
    start = first_start and launch + first_start
    first = row | {"file_date": DAY, "start_time": start, "end_time": None}
    put(warehouse, "raw.lab_sessions", row, first)
    build_all(warehouse)
    assert warehouse.execute("SELECT count(*) FROM marts.lab_sessions").fetchone() == (sessions,)
    tested = run_test(warehouse, PROJECT.tests["every_launch_is_one_session"])
    assert tested.violations == sessions - 1


def test_the_later_of_two_files_with_the_same_end_counts(warehouse: Connection) -> None:
    later = session(NOON, assignment_id=9) | {"file_date": DAY + timedelta(days=1)}
    put(warehouse, "raw.lab_sessions", later, session(NOON, assignment_id=5))
    build_all(warehouse)
    rows = warehouse.execute("SELECT assignment_id, file_date FROM staging.lab_sessions").fetchall()
    assert rows == [(9, DAY + timedelta(days=1))], (
        "not the lower id, nor the file that was loaded last"
    )


def test_sessions_without_any_time_are_kept_apart_by_the_day_of_their_file(
    warehouse: Connection,
) -> None:
    put(
        warehouse,
        "raw.lab_sessions",
        session(None),
        session(None),
        session(None) | {"file_date": DAY + timedelta(days=1)},
    )
    build_all(warehouse)
    rows = warehouse.execute(
        "SELECT session_date, minutes, succeeded FROM marts.lab_sessions ORDER BY 1"
    ).fetchall()
    assert rows == [(DAY, None, False), (DAY + timedelta(days=1), None, False)]


def test_sessions_without_launch_and_start_differ_by_their_other_times_and_minutes(
    warehouse: Connection,
) -> None:
    untimed = [
        session(None, duration_min=30),
        session(None, duration_min=45),
        session(None, duration_min=45),
    ]
    put(
        warehouse, "raw.lab_sessions", *untimed, session(None, duration_min=45) | {"end_time": NOON}
    )
    build_all(warehouse)
    rows = warehouse.execute(
        "SELECT count(*), count(DISTINCT session_id), sum(minutes) FROM marts.lab_sessions"
    )
    assert rows.fetchall() == [(3, 3, 120)]


def test_a_session_without_an_end_counts_the_delivered_minutes(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.lab_sessions",
        session(NOON, duration_min=45) | {"end_time": None},
        session(NOON, user=2, duration_min=1),
    )
    build_all(warehouse)
    rows = warehouse.execute(
        "SELECT user_id, minutes FROM marts.lab_sessions ORDER BY 1"
    ).fetchall()
    assert rows == [(1, 45), (2, 60)]


def test_the_articles_example_has_its_minutes_and_no_impossible_wait(warehouse: Connection) -> None:
    """It is launched months after its end, and ready five seconds later."""
    put(
        warehouse,
        "raw.lab_sessions",
        session(utc(2022, 2, 23, 21, 40, 20), 0)
        | {"end_time": utc(2022, 2, 23, 23, 40, 22), "duration_min": "120.033333"}
        | {"launch_time": utc(2022, 6, 1, 21, 14, 57), "init_time": utc(2022, 6, 1, 21, 15, 2)}
        | {"launch_to_ready_duration_mins": "0.083333"},
    )
    build_all(warehouse)
    (row,) = found(warehouse, "SELECT * FROM marts.lab_sessions")
    assert row["session_date"] == date(2022, 2, 23)
    assert (row["minutes"], row["minutes_delivered"]) == (
        Decimal("120.033333"),
        Decimal("120.033333"),
    )
    assert (row["launch_to_ready_seconds"], row["launch_to_ready_seconds_delivered"]) == (
        5,
        Decimal("5.000"),
    )


def test_waits_are_percentiles_of_the_launches_that_got_ready(warehouse: Connection) -> None:
    waits = [
        session(NOON, user=n, lab_type="VM", init_time=NOON + timedelta(seconds=n))
        for n in range(1, 101)
    ]
    never_started = session(NOON, user=999, lab_type="VM") | {"start_time": None, "end_time": None}
    put(warehouse, "raw.lab_sessions", *waits, never_started)
    build_all(warehouse)
    assert found(warehouse, "SELECT * FROM marts.lab_launches_daily") == [
        {
            "date": DAY,
            "course_id": 5,
            "lab_type": "VM",
            "launches": 101,
            "failures": 1,
            "p50": 50,
            "p90": 90,
            "p99": 99,
        }
    ]


def test_an_hours_peak_is_the_maximum_of_concurrent_sessions(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.lab_sessions",
        session(NOON, 90, user=1),
        session(NOON + timedelta(minutes=10), 20, user=2),
        # starts in the second in which the one before ends
        session(NOON + timedelta(minutes=30), 10, user=3),
        session(NOON + timedelta(minutes=5), 240, course=6),
    )
    build_all(warehouse)
    rows = warehouse.execute(
        "SELECT course_id, hour(hour), peak_sessions FROM marts.lab_concurrency_hourly WHERE"
        " course_id > 0 ORDER BY ALL"
    )
    # Course 5: two at once, never three, and one still running at 13:00. Course 6: one for five
    # hours, 16:00 included.
    assert rows.fetchall() == [
        (5, 12, 2),
        (5, 13, 1),
        (6, 12, 1),
        (6, 13, 1),
        (6, 14, 1),
        (6, 15, 1),
        (6, 16, 1),
    ]


def test_the_organisations_peak_is_not_the_sum_of_the_courses_peaks(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.lab_sessions",
        session(NOON, 10, user=1),
        session(NOON, 10, user=2),
        session(NOON + timedelta(minutes=20), 10, course=6, user=3),
        session(NOON + timedelta(minutes=5), 90, course=7, user=4),
    )
    build_all(warehouse)
    rows = warehouse.execute(
        "SELECT course_id, peak_sessions FROM marts.lab_concurrency_hourly WHERE hour(hour) = 12"
        " ORDER BY ALL NULLS FIRST"
    )
    assert rows.fetchall() == [(None, 3), (5, 2), (6, 1), (7, 1)]


def test_percentiles_of_a_week_come_from_its_sessions_not_its_days(warehouse: Connection) -> None:
    """On Monday one of ten waits 1,000 seconds, on Tuesday ninety wait none: the week's p90 is
    Tuesday's.
    """
    monday = utc(2026, 10, 5, 12)
    waits = [(monday, n, 500 + n, 5) for n in range(10)] + [
        (monday + timedelta(days=1), n, 7, 6) for n in range(90)
    ]
    for at, user, seconds, course in waits:
        ready = at + timedelta(seconds=seconds)
        put(
            warehouse,
            "raw.lab_sessions",
            session(at, user=user, course=course, lab_type="VM", init_time=ready),
        )
    put(
        warehouse,
        "raw.lab_sessions",
        session(monday, course=5, lab_type=None, user=999) | {"start_time": None},
    )
    build_all(warehouse)
    columns = "course_id, lab_type, launches, failures, waits, p50, p90, p99"
    rows = warehouse.execute(
        f"SELECT {columns} FROM marts.lab_launches_weekly ORDER BY ALL NULLS FIRST"
    ).fetchall()
    assert rows == [
        (None, None, 101, 1, 100, 7, 7, 508),
        (None, "VM", 100, 0, 100, 7, 7, 508),
        (None, "unknown", 1, 1, 0, None, None, None),
        (5, None, 11, 1, 10, 504, 508, 509),
        (5, "VM", 10, 0, 10, 504, 508, 509),
        (5, "unknown", 1, 1, 0, None, None, None),
        (6, None, 90, 0, 90, 7, 7, 7),
        (6, "VM", 90, 0, 90, 7, 7, 7),
    ]
    assert {
        week
        for (week,) in warehouse.execute("SELECT week FROM marts.lab_launches_weekly").fetchall()
    } == {monday.date()}
