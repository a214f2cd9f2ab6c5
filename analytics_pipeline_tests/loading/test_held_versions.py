"""A version that lost its rows, is a copy, or is another day's does not replace loaded rows; an
accepted one does.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.batch import Batch, FileResult, LandedFile
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.ingest.plan import classify_listing
from analytics_pipeline.ingest.read_batch import read_batch
from analytics_pipeline.operations import load_files
from analytics_pipeline.operations.close_partition import close
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.absences import open_absences, record_listing
from analytics_pipeline.warehouse.connection import WarehouseBusy, open_warehouse
from analytics_pipeline.warehouse.copied_bytes import HEAD_BYTES
from analytics_pipeline_tests.support.deliveries import HEADER, delivery
from analytics_pipeline_tests.support.loaded_warehouse import FIRST_NIGHT, Warehouse

GRADES, ROSTER = "grades/course{}/grades.csv", "enrollment/course{}/enrollment.csv"
AWS, AZURE = (
    "cloud_spend/aws_cost_2026-01-{:02}.csv",
    "cloud_spend/azure/azure_cost_2026-01-{:02}.csv",
)
LABS = "lab_sessions/lab_sessions_2026-01-{:02}.csv"
LATER = FIRST_NIGHT.replace(year=2100)


def scores(students: int, course: int = 200) -> str:
    rows = (
        f"{course}, C, 7, A, 0, 10, {user}, , 9, 0, 8, P, 9, 1, R, 9, 5\n"
        for user in range(1, students + 1)
    )
    return HEADER["grades"] + "".join(rows)


def roster(students: int, course: int = 200) -> str:
    rows = (f"{user}, {course}, student, N, a@b, k, 1, 0, 1,\n" for user in range(1, students + 1))
    return HEADER["enrollment"] + "".join(rows)


def aws(cost: float, updated: str = "1645823566") -> str:
    return HEADER["aws_cost"] + f"123456789012, 1, u@v.com, 7, lab, {cost}, {updated}\n"


def azure(cost: float) -> str:
    return HEADER["azure_cost"] + f"1, u@v.com, 7, lab, 1, 2026, {cost}\n"


def load(
    warehouse: Warehouse, bodies: dict[str, str], etag: str = "e1", night: int = 0
) -> list[FileResult]:
    return warehouse.load(warehouse.deliver(bodies, etag, night))


def count(warehouse: Warehouse, table: str) -> int:
    ((rows,),) = warehouse.query(f"SELECT count(*) FROM {table}")
    return int(rows)


def events(warehouse: Warehouse) -> list[tuple]:
    return warehouse.query("SELECT partition, kind, held, closed_by FROM ops.absences ORDER BY ALL")


def settings_of(warehouse: Warehouse) -> Settings:
    return Settings(ANALYTICS_DATA_DIR=str(warehouse.path.parent))


@pytest.mark.parametrize("left", [0, 19, 20])
def test_grades_rewritten_to_the_header_or_to_half_of_their_rows_lose_no_score(
    warehouse: Warehouse, left: int
):
    load(warehouse, {GRADES.format(200): scores(40)})
    (result,) = load(warehouse, {GRADES.format(200): scores(left)}, "e2", night=1)
    assert result.failure is not None
    assert "the warehouse keeps its 40" in result.failure.reason
    assert "close --dataset grades --partition 200" in result.failure.remedy
    assert count(warehouse, "raw.grades") == 40
    assert events(warehouse) == [("200", "shrunk", True, None)]
    assert warehouse.query("SELECT etag, reason FROM ops.failed_files") == [
        ("e2", result.failure.reason)
    ]


def test_a_version_that_lost_less_than_half_of_its_rows_replaces_them(warehouse: Warehouse):
    load(warehouse, {GRADES.format(200): scores(40)})
    (result,) = load(warehouse, {GRADES.format(200): scores(21)}, "e2", night=1)
    assert (result.failure, count(warehouse, "raw.grades"), events(warehouse)) == (None, 21, [])


def test_a_held_version_is_forgotten_when_a_complete_one_arrives(warehouse: Warehouse):
    load(warehouse, {GRADES.format(200): scores(40)})
    load(warehouse, {GRADES.format(200): scores(0)}, "e2", night=1)
    load(warehouse, {GRADES.format(200): scores(1)}, "e3", night=2)
    assert events(warehouse) == [
        ("200", "shrunk", True, "superseded"),
        ("200", "shrunk", True, None),
    ]
    load(warehouse, {GRADES.format(200): scores(41)}, "e4", night=3)
    assert count(warehouse, "raw.grades") == 41
    assert [closed_by for *_, closed_by in events(warehouse)] == ["delivered", "superseded"]
    assert count(warehouse, "ops.failed_files") == 0


SPEND = "service_spend/service_spend_2026-01.csv"


def spend(*costs: str) -> dict[str, str]:
    rows = (
        f"123456789012, {user}, u@v.com, 200, 7, Amazon EC2, {cost}\n"
        for user, cost in enumerate(costs, start=1)
    )
    return {SPEND: HEADER["service_spend"] + "".join(rows)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (spend("100", "20"), spend("1", "0.2")),
        (spend("100", "20"), spend("100", "-40.5")),
        ({AZURE.format(1): azure(5)}, {AZURE.format(1): azure(2)}),
        ({AWS.format(1): aws(5)}, {AWS.format(1): aws(0)}),
    ],
    ids=["a hundredth", "a refund", "azure_cost", "aws_cost"],
)
def test_a_version_that_lost_half_of_its_money_is_held_until_a_person_accepts_it(
    warehouse: Warehouse, first: dict[str, str], second: dict[str, str]
):
    load(warehouse, first)
    (result,) = load(warehouse, second, "e2", night=1)
    assert result.failure is not None
    assert "half of it or more is gone" in result.failure.reason
    delivery = result.landed.delivery
    assert events(warehouse) == [(delivery.partition.key, "shrunk", True, None)]
    done = close(settings_of(warehouse), delivery.dataset, delivery.partition.key)
    assert done.result is not None and done.result.failure is None


@pytest.mark.parametrize(
    ("before", "after"),
    [("100", "51"), ("0.9", "0.1"), ("-5", "-50"), ("1000", "1000.5")],
    ids=["less than half", "cents", "a refund that grows", "more"],
)
def test_a_version_that_lost_less_of_its_money_replaces_the_loaded_one(
    warehouse: Warehouse, before: str, after: str
):
    load(warehouse, spend(before))
    (result,) = load(warehouse, spend(after), "e2", night=1)
    assert result.failure is None
    ((cost,),) = warehouse.query("SELECT sum(cost) FROM raw.service_spend")
    assert cost == Decimal(after)


def test_a_person_accepts_a_held_version(warehouse: Warehouse):
    load(warehouse, {ROSTER.format(200): roster(40)})
    load(warehouse, {ROSTER.format(200): roster(2)}, "e2", night=1)
    planned = close(settings_of(warehouse), DATASETS["enrollment"], "200", dry_run=True)
    assert planned.accepted is not None
    assert (planned.accepted.etag, count(warehouse, "raw.enrollment")) == ("e2", 40)
    done = close(settings_of(warehouse), DATASETS["enrollment"], "200")
    assert done.result is not None and done.result.failure is None
    assert count(warehouse, "raw.enrollment") == 2
    assert events(warehouse) == [("200", "shrunk", True, "close")]
    assert warehouse.query(
        "SELECT count(*) FROM history.enrollment WHERE valid_to IS NOT NULL"
    ) == [(38,)]
    assert count(warehouse, "ops.failed_files") == 0


def test_nobody_else_writes_while_an_accepted_version_is_read_and_loaded(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    load(warehouse, {ROSTER.format(200): roster(40)})
    load(warehouse, {ROSTER.format(200): roster(2)}, "e2", night=1)

    def read(dataset: Dataset, landed: Sequence[LandedFile]) -> Batch:
        with pytest.raises(WarehouseBusy), open_warehouse(warehouse.path, wait_seconds=0):
            pass
        return read_batch(dataset, landed)

    monkeypatch.setattr(load_files, "read_batch", read)
    done = close(settings_of(warehouse), DATASETS["enrollment"], "200")
    assert done.result is not None and done.result.failure is None
    assert count(warehouse, "raw.enrollment") == 2


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


def sessions(day: int, *days: int) -> dict[str, str]:
    """Return a file of a day in January, with one session of an hour on each of some days."""
    rows = (
        f"{user}, u@v.com, 200, C, 7, A, 7, lab, VM, Jan-{at:02}-2026 9:00:00 am UTC,"
        f" Jan-{at:02}-2026 10:00:00 am UTC, 60, , , Jan-{at:02}-2026 9:00:00 am UTC,"
        f" Jan-{at:02}-2026 9:01:00 am UTC, 1, 0, 0, 10\n"
        for user, at in enumerate(days, start=1)
    )
    return {LABS.format(day): HEADER["lab_sessions"] + "".join(rows)}


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
