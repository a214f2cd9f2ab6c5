"""The verdict on courses whose snapshot is left behind: a pure function of a listing."""

from datetime import UTC, datetime, timedelta

from analytics_pipeline.datasets import DATASETS, Partition
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.warehouse.rewritten_check import NAMED, rewritten_check, rewritten_checks

NOW = datetime(2026, 11, 25, 4, tzinfo=UTC)
GRADES = DATASETS["grades"]


def written(course: int, days_ago: float) -> Delivery:
    """Return a course's file, written that long before the newest one."""
    key = f"org9001/grades/course{course}/grades.csv"
    at = NOW - timedelta(days=days_ago)
    return Delivery(GRADES, Partition(f"{course}", None), key, "e", 1, at)


def test_a_course_left_behind_is_named_with_the_time_of_its_file():
    check = rewritten_check(GRADES, [written(101, 0), written(102, 9.5), written(103, 0.2)])
    assert (check.passed, check.severity.name, check.subject) == (False, "WARN", "raw.grades")
    assert check.text == (
        "1 snapshot of grades left behind, last written more than 3 days before the newest:"
        " course 102 on 2026-11-15 16:00 UTC."
    )
    assert "ask Vocareum" in check.remedy


def test_the_text_stays_while_the_others_are_written_again():
    behind = written(102, 9)
    later = [written(101, -n) for n in range(3)]
    texts = {rewritten_check(GRADES, [behind, found]).text for found in later}
    assert len(texts) == 1


def test_a_course_is_left_behind_after_three_days_and_no_longer_written_after_sixty():
    for days, passed in ((3, True), (3.1, False), (60, False), (60.1, True)):
        check = rewritten_check(GRADES, [written(101, 0), written(102, days)])
        assert check.passed == passed, days


def test_courses_that_all_stopped_are_a_late_dataset_and_not_left_behind():
    assert rewritten_check(GRADES, [written(101, 30), written(102, 30.5)]).passed
    assert rewritten_check(GRADES, []).passed


def test_only_datasets_with_a_file_for_each_course_have_the_check():
    subjects = {check.subject for check in rewritten_checks([])}
    assert subjects == {"raw.grades", "raw.enrollment"}


def test_many_courses_are_counted_and_the_first_named():
    behind = [written(1000 + n, 9) for n in range(NAMED + 2)]
    check = rewritten_check(GRADES, [written(1, 0), *behind])
    assert check.text.startswith("22 snapshots of grades") and ", and 2 more." in check.text
    assert "course 1000 on" in check.text and "course 1020" not in check.text
