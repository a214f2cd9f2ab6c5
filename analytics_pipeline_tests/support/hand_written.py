"""CSV files of a small organisation, written by hand: costs, sessions, people and budgets."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from analytics_pipeline_tests.support.deliveries import HEADER

Files = dict[str, bytes]
Cost = tuple[int, int, object]
"""User, part, and dollars: accumulated of AWS, of the month to date of Azure."""


def days(first: date, last: date) -> list[date]:
    """Return all days from the first to the last."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def aws_cost(by_day: Mapping[date, Iterable[Cost]]) -> Files:
    """Return a file of AWS for each day; each user has an account of their own."""
    return {
        f"org9001/cloud_spend/aws_cost_{day}.csv": _csv(
            "aws_cost",
            (f"{100000000000 + user},{user},,{part},Lab,{cost},1" for user, part, cost in costs),
        )
        for day, costs in by_day.items()
    }


def azure_cost(by_day: Mapping[date, Iterable[Cost]], month: date | None = None) -> Files:
    """Return a file of Azure for each day, about the day's month or another one."""
    return {
        f"org9001/cloud_spend/azure/azure_cost_{day}.csv": _csv(
            "azure_cost",
            (
                f"{user},,{part},Lab,{(month or day).month},{(month or day).year},{cost}"
                for user, part, cost in costs
            ),
        )
        for day, costs in by_day.items()
    }


def lab_sessions(by_day: Mapping[date, Iterable[tuple[int, int, int]]]) -> Files:
    """Return a file of sessions for each day: user, course and part of an hour from nine on."""
    return {
        f"org9001/lab_sessions/lab_sessions_{day}.csv": _csv(
            "lab_sessions",
            (
                f"{user},,{course},Course,1,Intro,{part},Lab,Cloud,{day} 09:00:00,{day} 10:00:00,60"
                f",,,{day} 08:58:00,{day} 09:00:00,2,0,0,10"
                for user, course, part in sessions
            ),
        )
        for day, sessions in by_day.items()
    }


def enrollment(course: int, *people: tuple[int, str]) -> Files:
    """Return the enrollment of a course: users and their roles, none of them dropped."""
    rows = (f"{user},{course},{role},N,u{user}@x.org,k,{user},0,1," for user, role in people)
    return {f"org9001/enrollment/course{course}/enrollment.csv": _csv("enrollment", rows)}


def parts(*courses_and_parts: tuple[int, int]) -> Files:
    """Return the assignment mapping of parts, each of a course."""
    rows = (f"9001,{course},1,Intro,{part},Lab,0,0" for course, part in courses_and_parts)
    return {"org9001/course-asn_mapping/asn_mapping.csv": _csv("asn_mapping", rows)}


def courses(*mapped: tuple[int, str, int | None]) -> Files:
    """Return the course mapping: courses, their names and their parents."""
    rows = (f"9001,O,{course},{name},New,{parent or ''}" for course, name, parent in mapped)
    return {"org9001/course-asn_mapping/course_mapping.csv": _csv("course_mapping", rows)}


def budgets(*lines: str) -> Files:
    """Return a file of budgets."""
    header = "scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat"
    return {"org9001/by_hand/budgets.csv": "\n".join([header, *lines, ""]).encode()}


def course_labels(*lines: str) -> Files:
    """Return a file of course labels."""
    text = "\n".join(["course_id,department,term,starts_on,ends_on", *lines, ""])
    return {"org9001/by_hand/course_labels.csv": text.encode()}


def _csv(dataset: str, rows: Iterable[str]) -> bytes:
    return (HEADER[dataset] + "".join(f"{row}\n" for row in rows)).encode()
