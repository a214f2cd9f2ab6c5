"""Terms of courses, from labels and from sessions, on hand-written rows."""

from datetime import date, timedelta

import duckdb

from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    aws,
    build_all,
    found,
    put,
    utc,
)
from analytics_pipeline_tests.support.report_page import loaded
from analytics_pipeline_tests.support.spend_rows import day

Connection = duckdb.DuckDBPyConnection
END = date(2026, 12, 11)


def session(course: int, n: int) -> dict[str, object]:
    """A session of an hour on a day of October."""
    times = {"start_time": utc(2026, 10, n, 9), "end_time": utc(2026, 10, n, 10)}
    return {"user_id": course, "part_id": course, "course_id": course, "file_date": day(n)} | times


def test_a_derived_term_is_not_the_label_of_the_same_name(warehouse: Connection) -> None:
    """Else budgets and forecasts of the term, which count labelled courses, cover a part of it."""
    label = {"course_id": 5, "term": "2026 Q4", "starts_on": date(2026, 8, 24), "ends_on": END}
    put(warehouse, "raw.course_labels", label, label | {"course_id": 6, "term": None})
    put(warehouse, "raw.lab_sessions", session(5, 1), session(9, 2))
    build_all(warehouse)
    rows = found(warehouse, "SELECT course_id, term, is_derived FROM marts.course_terms ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [
        (5, "2026 Q4", False),
        (6, None, False),
        (9, "2026 Q4 (by sessions)", True),
    ]


def test_a_course_whose_label_has_no_start_has_a_term_end(warehouse: Connection) -> None:
    put(warehouse, "raw.course_labels", {"course_id": 5, "term": "fall", "ends_on": END})
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 1, "part_id": 5})
    put(warehouse, "raw.lab_sessions", session(5, 2))
    put(warehouse, "raw.aws_cost", *(aws(day(n), n, user=5, part=5) for n in range(1, 6)))
    put(warehouse, "ops.loaded_files", *loaded("aws_cost", *(day(n) for n in range(1, 6))))
    build_all(warehouse)
    rows = found(
        warehouse,
        "SELECT scope_id, starts_on, ends_on, spent FROM marts.spend_forecast"
        " WHERE scope = 'term' AND horizon = 'term end'",
    )
    assert [tuple(row.values()) for row in rows] == [("fall", day(2), END, 4)]


def test_a_course_begins_after_the_last_long_pause_before_its_median_session(
    warehouse: Connection,
) -> None:
    """Six weeks before the 1st of October is the 20th of August."""

    def sessions(course: int, *others: date) -> list[dict[str, object]]:
        dated = [
            session(course, n) | {"start_time": start, "end_time": start + timedelta(hours=1)}
            for n, start in enumerate((utc(at.year, at.month, at.day, 9) for at in others), 1)
        ]
        return [*(session(course, n) for n in range(1, 10)), *dated]

    put(warehouse, "raw.course_labels", {"course_id": 10, "term": "fall", "ends_on": END})
    put(
        warehouse,
        "raw.lab_sessions",
        *sessions(5, date(2020, 1, 1), date(2026, 8, 19)),
        *sessions(9, date(2026, 6, 20), date(2026, 8, 20)),
        *sessions(10, date(2026, 6, 20), date(2026, 12, 10)),
    )
    build_all(warehouse, [*PROJECT.upstream(["marts.course_terms"]), "marts.course_terms"])
    rows = found(warehouse, "SELECT course_id, term, starts_on FROM marts.course_terms ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [
        (5, "2026 Q4", day(1)),
        (9, "2026 Q4", date(2026, 8, 20)),
        (10, "fall", day(1)),
    ]
