"""The plan, from a listing and a ledger alone: pure functions of values."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from analytics_pipeline.datasets import DATASETS, Cadence, classify
from analytics_pipeline.ingest.plan import (
    AnotherOrganisation,
    Plan,
    Selection,
    classify_listing,
    plan,
)
from analytics_pipeline.vocareum.objects import RemoteObject
from analytics_pipeline_tests.support.deliveries import KEYS

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
DAY = "lab_sessions/lab_sessions_2026-01-09.csv"


def listed(
    key: str, etag: str = "e1", size: int = 10, hours: int = 0, org: str = "9001"
) -> RemoteObject:
    return RemoteObject(f"org{org}/{key}", etag, size, NOON + timedelta(hours=hours))


def planned(
    *found: RemoteObject,
    loaded: Plan | None = None,
    selection: Selection = Selection(),  # noqa: B008
) -> Plan:
    """Return the plan for a listing, against a ledger with an earlier plan's deliveries."""
    ledger = {
        (delivery.dataset.name, delivery.partition.key): delivery.version
        for delivery in (loaded.delivered if loaded else ())
    }
    return plan(classify_listing(found, "org9001/"), ledger, selection)


def keys(deliveries) -> list[str]:
    return [delivery.key for delivery in deliveries]


def test_a_file_that_the_ledger_lacks_is_new():
    found = planned(*map(listed, KEYS.values()))
    assert {delivery.dataset.name for delivery in found.new} == KEYS.keys()
    assert (found.changed, found.unchanged, found.unknown) == ((), (), ())


def test_the_same_version_is_unchanged_whatever_the_clock_says():
    before = planned(listed(DAY))
    after = planned(listed(DAY, hours=48), loaded=before)
    assert (len(after.unchanged), after.work) == (1, ())


@pytest.mark.parametrize("change", [{"etag": "e2"}, {"size": 11}])
def test_another_etag_or_size_is_changed(change):
    after = planned(listed(DAY, **change), loaded=planned(listed(DAY)))
    assert (keys(after.changed), after.new, after.unchanged) == ([f"org9001/{DAY}"], (), ())


def test_the_newer_of_a_padded_and_an_unpadded_name_of_a_day_counts():
    unpadded = DAY.replace("2026-01-09", "2026-1-9")
    for older, newer in ((DAY, unpadded), (unpadded, DAY)):
        found = planned(listed(newer, hours=1), listed(older))
        assert (keys(found.new), [file.source_key for file in found.left_out]) == (
            [f"org9001/{newer}"],
            [f"org9001/{older}"],
        )


def test_a_day_delivered_under_the_other_name_is_changed_and_not_loaded_twice():
    after = planned(
        listed(DAY.replace("2026-01-09", "2026-1-9"), hours=1), loaded=planned(listed(DAY))
    )
    assert (len(after.changed), after.new) == (1, ())


@pytest.mark.parametrize(
    "key",
    [
        "cloud_spend/gcp/gcp_cost_2026-01-09.csv",
        "lab_sessions/README.txt",
        "lab_sessions/lab_sessions_2026-02-30.csv",
        "lab_sessions/lab_sessions_2026-13-01.csv",
        "lab_sessions/lab_sessions_0000-01-01.csv",
        "lab_sessions/lab_sessions_2026-01-09.csv.gz",
        "lab_sessions/lab_sessions_2026-01-09.csv\n",
        "x/lab_sessions/lab_sessions_2026-01-09.csv",
        "grades/course/grades.csv",
        "grades/course12/../course13/grades.csv",
        "grades/course1;DROP TABLE x/grades.csv",
        "grades/course'1'/grades.csv",
        "grades/course\uff11\uff12/grades.csv",
        "lab_sessions/lab_sessions_\uff12\uff10\uff12\uff16-01-09.csv",
        "grades/course" + "9" * 1_000 + "/grades.csv",
        "../../etc/passwd",
        "course-asn_mapping/course_mapping_csv",
    ],
)
def test_a_key_that_no_dataset_knows_is_reported_and_never_an_error(key: str):
    assert classify(key) is None
    found = planned(listed(key), listed(DAY))
    assert (list(found.unknown), keys(found.new)) == ([f"org9001/{key}"], [f"org9001/{DAY}"])


def test_a_folder_marker_of_the_console_is_ignored():
    assert planned(listed("lab_sessions/")) == Plan(is_empty_bucket=True)


def test_a_key_of_another_prefix_is_unknown():
    assert planned(listed(DAY, org="90011")).unknown == (f"org90011/{DAY}",)


def test_a_ledger_of_another_organisation_is_refused():
    ledger = {("lab_sessions", "2026-01-09"): ("org7/" + DAY, "e1", 10)}
    with pytest.raises(AnotherOrganisation, match=r"org7.*org9001.*ANALYTICS_DATA_DIR"):
        plan(classify_listing([], "org9001/"), ledger)
    with pytest.raises(AnotherOrganisation):
        plan(
            classify_listing([], "org90/"),
            {("lab_sessions", "2026-01-09"): ("org9001/" + DAY, "e1", 10)},
        )


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), {"d05", "d20", "jan", "feb", "grades"}),
        (Selection(datasets=frozenset({"grades"})), {"grades"}),
        (Selection(datasets=frozenset({"lab_sessions"}), since=date(2026, 1, 6)), {"d20"}),
        (Selection(since=date(2026, 1, 20)), {"d20", "jan", "feb", "grades"}),
        (Selection(since=date(2026, 1, 21)), {"jan", "feb", "grades"}),
        (Selection(until=date(2026, 1, 5)), {"d05", "jan", "grades"}),
        (Selection(until=date(2026, 1, 4)), {"jan", "grades"}),
        (Selection(since=date(2026, 2, 1), until=date(2026, 2, 1)), {"feb", "grades"}),
        (Selection(since=date(2025, 1, 10), until=date(2025, 1, 12)), {"grades"}),
    ],
)
def test_a_range_takes_the_days_within_and_the_months_that_overlap(
    selection: Selection, expected: set[str]
):
    named = {
        "d05": "lab_sessions/lab_sessions_2026-01-05.csv",
        "d20": "lab_sessions/lab_sessions_2026-1-20.csv",
        "jan": "service_spend/service_spend_2026-1.csv",
        "feb": "service_spend/service_spend_2026-02.csv",
        "grades": KEYS["grades"],
    }
    found = planned(*map(listed, named.values()), selection=selection)
    assert set(keys(found.new)) == {f"org9001/{named[name]}" for name in expected}


@pytest.mark.parametrize("name", [name for name in KEYS if DATASETS[name].cadence is Cadence.DAILY])
def test_the_first_day_of_a_month_is_a_day(name: str):
    key = re.sub(r"\d{4}-\d{1,2}-\d{1,2}", "{}", KEYS[name])
    found = [listed(key.format(f"2024-03-{day}")) for day in ("01", "18", "19", "20")]
    selection = planned(*found, selection=Selection(since=date(2024, 3, 19)))
    assert [delivery.partition.key for delivery in selection.new] == ["2024-03-19", "2024-03-20"]


@pytest.mark.parametrize(
    "name", [name for name in KEYS if DATASETS[name].cadence is Cadence.MONTHLY]
)
@pytest.mark.parametrize("since", ["2024-02-01", "2024-02-15", "2024-02-29"])
def test_a_month_is_selected_if_any_of_its_days_is(name: str, since: str):
    key = re.sub(r"\d{4}-\d{1,2}", "{}", KEYS[name])
    found = [listed(key.format(month)) for month in ("2024-01", "2024-02", "2024-03")]
    first = date.fromisoformat(since)
    assert [
        delivery.partition.key for delivery in planned(*found, selection=Selection(since=first)).new
    ] == [
        "2024-02",
        "2024-03",
    ]
    assert [
        delivery.partition.key
        for delivery in planned(*found, selection=Selection(since=first, until=first)).new
    ] == ["2024-02"]


def test_a_plan_can_be_narrowed_without_losing_what_it_reports():
    found = planned(listed(DAY), listed(KEYS["grades"]), listed("odd.txt"))
    narrow = found.only(lambda delivery: delivery.dataset.name == "grades")
    assert (len(narrow.new), narrow.unknown) == (1, ("org9001/odd.txt",))


def test_the_prefixes_to_list_hold_every_key_of_the_partitions():
    for name, key in KEYS.items():
        dataset = DATASETS[name]
        partition = dataset.match(key)
        assert partition is not None
        for selection in ([], [partition.key], [f"{year}-01-01" for year in range(2020, 2027)]):
            assert any(key.startswith(prefix) for prefix in dataset.prefixes(selection)), (
                name,
                selection,
            )
