"""The periods of the page end with the newest loaded files, of hand-written files."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_pipeline.report.data import Data
from analytics_pipeline.report.figures import NOTHING, key_figures
from analytics_pipeline.report.month import month_figures
from analytics_pipeline.report.read import read
from analytics_pipeline_tests.support.hand_written import (
    Files,
    aws_cost,
    azure_cost,
    budgets,
    course_labels,
    days,
    enrollment,
    lab_sessions,
    parts,
)
from analytics_pipeline_tests.support.model_warehouse import land, load
from analytics_pipeline_tests.support.report_page import published_with

OCT_2 = date(2026, 10, 2)


def published_of(folder: Path, files: Files) -> Path:
    return published_with(folder, lambda warehouse: load(warehouse, land(folder, files)))


def spend(data: Data, scope: str, period: str) -> str:
    return key_figures(data, scope, period)[0].value


def test_periods_end_with_the_newest_cost_file_even_if_it_lists_nobody(tmp_path: Path) -> None:
    """Course 5 spends up to the 20th of September, course 9 up to the 10th; files go on."""
    feed = days(date(2026, 9, 1), OCT_2)
    costs = {
        day: [(1, 7, 10 * n)] * (day <= date(2026, 9, 20))
        + [(2, 8, 10 * n)] * (day <= date(2026, 9, 10))
        for n, day in enumerate(feed)
    }
    people = enrollment(5, (1, "student")) | enrollment(9, (2, "student"))
    published = published_of(tmp_path, aws_cost(costs) | people | parts((5, 7), (9, 8)))
    data, alone = read(published), read(published, course=9)
    for page in (data, alone):
        assert page.windows["all", "month", "spend"] == (date(2026, 10, 1), OCT_2)
        assert page.windows["all", "30", "spend"] == (date(2026, 9, 3), OCT_2)
        assert (spend(page, "9", "30"), spend(page, "9", "month")) == ("$80.00", "$0.00")
    assert spend(data, "all", "month") == month_figures(data)["all"][0].value == "$0.00"


def test_a_month_that_is_listed_ahead_begins_with_its_first_file(tmp_path: Path) -> None:
    """The file of the 30th of November lists December, too."""
    november = azure_cost(
        {day: [(1, 7, 10 * day.day)] for day in days(date(2026, 11, 20), date(2026, 11, 30))}
    )
    (last,) = [key for key in november if key.endswith("2026-11-30.csv")]
    november[last] += b"1,,7,Lab,12,2026,0.02\n"
    monthly = budgets("course,5,Monthly,2026-11-01,,250,USD,,,monthly")
    data = read(published_of(tmp_path, november | parts((5, 7)) | monthly))
    end = date(2026, 11, 30)
    assert data.windows["all", "month", "spend"] == (date(2026, 11, 1), end)
    assert data.row("spend", "all", "month")["spend"] == Decimal(300)
    (budget,) = data.charts["budgets"]
    assert (budget["starts_on"], budget["state"]) == (date(2026, 11, 1), "over")


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("first", "is_known"), [(date(2026, 8, 31), True), (date(2026, 9, 1), False)]
)
def test_last_month_is_known_from_its_files_and_not_from_its_spend(
    tmp_path: Path, first: date, *, is_known: bool
) -> None:
    """Course 5 spends 10 a day from the 10th of September on, course 9 nothing; AWS's first file
    tells nothing of its own day.
    """
    last = date(2026, 10, 12)
    costs = {day: [(1, 7, 10 * max((day - date(2026, 9, 9)).days, 0))] for day in days(first, last)}
    people = enrollment(5, (1, "student")) | enrollment(9, (2, "student"))
    published = published_of(tmp_path, aws_cost(costs) | people | parts((5, 7), (9, 8)))
    for data in (read(published), read(published, course=5), read(published, course=9)):
        for scope in sorted(data.scopes.keys() & {"all", "5", "9"}):
            spends = scope == "5" or (scope == "all" and data.course != "9")
            month, before, _ = month_figures(data)[scope]
            assert month.value == ("$120.00" if spends else "$0.00")
            if is_known:
                assert before.value == ("$30.00" if spends else "$0.00")
                assert before.note.endswith("in all of Sep 2026")
            else:
                assert before.note == "its first days are not loaded"


def test_azures_first_file_tells_its_month_from_the_first_day(tmp_path: Path) -> None:
    costs = {day: [(1, 7, day.day)] for day in days(date(2026, 9, 20), date(2026, 10, 12))}
    (_, before, _) = month_figures(read(published_of(tmp_path, azure_cost(costs) | parts((5, 7)))))[
        "5"
    ]
    assert before.note.endswith("$30.00 in all of Sep 2026")


@pytest.mark.parametrize(
    ("newest", "value", "note"),
    [
        (10, NOTHING, "5 days not loaded"),
        (4, "$40.00", "0.0 % now; 26 days of Oct 2026 not loaded"),
    ],
    ids=["compared days", "later days"],
)
def test_last_month_without_some_of_its_files_is_not_compared(
    tmp_path: Path, newest: int, value: str, note: str
) -> None:
    """Azure costs 10 a day; its files of the 6th to the 31st of October are missing."""
    feed = days(date(2026, 9, 1), date(2026, 10, 5))
    feed += days(date(2026, 11, 1), date(2026, 11, newest))
    files = azure_cost({day: [(1, 7, 10 * day.day)] for day in feed})
    (month, before, _) = month_figures(read(published_of(tmp_path, files | parts((5, 7)))))["all"]
    assert (month.value, before.value) == (f"${10 * newest}.00", value)
    assert before.note.endswith(note)


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(("last", "compared"), [(13, 6), (12, 9)], ids=["a week", "longer"])
def test_a_change_waits_a_week_for_a_provider_that_delivers_nothing(
    tmp_path: Path, last: int, compared: int
) -> None:
    """AWS delivers up to the 20th; its first file tells nothing of its own day."""
    aws = {day: [(1, 7, 10 * day.day)] for day in days(date(2026, 10, 1), date(2026, 10, 20))}
    azure = {day: [(1, 7, day.day)] for day in days(date(2026, 10, 1), date(2026, 10, last))}
    people = enrollment(5, (1, "student")) | enrollment(9, (2, "student"))
    files = aws_cost(aws) | azure_cost(azure) | people | parts((5, 7), (9, 8))
    published = published_of(tmp_path, files)
    for data in (read(published), read(published, course=9)):
        assert data.row("compared", "all", "30", "spend")["days"] == compared


def test_a_change_compares_days_of_which_both_providers_are_known(tmp_path: Path) -> None:
    """AWS costs 10 a day up to the 11th, Azure 1 a day up to the 13th."""
    aws = {day: [(1, 7, 10 * day.day)] for day in days(date(2026, 10, 1), date(2026, 10, 11))}
    azure = {day: [(1, 7, day.day)] for day in days(date(2026, 10, 1), date(2026, 10, 13))}
    data = read(published_of(tmp_path, aws_cost(aws) | azure_cost(azure) | parts((5, 7))))
    assert key_figures(data)[0].note == (
        "newest 5 loaded days: \N{PLUS-MINUS SIGN}0.0 % on the 5 loaded days before"
    )


def test_labels_without_days_leave_their_term_without_a_period_or_open(tmp_path: Path) -> None:
    """Courses 9 to 11, each the only one of its term, have a student and no session yet."""
    feed = days(date(2026, 10, 1), date(2026, 10, 12))
    files = aws_cost({day: [(1, 7, n)] for n, day in enumerate(feed)}) | parts((5, 7), (9, 8))
    files |= lab_sessions({day: [(1, 5, 7)] for day in feed})
    for course in (5, 9, 10, 11):
        files |= enrollment(course, (course, "student"))
    fall = "5,CS,fall,2026-09-01,2026-10-31"
    others = ("9,CS,no day,,", "10,CS,no end,2026-09-15,", "11,CS,no start,,2027-01-31")
    published = published_of(tmp_path, files | course_labels(fall, *others))
    data = read(published)
    assert set(data.terms) == {"fall", "no day", "no end", "no start"}
    assert data.windows["10", "term", "spend"] == (date(2026, 9, 15), feed[-1])
    assert spend(data, "10", "term") == "$0.00" and spend(data, "all", "term") == "$11.00"
    for course in (9, 11):
        for page in (data, read(published, course=course)):
            assert spend(page, str(course), "term") == NOTHING


def test_a_lab_tried_in_the_term_before_does_not_change_the_term(tmp_path: Path) -> None:
    """Course 5 costs 10 a day and ends in September; course 6 costs 50 a day from October on.
    Its teacher tried it on the 15th of August, before the first session of course 5.
    """
    feed = days(date(2026, 8, 10), date(2026, 10, 20))
    last, october = date(2026, 9, 19), date(2026, 10, 1)
    files = aws_cost(
        {
            day: [(1, 7, 10 * n), (2, 8, 50 * max(0, (day - october).days + 1))]
            for n, day in enumerate(feed)
        }
    )
    files |= lab_sessions({day: [(1, 5, 7)] for day in days(date(2026, 8, 20), last)})
    files |= lab_sessions({day: [(2, 6, 8)] for day in days(october, feed[-1])})
    files |= lab_sessions({date(2026, 8, 15): [(9, 6, 8)]})
    files |= enrollment(5, (1, "student")) | enrollment(6, (2, "student"), (9, "teacher"))
    data = read(published_of(tmp_path, files | parts((5, 7), (6, 8))))
    for scope in ("all", "6"):
        assert data.windows[scope, "term", "spend"] == (october, feed[-1])
    assert data.windows["5", "term", "spend"] == (date(2026, 8, 20), last)
    assert (spend(data, "all", "term"), spend(data, "6", "term")) == ("$1,200.00", "$1,000.00")
