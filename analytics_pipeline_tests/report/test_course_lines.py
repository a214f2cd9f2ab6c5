"""The numbers of the page's table of courses, of hand-written files."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from analytics_pipeline.report.figures import key_figures
from analytics_pipeline.report.read import read
from analytics_pipeline.report.tables import COURSES, course_lines
from analytics_pipeline_tests.report.test_periods import published_of
from analytics_pipeline_tests.support.hand_written import (
    aws_cost,
    azure_cost,
    days,
    enrollment,
    lab_sessions,
    parts,
)

OCT_1, OCT_2 = date(2026, 10, 1), date(2026, 10, 2)
BY_EVERYBODY = ("per_active", "per_hour")


def test_spend_of_everybody_is_not_called_that_of_active_students(tmp_path: Path) -> None:
    """A student and a teacher work for an hour each, and spend 10 and 90; a student who never
    launched spends 20.
    """
    costs = {OCT_1: [(3, 8, 0)], OCT_2: [(1, 7, 10), (9, 7, 90), (2, 7, 20), (3, 8, 0)]}
    files = (
        aws_cost(costs)
        | lab_sessions({OCT_1: [], OCT_2: [(1, 5, 7), (9, 5, 7)]})
        | enrollment(5, (1, "student"), (2, "student"), (9, "teacher"))
        | parts((5, 7))
    )
    data = read(published_of(tmp_path, files))
    lines = {line["period"]: line for line in course_lines(data) if line["course"] == "5"}
    assert {tuple(line[name] for name in BY_EVERYBODY) for line in lines.values()} == {(60, 60)}
    titles = {column.name: column.title for column in COURSES.columns}
    assert [titles[name] for name in BY_EVERYBODY] == [
        "All spend / active people (USD)",
        "All spend / lab hours (USD)",
    ]

    ends_earlier = {**data.windows, ("5", "30", "sessions"): (OCT_1, OCT_1)}
    lines = {
        line["period"]: line
        for line in course_lines(replace(data, windows=ends_earlier))
        if line["course"] == "5"
    }
    assert [lines["30"][name] for name in BY_EVERYBODY] == [None, None], (
        "money and people of different days"
    )
    assert [lines["90"][name] for name in BY_EVERYBODY] == [60, 60]


def test_idle_spend_is_a_share_of_the_days_whose_sessions_are_loaded(tmp_path: Path) -> None:
    """Nobody has a session; the files of sessions of half of the eight days with spend are
    missing.
    """
    feed = days(OCT_1, date(2026, 10, 9))
    costs = {day: [(1, 7, 10 * n)] for n, day in enumerate(feed)}
    files = (
        aws_cost(costs)
        | lab_sessions({day: [] for day in feed[-4:]})
        | enrollment(5, (1, "student"))
        | parts((5, 7))
    )
    data = read(published_of(tmp_path, files))
    spend, idle, *_ = key_figures(data, "all", "30")
    assert (spend.value, idle.value) == ("$80.00", "$40.00")
    assert idle.note == (
        "100.0 % of the spend of 4 of 8 days, whose sessions are loaded, from the second day after"
        " a session"
    )
    assert {line["idle_share"] for line in course_lines(data)} == {1}
    unknown = {
        **data.figures,
        "spend": [{**row, "judged_days": 0} for row in data.figures["spend"]],
    }
    assert key_figures(replace(data, figures=unknown))[1].value == "\N{EN DASH}"


def test_a_course_with_a_refund_alone_has_a_line(tmp_path: Path) -> None:
    costs = {OCT_1: [(1, 7, 10), (2, 8, -4)]}
    data = read(published_of(tmp_path, azure_cost(costs) | parts((5, 7), (9, 8))))
    spent = {line["course"]: line["spend"] for line in course_lines(data)}
    assert spent == {"5": 10, "9": -4}
