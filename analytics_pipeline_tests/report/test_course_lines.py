"""The numbers of the page's table of courses, of hand-written files."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from analytics_pipeline.report.read import read
from analytics_pipeline.report.tables import COURSES, course_lines
from analytics_pipeline_tests.report.test_periods import published_of
from analytics_pipeline_tests.support.hand_written import (
    aws_cost,
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
