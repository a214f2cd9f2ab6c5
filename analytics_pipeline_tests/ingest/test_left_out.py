"""Which delivered files are left out, and why: pure functions of values."""

from datetime import UTC, date, datetime, timedelta

import pytest

from analytics_pipeline.datasets import DATASETS, Cadence, classify
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.left_out import NAMED, LeftOut, LoadedRange, lines, out_of_range
from analytics_pipeline.ingest.plan import Plan, classify_listing, plan
from analytics_pipeline.orchestration.raw.partitions import partitions_of
from analytics_pipeline.vocareum.objects import RemoteObject

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
RANGE = LoadedRange(date(2025, 12, 20), True, NOON.date())
LEARNED = LoadedRange(date(2025, 12, 20), False, NOON.date())
SESSIONS = "lab_sessions/lab_sessions_{}.csv"


def listed(key: str, etag: str = "e1", size: int = 10, hours: int = 0) -> RemoteObject:
    return RemoteObject(f"org9001/{key}", etag, size, NOON + timedelta(hours=hours))


def planned(*found: RemoteObject, within: LoadedRange = RANGE) -> Plan:
    return plan(classify_listing(found, "org9001/"), {}, within=within)


def only(*found: RemoteObject, within: LoadedRange = RANGE) -> LeftOut:
    (file,) = planned(*found, within=within).left_out
    return file


@pytest.mark.parametrize("change", [{"etag": "e2"}, {"size": 11}])
def test_another_spelling_with_other_bytes_is_a_warning_that_names_both(change: dict):
    file = only(
        listed(SESSIONS.format("2026-1-9")),
        listed(SESSIONS.format("2026-01-09"), hours=1, **change),
    )
    assert (file.dataset, file.partition, file.source_key, file.warns) == (
        "lab_sessions",
        "2026-01-09",
        "org9001/lab_sessions/lab_sessions_2026-1-9.csv",
        True,
    )
    assert "other bytes: org9001/lab_sessions/lab_sessions_2026-01-09.csv" in file.reason
    assert "assumes that the newer one is right" in file.remedy and "ask Vocareum" in file.remedy


def test_another_spelling_with_the_same_bytes_is_a_note():
    file = only(listed(SESSIONS.format("2026-1-9")), listed(SESSIONS.format("2026-01-09"), hours=1))
    assert (file.source_key[-12:], file.warns) == ("2026-1-9.csv", False)
    assert "same bytes" in file.reason


def test_each_of_three_spellings_is_compared_with_the_newest_one():
    found = planned(
        listed(SESSIONS.format("2026-01-09"), "old"),
        listed(SESSIONS.format("2026-1-09"), "new", hours=1),
        listed(SESSIONS.format("2026-1-9"), "new", hours=2),
    )
    assert [(file.source_key[-14:], file.warns) for file in found.left_out] == [
        ("2026-01-09.csv", True),
        ("_2026-1-09.csv", False),
    ]


def test_a_month_in_two_spellings_is_called_a_month():
    key = "service_spend/service_spend_{}.csv"
    file = only(listed(key.format("2026-1")), listed(key.format("2026-01"), "e2", hours=1))
    assert "same month" in file.reason and file.warns


@pytest.mark.parametrize(
    ("day", "within", "reason", "remedy", "warns"),
    [
        ("2025-12-19", RANGE, "before the first day, 2025-12-20", "set VOCAREUM_START_DATE", False),
        ("0202-11-01", LEARNED, "before the first day, 2025-12-20", "under the correct name", True),
        ("2026-01-10", RANGE, "its day is not over", "loads once the day is over", False),
        ("2026-01-11", RANGE, "has not begun", "under the correct name", True),
        ("2062-01-09", RANGE, "has not begun", "under the correct name", True),
    ],
)
def test_a_day_out_of_the_range_is_named_with_its_reason(
    day: str, within: LoadedRange, reason: str, remedy: str, warns: bool
):
    file = only(listed(SESSIONS.format(day)), within=within)
    assert "outside the partitions" in file.reason and reason in file.reason
    assert (remedy in file.remedy, file.warns) == (True, warns)


def test_a_loaded_file_that_a_later_start_date_excludes_is_not_left_out_until_it_changes():
    key = SESSIONS.format("2025-12-19")
    ledger = {("lab_sessions", "2025-12-19"): (f"org9001/{key}", "e1", 10)}
    for etag, count in (("e1", 0), ("e2", 1)):
        listing = classify_listing([listed(key, etag)], "org9001/")
        assert len(plan(listing, ledger, within=RANGE).left_out) == count


def test_what_is_left_out_is_what_no_partition_of_dagster_covers():
    """At each hour around the first day, the end of a day and the end of a month."""
    hours = [
        datetime(2026, 1, 31, 22, tzinfo=UTC) + timedelta(hours=hour) for hour in range(0, 48, 3)
    ]
    for first in (date(2025, 12, 20), date(2026, 1, 1), date(2026, 1, 31)):
        for now in hours:
            for dataset in (DATASETS["lab_sessions"], DATASETS["service_spend"]):
                definition = partitions_of(dataset, first)
                assert definition
                inside = set(definition.get_partition_keys(current_time=now))
                for delivery in deliveries(dataset.cadence):
                    left = out_of_range(delivery, LoadedRange(first, True, now.date()))
                    assert (left is None) == (delivery.partition.key in inside), (delivery, now)


def deliveries(cadence: Cadence) -> list[Delivery]:
    """Return a file of each day, or month, from November to March."""
    days = [date(2025, 11, 1) + timedelta(days=n) for n in range(140)]
    keys = (
        {f"service_spend/service_spend_{day:%Y-%m}.csv" for day in days}
        if cadence is Cadence.MONTHLY
        else {SESSIONS.format(day) for day in days}
    )
    found = [(classify(key), key) for key in keys]
    return [Delivery(*place, key, "e", 1, NOON) for place, key in found if place]


def test_files_of_one_reason_share_a_line_that_names_the_first_of_them():
    early = [
        listed(SESSIONS.format(date(2025, 11, 1) + timedelta(days=n))) for n in range(NAMED + 2)
    ]
    ahead = listed(SESSIONS.format("2062-01-09"))
    first, second = lines(planned(*early, ahead).left_out)
    assert first[0].startswith("org9001/lab_sessions/lab_sessions_2062-01-09.csv: not loaded, ")
    assert "lab_sessions_2025-11-20.csv, and 2 more: not loaded, outside" in second[0]
    assert "2025-11-21" not in second[0]
