"""A root course with two clones, a course apart, and the student who is in all of them."""

from datetime import date, timedelta

from analytics_pipeline_tests.support.model_warehouse import aws, put, utc
from analytics_pipeline_tests.support.report_page import Connection, loaded


def clones(warehouse: Connection) -> None:
    """Two courses cloned from 5, and one of its own; each spends its id in dollars a day, and one
    student is in all.
    """
    put(
        warehouse,
        "raw.course_mapping",
        {"course_id": 5, "course_name": "Root"},
        {"course_id": 9, "course_name": "Apart"},
    )
    put(
        warehouse,
        "raw.course_mapping",
        *({"course_id": n, "course_name": f"Clone {n}", "parent_course_id": 5} for n in (6, 7)),
    )
    days = [date(2026, 10, 1) + timedelta(days=n) for n in range(5)]
    for course in (5, 6, 7, 9):
        put(
            warehouse,
            "raw.asn_mapping",
            {"part_id": course * 10, "assignment_id": course, "course_id": course},
        )
        put(
            warehouse,
            "raw.enrollment",
            {"userid": 1, "courseid": course, "role": "student", "dropped": False},
        )
        put(
            warehouse,
            "raw.aws_cost",
            *(aws(day, course * n, part=course * 10) for n, day in enumerate(days)),
        )
        for day in days:
            start = utc(day.year, day.month, day.day, 9)
            times = {
                "launch_time": start,
                "start_time": start,
                "init_time": start,
                "end_time": start + timedelta(hours=1),
            }
            put(
                warehouse,
                "raw.lab_sessions",
                {
                    "user_id": 1,
                    "part_id": course * 10,
                    "course_id": course,
                    "file_date": day,
                    **times,
                },
            )
    for name in ("aws_cost", "lab_sessions"):
        put(warehouse, "ops.loaded_files", *loaded(name, *days))
