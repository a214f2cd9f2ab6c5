"""The page's table of idle spend by part, of hand-written files."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from analytics_pipeline.report import read as reading
from analytics_pipeline_tests.report.test_periods import published_of
from analytics_pipeline_tests.support.hand_written import Files, aws_cost, days, lab_sessions, parts

FEED = days(date(2026, 10, 1), date(2026, 10, 7))
FIRST, SECOND, _, FOURTH, FIFTH, SIXTH, SEVENTH = FEED
NEWEST = ("course", "part_id", "last_day", "per_day", "people", "age")


def costs(of: Mapping[tuple[int, int], Sequence[int]]) -> Files:
    """Return a file a day with the accumulated cost of each user and part."""
    return aws_cost(
        {
            at: [(user, part, amounts[n]) for (user, part), amounts in of.items()]
            for n, at in enumerate(FEED)
        }
    )


def sessions(by_day: Mapping[date, Sequence[tuple[int, int, int]]]) -> Files:
    return lab_sessions({at: by_day.get(at, ()) for at in FEED})


def newest(folder: Path, files: Files) -> list[tuple[object, ...]]:
    rows = reading.read(published_of(folder, files)).tables["idle_parts"]
    return [tuple(row[name] for name in NEWEST) for row in rows]


def test_the_last_idle_day_is_not_the_day_right_after_a_session(tmp_path: Path) -> None:
    """Sessions are on the second and sixth, and each day costs its number."""
    spent = costs({(1, 7): [1, 3, 6, 10, 15, 21, 28]})
    files = spent | sessions({SECOND: [(1, 5, 7)], SIXTH: [(1, 5, 7)]}) | parts((5, 7))
    assert newest(tmp_path, files) == [("5", 7, FIFTH, 5, 1, 3)]


def test_only_people_with_idle_spend_on_the_last_day_are_counted(tmp_path: Path) -> None:
    """The second user's last idle day is the fourth; on the seventh only the first one has one,
    and the third one's is right after a session.
    """
    spent = costs(
        {
            (1, 7): [1, 2, 3, 4, 5, 6, 7],
            (2, 7): [1, 2, 3, 4, 4, 4, 4],
            (3, 7): [1, 1, 1, 1, 1, 2, 9],
        }
    )
    ran = {FIRST: [(1, 5, 7), (2, 5, 7)], SIXTH: [(3, 5, 7)]}
    assert newest(tmp_path, spent | sessions(ran) | parts((5, 7))) == [("5", 7, SEVENTH, 1, 1, 6)]


def test_a_part_of_merged_courses_has_the_last_day_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two small courses share the part; the second one's last idle day is earlier."""
    monkeypatch.setattr(reading, "MOST_COURSES", 0)
    spent = costs({(1, 7): [1, 2, 3, 4, 5, 6, 7], (2, 7): [1, 2, 3, 9, 9, 9, 9]})
    ran = sessions({FIRST: [(1, 5, 7), (2, 9, 7)]})
    files = spent | ran | parts((5, 7), (9, 7))
    assert newest(tmp_path, files) == [("other-1", 7, SEVENTH, 1, 1, 6)]
