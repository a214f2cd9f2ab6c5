"""A file that is no longer delivered keeps its rows until somebody closes it."""

from datetime import timedelta

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.plan import classify_listing
from analytics_pipeline.operations.close_partition import close
from analytics_pipeline.warehouse.absences import open_absences, record_listing
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.deliveries import delivery
from analytics_pipeline_tests.support.held_versions import (
    ROSTER,
    count,
    events,
    roster,
    settings_of,
)
from analytics_pipeline_tests.support.loaded_warehouse import FIRST_NIGHT, Warehouse

LATER = FIRST_NIGHT.replace(year=2100)


def test_a_missing_course_keeps_its_rows_until_closed_and_may_return(warehouse: Warehouse):
    delivered = warehouse.deliver(
        {ROSTER.format(200): roster(3), ROSTER.format(300): roster(2, 300)}
    )
    warehouse.load(delivered)
    placed = classify_listing([delivery(ROSTER.format(300))], "org9001/")
    missed = LATER + timedelta(hours=1)
    with open_warehouse(warehouse.path) as connection:
        record_listing(connection, placed, [""], LATER, missed)
        record_listing(connection, placed, [""], LATER, missed + timedelta(days=1))
        (event,) = open_absences(connection)
    assert (event.partition, event.first_seen, count(warehouse, "raw.enrollment")) == (
        "200",
        missed,
        5,
    )

    planned = close(settings_of(warehouse), DATASETS["enrollment"], "200", dry_run=True)
    assert planned.ended is not None
    assert (planned.ended.rows, planned.ended.states, count(warehouse, "raw.enrollment")) == (
        3,
        3,
        5,
    )
    close(settings_of(warehouse), DATASETS["enrollment"], "200")
    assert warehouse.query("SELECT DISTINCT courseid FROM raw.enrollment") == [(300,)]
    assert warehouse.query(
        "SELECT DISTINCT courseid, valid_to FROM history.enrollment ORDER BY 1"
    ) == [
        (200, missed),
        (300, None),
    ]
    assert events(warehouse) == [("200", "gone", False, "close")]
    with open_warehouse(warehouse.path) as connection:
        record_listing(connection, placed, [""], LATER, missed + timedelta(days=2))
        assert open_absences(connection) == [], "what is closed is not reported again"
    assert close(settings_of(warehouse), DATASETS["enrollment"], "200").absences == []

    warehouse.load(delivered)
    assert count(warehouse, "raw.enrollment") == 5, "delivered again, it is loaded"


def test_a_listing_that_began_before_a_file_was_missed_does_not_end_its_absence(
    warehouse: Warehouse,
):
    warehouse.load(warehouse.deliver({ROSTER.format(200): roster(3)}))
    nothing, present = (
        classify_listing(listed, "org9001/") for listed in ([], [delivery(ROSTER.format(200))])
    )
    missed = LATER + timedelta(hours=1)
    with open_warehouse(warehouse.path) as connection:
        record_listing(connection, nothing, [""], LATER, missed)
        record_listing(connection, present, [""], LATER, missed + timedelta(hours=1))
        assert len(open_absences(connection)) == 1, "it waited for the other one to be written"
        record_listing(connection, present, [""], missed, missed + timedelta(hours=1))
        assert open_absences(connection) == []


def test_an_absence_that_is_dated_in_the_future_ends_when_the_file_returns(warehouse: Warehouse):
    warehouse.load(warehouse.deliver({ROSTER.format(200): roster(3)}))
    nothing, present = (
        classify_listing(listed, "org9001/") for listed in ([], [delivery(ROSTER.format(200))])
    )
    ahead = LATER + timedelta(days=40)
    with open_warehouse(warehouse.path) as connection:
        record_listing(connection, nothing, [""], ahead, ahead)
        record_listing(connection, present, [""], LATER, LATER + timedelta(minutes=1))
        assert open_absences(connection) == []


def test_a_file_that_returns_closes_its_absence(warehouse: Warehouse):
    warehouse.load(warehouse.deliver({ROSTER.format(200): roster(3)}))
    with open_warehouse(warehouse.path) as connection:
        record_listing(connection, classify_listing([], "org9001/"), [""], LATER, LATER)
        assert len(open_absences(connection)) == 1
        record_listing(
            connection,
            classify_listing([delivery(ROSTER.format(200))], "org9001/"),
            [""],
            LATER,
            LATER,
        )
        assert open_absences(connection) == []
    assert events(warehouse) == [("200", "gone", False, "delivered")]
