"""What the filters choose: courses by term, department and root, and periods; and the clock of a
zone.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from analytics_pipeline.report.clock import clock_changes
from analytics_pipeline.report.scopes import BEGINNING, Course, Term, scopes, term_of, window

COURSES = [
    Course("1", "A", "fall", "cs", "9"),
    Course("2", "B", "fall", "cs", None),
    Course("3", "C", "spring", "cs", "9"),
    Course("4", "D", "spring", "art", None),
    Course("other-1", "Other courses", "spring", "art", None),
    Course("unknown", "No known course"),
]


def test_each_combination_of_filters_that_has_several_courses_is_a_scope() -> None:
    found = scopes(COURSES)
    assert found["all"] == {course.key for course in COURSES}
    assert found["1"] == {"1"} and found["other"] == {"other-1"} and found["unknown"] == {"unknown"}
    groups = {keys for name, keys in found.items() if name.startswith("group")}
    assert groups == {
        frozenset("123"),  # cs
        frozenset("12"),  # fall
        frozenset(("3", "4", "other-1")),  # spring
        frozenset(("4", "other-1")),  # art, also in spring
        frozenset("13"),  # the root course 9
    }
    assert len(set(found.values())) == len(found), "no set of courses is there twice"


def test_periods_end_with_the_newest_day_and_a_term_with_its_own() -> None:
    newest, term = date(2026, 10, 30), Term("Fall", date(2026, 8, 24), date(2026, 12, 18), False)
    assert window("30", newest, term) == (date(2026, 10, 1), newest)
    assert window("90", newest, term) == (date(2026, 8, 2), newest)
    assert window("month", newest, term) == (date(2026, 10, 1), newest)
    assert window("term", newest, term) == (date(2026, 8, 24), newest)
    assert window("term", date(2027, 3, 1), term) == (date(2026, 8, 24), date(2026, 12, 18))
    assert window("all", newest, term) == (BEGINNING, newest)
    assert window("term", newest, None) is None and window("30", None, term) is None


def test_a_term_without_a_first_day_has_not_begun_and_one_without_a_last_day_is_open() -> None:
    newest, first, last = date(2026, 10, 30), date(2026, 8, 24), date(2026, 12, 18)
    unknown, coming, still_open = (
        Term(label, *days, is_derived=False)
        for label, *days in (("A", None, None), ("B", None, last), ("C", first, None))
    )
    assert window("term", newest, unknown) is None and window("term", newest, coming) is None
    assert window("term", newest, still_open) == (first, newest)
    terms = {"unknown": unknown, "coming": coming, "open": still_open}
    assert term_of(frozenset("13"), COURSES, terms, newest) == "open"
    assert term_of(frozenset("13"), COURSES, {"coming": coming}, newest) is None


def test_the_term_is_that_of_the_courses_or_else_the_newest_that_has_begun() -> None:
    terms = {
        "spring": Term("Spring", date(2026, 1, 10), date(2026, 5, 1), False),
        "fall": Term("Fall", date(2026, 8, 24), date(2026, 12, 18), False),
        "next": Term("Next", date(2027, 1, 10), date(2027, 5, 1), False),
    }
    today = date(2026, 10, 30)
    assert term_of(frozenset("34"), COURSES, terms, today) == "spring"
    assert term_of(frozenset("13"), COURSES, terms, today) == "fall"
    assert term_of(frozenset("1"), COURSES, {}, None) == "fall"
    assert term_of(frozenset("13"), COURSES, {}, today) is None


def test_the_newest_derived_term_is_that_of_the_latest_quarter() -> None:
    """The courses of the fourth quarter may have begun before those of the third."""
    terms = {
        "2026 Q3": Term("2026 Q3", date(2026, 7, 1), date(2026, 9, 19), True),
        "2026 Q4": Term("2026 Q4", date(2026, 6, 20), date(2026, 10, 30), True),
        "2030 Q1": Term("2030 Q1", date(2030, 1, 1), date(2030, 1, 1), True),
    }
    today, fall = date(2026, 10, 30), Term("Fall", date(2026, 8, 24), date(2026, 12, 18), False)
    assert term_of(frozenset("13"), COURSES, terms, today) == "2026 Q4"
    assert term_of(frozenset("13"), COURSES, terms | {"fall": fall}, today) == "fall"


def test_the_clock_of_a_zone_changes_in_the_night_of_its_change() -> None:
    assert clock_changes(ZoneInfo("UTC"), date(2026, 11, 22)) == [(datetime(2026, 8, 24), 0)]  # noqa: DTZ001
    assert clock_changes(ZoneInfo("Europe/Berlin"), date(2026, 11, 22))[1:] == [
        (datetime(2026, 10, 25, 1), 60)  # noqa: DTZ001
    ]
    assert clock_changes(ZoneInfo("Asia/Kolkata"), date(2026, 11, 22))[0][1] == 330
