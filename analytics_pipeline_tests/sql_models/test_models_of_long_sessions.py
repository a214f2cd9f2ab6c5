"""Sessions with a clock error: they count for 31 days, on hand-written rows."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.sql_models import run_test
from analytics_pipeline_tests.sql_models.test_models_of_sessions import NOON, session
from analytics_pipeline_tests.support.hand_written import lab_sessions
from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    build_all,
    found,
    land,
    load,
    put,
    utc,
)

Connection = duckdb.DuckDBPyConnection
HOURS = """
    SELECT 'session', sum(minutes) / 60 FROM marts.lab_sessions
    UNION ALL SELECT 'student', sum(minutes) / 60 FROM marts.student_course_summary
    UNION ALL SELECT 'course', sum(minutes) / 60 FROM marts.course_summary
    UNION ALL SELECT 'month', sum(active_student_hours) FROM marts.course_months
    UNION ALL SELECT 'week', hours FROM marts.activity_weekly WHERE course_id IS NULL AND hours > 0
    UNION ALL SELECT 'day', sum(hours) FROM marts.organisation_daily
    UNION ALL SELECT 'parts of days', sum(epoch(end_time - start_time)) / 3600
    FROM staging.lab_session_days"""


def test_a_session_of_years_counts_31_days_in_all_hours_and_is_a_warning(
    warehouse: Connection,
) -> None:
    put(warehouse, "raw.enrollment", {"userid": 1, "courseid": 5, "role": "student"})
    put(warehouse, "raw.lab_sessions", session(utc(2020, 2, 29)) | {"end_time": NOON})
    build_all(warehouse)
    assert dict(warehouse.execute(HOURS).fetchall()) == dict.fromkeys(
        ("session", "student", "course", "month", "week", "day", "parts of days"), 31 * 24
    )
    (row,) = found(warehouse, "SELECT end_time, counted_end, is_capped FROM marts.lab_sessions")
    assert list(row.values()) == [NOON, utc(2020, 3, 31), True], "the delivered end stays"
    tested = run_test(warehouse, PROJECT.tests["no_session_is_longer_than_31_days"])
    assert tested.violations == 1


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("days", "is_capped"), [(31, False), (32, True)], ids=["as long as may be", "too long"]
)
def test_delivered_minutes_count_for_31_days_at_most(
    warehouse: Connection, days: int, *, is_capped: bool
) -> None:
    no_end = session(NOON, duration_min=days * 24 * 60) | {"end_time": None}
    no_start = no_end | {"start_time": None, "end_time": NOON + timedelta(days=days), "user_id": 2}
    put(warehouse, "raw.lab_sessions", no_end, no_start)
    build_all(warehouse)
    rows = warehouse.execute(
        "SELECT minutes, is_capped, counted_end FROM marts.lab_sessions ORDER BY user_id"
    ).fetchall()
    assert rows == [
        (31 * 24 * 60, is_capped, None),
        (31 * 24 * 60, is_capped, NOON + timedelta(days=31)),
    ]
    tested = run_test(warehouse, PROJECT.tests["no_session_is_longer_than_31_days"])
    assert tested.violations == 2 * is_capped


def test_a_clock_gone_wrong_does_not_fill_the_years(warehouse: Connection) -> None:
    put(warehouse, "raw.lab_sessions", session(NOON) | {"end_time": utc(9999, 12, 31)})
    build_all(warehouse)
    hours = warehouse.execute(
        "SELECT count(*) FROM marts.lab_concurrency_hourly WHERE course_id = 5"
    ).fetchone()
    assert hours == (31 * 24,)


@pytest.mark.parametrize("end", ["2026-12-31 23:59:59,125700", "2026-10-20 00:00:00,21540"])
def test_a_session_that_is_still_open_has_no_minutes_whatever_length_is_delivered(
    warehouse: Connection, tmp_path: Path, end: str
) -> None:
    day = date(2026, 10, 5)
    ((key, body),) = lab_sessions({day: [(1, 5, 7)]}).items()
    closed = f"{day} 10:00:00,60".encode()
    assert closed in body
    written = datetime(2026, 10, 6, 3, tzinfo=UTC)
    load(warehouse, land(tmp_path, {key: body.replace(closed, end.encode())}, written))
    build_all(warehouse)
    columns = "end_time, minutes, minutes_delivered, is_capped"
    (row,) = found(warehouse, f"SELECT {columns} FROM marts.lab_sessions")
    assert list(row.values()) == [None, None, None, False]
    kept = "SELECT _extra->>'end_time' || ',' || (_extra->>'duration_min') FROM raw.lab_sessions"
    assert warehouse.execute(kept).fetchall() == [(end,)], "what was delivered is kept"
    reasons = warehouse.execute(
        """SELECT "column", reason FROM ops.findings WHERE "column" = 'duration_min'"""
    ).fetchall()
    assert [reason.startswith("it is the length of something") for _, reason in reasons] == [True]
