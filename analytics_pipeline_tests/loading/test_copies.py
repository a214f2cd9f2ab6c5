"""A copy, or the rows of other days, under a new name is held until somebody accepts it."""

import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.operations.close_partition import close
from analytics_pipeline.warehouse.copied_bytes import HEAD_BYTES
from analytics_pipeline_tests.support.deliveries import HEADER
from analytics_pipeline_tests.support.held_versions import (
    AWS,
    AZURE,
    LABS,
    aws,
    azure,
    count,
    events,
    load,
    sessions,
    settings_of,
)
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse


def test_the_bytes_of_yesterday_under_todays_name_are_held_back_by_content(warehouse: Warehouse):
    load(warehouse, {AWS.format(1): aws(100)})
    (result,) = load(warehouse, {AWS.format(2): aws(100)}, "another", night=1)
    assert result.failure is not None
    assert "the same bytes as the file of 2026-01-01" in result.failure.reason
    assert warehouse.query("SELECT file_date::VARCHAR, cost::INT FROM raw.aws_cost") == [
        ("2026-01-01", 100)
    ]
    load(warehouse, {AWS.format(2): aws(120, "1645909966")}, "e2", night=2)
    assert count(warehouse, "raw.aws_cost") == 2
    assert events(warehouse) == [("2026-01-02", "repeated", True, "delivered")]


def test_the_later_of_two_copies_in_one_load_is_held(warehouse: Warehouse):
    results = load(warehouse, {AWS.format(2): aws(100), AWS.format(1): aws(100)})
    assert [result.landed.delivery.partition.key for result in results if result.failure] == [
        "2026-01-02"
    ]


@pytest.mark.parametrize("before", [0, 200], ids=["in the first rows", "in the last row"])
def test_different_content_of_the_same_size_is_not_a_copy(warehouse: Warehouse, before: int):
    rows = aws(1).removeprefix(HEADER["aws_cost"]) * before
    first, second = (aws(cost).replace("\n", "\n" + rows, 1) for cost in (100, 101))
    assert len(first) == len(second) and (first[:HEAD_BYTES] == second[:HEAD_BYTES]) is bool(before)
    results = load(warehouse, {AWS.format(1): first, AWS.format(2): second})
    assert [result.failure for result in results] == [
        None,
        None,
    ], "the ETag is the same in this test, the bytes are not"


def test_a_copy_is_recognised_by_its_etag_if_the_landed_file_is_gone(warehouse: Warehouse):
    (first,) = warehouse.deliver({AWS.format(1): aws(100)})
    warehouse.load([first])
    landing_path(warehouse.landing, first).unlink()
    (result,) = load(warehouse, {AWS.format(2): aws(100)}, first.etag, night=1)
    assert result.failure is not None


@pytest.mark.parametrize("at_once", [True, False], ids=["in one load", "one after the other"])
def test_the_rows_of_yesterday_in_another_order_are_held_back(warehouse: Warehouse, at_once: bool):
    header, *rows = sessions(1, 1, 1, 1)[LABS.format(1)].splitlines()
    first = {LABS.format(1): "\n".join([header, *rows])}
    second = {LABS.format(2): "\n".join([header, *reversed(rows), "", ""])}
    if at_once:
        *_, result = load(warehouse, first | second)
    else:
        load(warehouse, first)
        (result,) = load(warehouse, second, "e2", night=1)
    assert result.failure is not None
    assert "the same rows as the file of 2026-01-01" in result.failure.reason
    assert count(warehouse, "raw.lab_sessions") == 3
    assert events(warehouse) == [("2026-01-02", "repeated", True, None)]


def test_the_rows_of_tomorrow_under_an_earlier_days_name_are_held_back(warehouse: Warehouse):
    load(warehouse, sessions(2, 1, 2))
    (result,) = load(warehouse, {LABS.format(1): sessions(2, 1, 2)[LABS.format(2)] + "\n"}, "e2", 1)
    assert result.failure is not None
    assert "the same rows as the file of 2026-01-02" in result.failure.reason


def test_equal_times_and_different_spend_are_no_copy(warehouse: Warehouse):
    load(warehouse, {AWS.format(1): aws(100)})
    (result,) = load(warehouse, {AWS.format(2): aws(101)}, "e2", night=1)
    assert (result.failure, count(warehouse, "raw.aws_cost")) == (None, 2)


def test_header_only_files_are_not_copies(warehouse: Warehouse):
    results = load(
        warehouse, {AWS.format(1): HEADER["aws_cost"], AWS.format(2): HEADER["aws_cost"]}
    )
    assert ([result.failure for result in results], events(warehouse)) == ([None, None], [])


def test_a_reload_of_the_loaded_version_is_never_held_back(warehouse: Warehouse):
    bodies = {AWS.format(1): aws(100), AWS.format(2): aws(120, "1645909966")}
    load(warehouse, bodies)
    assert [result.failure for result in load(warehouse, bodies)] == [None, None]


def test_a_repeated_idle_day_is_loaded_and_reported_until_a_new_file_arrives(warehouse: Warehouse):
    """Month-to-date files hold no time, so an idle day and a copy have the same bytes."""
    load(warehouse, {AZURE.format(1): azure(5)})
    (result,) = load(warehouse, {AZURE.format(2): azure(5)}, "e2", night=1)
    assert (result.failure, count(warehouse, "raw.azure_cost")) == (None, 2)
    assert events(warehouse) == [("2026-01-02", "repeated", False, None)]
    load(warehouse, {AZURE.format(3): azure(9)}, "e3", night=2)
    assert events(warehouse) == [("2026-01-02", "repeated", False, "superseded")]


@pytest.mark.parametrize("elsewhere", [3, 7], ids=["earlier", "later"])
def test_the_sessions_of_another_day_under_a_new_days_name_are_held_back(
    warehouse: Warehouse, elsewhere: int
):
    load(warehouse, sessions(elsewhere, elsewhere, elsewhere))
    changed = sessions(5, elsewhere, elsewhere, elsewhere)  # so no copy, neither in bytes nor rows
    (result,) = load(warehouse, changed, "e2", night=1)
    assert result.failure is not None
    assert "of its 3 rows, 3 lie more than a day away from the day" in result.failure.reason
    assert "close --dataset lab_sessions --partition 2026-01-05" in result.failure.remedy
    assert count(warehouse, "raw.lab_sessions") == 2
    assert events(warehouse) == [("2026-01-05", "misdated", True, None)]
    load(warehouse, sessions(5, 5, 5), "e3", night=2)
    assert count(warehouse, "raw.lab_sessions") == 4
    assert events(warehouse) == [("2026-01-05", "misdated", True, "delivered")]


def test_a_person_accepts_a_file_with_the_sessions_of_other_days(warehouse: Warehouse):
    load(warehouse, sessions(5, 2, 2))
    done = close(settings_of(warehouse), DATASETS["lab_sessions"], "2026-01-05")
    assert done.result is not None and done.result.failure is None
    assert count(warehouse, "raw.lab_sessions") == 2


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    "days",
    [(4, 4), (6, 6), (5, 5, 2), (2, 8, 5, 5, 5)],
    ids=["the day before", "the day after", "one late session", "less than half"],
)
def test_sessions_near_the_day_and_a_few_late_ones_are_loaded(
    warehouse: Warehouse, days: tuple[int, ...]
):
    (result,) = load(warehouse, sessions(5, *days))
    assert (result.failure, count(warehouse, "raw.lab_sessions")) == (None, len(days))


def test_a_session_that_began_days_ago_and_still_lasts_belongs_to_the_day(warehouse: Warehouse):
    body = sessions(5, 2)[LABS.format(5)]
    open_end = body.replace("Jan-02-2026 10:00:00 am UTC, 60", ", ")
    long = body.replace("Jan-02-2026 10:00:00 am UTC, 60", "Jan-05-2026 10:00:00 am UTC, 4380")
    for version, lasting in enumerate((open_end, long)):
        (result,) = load(warehouse, {LABS.format(5): lasting}, f"e{version}", night=version)
        assert result.failure is None
