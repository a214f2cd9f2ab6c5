"""Late, missing and unusually small deliveries."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.raw.checks.completeness import (
    Drop,
    drops,
    missing,
    ranges,
)
from analytics_pipeline.orchestration.raw.checks.delivery import delivery_check_specs
from analytics_pipeline.warehouse.lateness import lateness
from analytics_pipeline.warehouse.lost_check import LOST

SESSIONS, AZURE, MONTHS, GRADES = (
    DATASETS[n] for n in ("lab_sessions", "azure_cost", "service_spend", "grades")
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_yesterdays_file_is_late_from_noon_on() -> None:
    newest = date(2026, 11, 21)
    before = lateness(SESSIONS, newest, None, at("2026-11-23 11:59"))
    after = lateness(SESSIONS, newest, None, at("2026-11-23 12:00"))
    assert before is not None and after is not None
    assert (before.delay, before.expected) == (timedelta(), "2026-11-21")
    assert (after.delay, after.expected) == (timedelta(days=1), "2026-11-22")


def test_a_dataset_that_was_never_delivered_is_not_late() -> None:
    assert lateness(AZURE, None, None, at("2026-11-23 12:00")) is None
    assert lateness(GRADES, None, None, at("2026-11-23 12:00")) is None


def test_a_new_month_is_late_three_days_into_it_at_noon() -> None:
    october = date(2026, 10, 1)
    early, late = (
        lateness(MONTHS, october, None, at(when))
        for when in ("2026-11-04 11:00", "2026-11-04 12:00")
    )
    assert early is not None and not early.delay
    assert late is not None and late.delay and late.expected == "2026-11"


def test_a_snapshot_is_late_when_it_was_not_overwritten_for_two_days() -> None:
    written = at("2026-11-20 03:00")
    fresh, late = (
        lateness(GRADES, None, written, at(when))
        for when in ("2026-11-22 02:00", "2026-11-22 04:00")
    )
    assert fresh is not None and not fresh.delay
    assert late is not None and late.delay == timedelta(hours=1)
    assert late.expected == "The version of 2026-11-21 03:00 UTC", (
        "the verdict does not depend on the time of the check"
    )


def test_missing_days_are_those_between_the_first_and_the_last_delivery() -> None:
    days = [date(2026, 11, day) for day in (2, 3, 6, 9)]
    absent = missing(SESSIONS, days)
    assert [day.day for day in absent] == [4, 5, 7, 8]
    assert [(a.day, b.day, n) for a, b, n in ranges(absent, SESSIONS)] == [(4, 5, 2), (7, 8, 2)]
    assert missing(SESSIONS, []) == missing(GRADES, days) == []


def test_a_missing_month_is_found_across_the_turn_of_the_year() -> None:
    assert missing(MONTHS, [date(2025, 11, 1), date(2026, 2, 1)]) == [
        date(2025, 12, 1),
        date(2026, 1, 1),
    ]


def weeks(count: int, weekday_rows: int = 100, weekend_rows: int = 5) -> dict[date, int]:
    """Usual days; the last one is Sunday 2026-11-22."""
    days = [date(2026, 11, 22) - timedelta(days=n) for n in range(7 * count)]
    return {day: weekend_rows if day.weekday() > 4 else weekday_rows for day in days}


def test_a_quiet_weekend_is_no_drop_but_an_equally_quiet_monday_is() -> None:
    rows = weeks(6)
    assert drops(SESSIONS, list(rows.items())) == []
    rows[date(2026, 11, 16)] = 5
    assert drops(SESSIONS, list(rows.items())) == [Drop(date(2026, 11, 16), 5, 100)]


def test_more_rows_than_usual_never_alarm() -> None:
    rows = weeks(6) | {date(2026, 11, 21): 5_000}
    assert drops(SESSIONS, list(rows.items())) == []


def test_a_dozen_rows_that_halve_are_no_drop() -> None:
    rows = weeks(6, weekday_rows=11) | {date(2026, 11, 16): 5}
    assert drops(SESSIONS, list(rows.items())) == []


def test_a_short_history_reports_no_drop() -> None:
    rows = weeks(3) | {date(2026, 11, 16): 0}
    assert drops(SESSIONS, list(rows.items())) == []


def test_the_monthly_reset_of_azure_is_no_drop_but_a_fall_within_the_month_is() -> None:
    days = [date(2026, 9, 1) + timedelta(days=n) for n in range(64)]  # up to 2026-11-03
    rows = {day: 20 * day.day for day in days}
    assert drops(AZURE, list(rows.items())) == []
    assert drops(SESSIONS, list(rows.items())) != []
    rows = {day: 20 * day.day for day in days if day < date(2026, 10, 28)} | {
        date(2026, 10, 28): 30
    }
    assert [drop.day for drop in drops(AZURE, list(rows.items()))] == [date(2026, 10, 28)]


def test_the_description_of_nothing_lost_names_all_that_it_finds() -> None:
    specs = delivery_check_specs(DATASETS["aws_cost"], dg.AssetKey(["raw", "aws_cost"]))
    (said,) = [spec.description or "" for spec in specs if spec.name == LOST]
    for finding in ("gone from the bucket", "rows or money", "a copy of another", "of other days"):
        assert finding in said
