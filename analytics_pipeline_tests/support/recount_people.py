"""The marts about people and sessions, recomputed in plain Python from the delivered files: no SQL,
no pipeline code.

Each function in `RECOUNT` returns a mart's rows by key, as tuples of the columns in `COLUMNS`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from analytics_pipeline_tests.support.random_people import NIGHTS, Delivered, Grade, Member, Session
from analytics_pipeline_tests.support.recount_lineage import course_lineage, part_lineage
from analytics_pipeline_tests.support.recount_rows import Rows, grouped, percent
from analytics_pipeline_tests.support.recount_scores import assignment_scores, counting_scores
from analytics_pipeline_tests.support.recount_sessions import (
    distinct_sessions,
    lab_concurrency_hourly,
    lab_launches_daily,
    lab_launches_weekly,
    lab_sessions,
    minutes_of,
    succeeded,
)

Seen = tuple[str | None, bool | None]
COLUMNS = {
    "lab_sessions": (
        "user_id, part_id, launch_time, start_time, session_date, course_id, assignment_id,"
        " lab_type, init_time, end_time, counted_end, minutes, is_capped, launch_to_ready_seconds,"
        " succeeded, last_day"
    ),
    "lab_launches_daily": "date, course_id, lab_type, launches, failures, p50, p90, p99",
    "lab_launches_weekly": "week, course_id, lab_type, launches, failures, waits, p50, p90, p99",
    "lab_concurrency_hourly": "hour, course_id, peak_sessions",
    "assignment_scores": (
        "user_id, course_id, assignment_id, submission, submitted_at, score, max_score, percent,"
        " is_override, partner_id, partners, rubrics, counts"
    ),
    "student_course_summary": (
        "user_id, course_id, role, is_student, is_enrolled, dropped, sessions, failed_launches,"
        " is_active, is_failed_only, never_launched, minutes, assignments_graded,"
        " assignments_in_course, score, max_score, percent, percent_of_all, last_seen,"
        " days_since_seen"
    ),
    "course_summary": (
        "course_id, students, active_enrolled_students, failed_only_students,"
        " students_never_launched, dropped_students, left_students, active_students, staff,"
        " sessions, minutes"
    ),
    "course_lineage": (
        "course_id, parent_course_id, has_several_parents, root_course_id, depth, is_circular"
    ),
    "part_lineage": "part_id, assignment_id, parent_part_id, root_part_id, depth, is_circular",
    "roster_changes": (
        "user_id, course_id, changed_at, change, role_before, role, dropped_before, dropped"
    ),
}


def listed(rows: Sequence[Member]) -> dict[int, Seen]:
    """Return who a file lists, once: a role before none, staff before students, then as not
    dropped.
    """
    people: dict[int, list[Seen]] = defaultdict(list)
    for row in rows:
        people[row.user].append((row.role and row.role.lower(), row.dropped))
    return {
        user: min(
            seen,
            key=lambda state: (
                state[0] is None,
                state[0] == "student",
                state[1] is not None,
                state[1] or False,
                state[0] or "",
            ),
        )
        for user, seen in people.items()
    }


def members(delivered: Delivered) -> dict[tuple[int, int], tuple[str | None, bool, bool | None]]:
    """Return role, whether enrolled, and dropped of everybody who was ever listed, by user and
    course.
    """
    people: dict[tuple[int, int], tuple[str | None, bool, bool | None]] = {}
    for course, files in delivered.rosters.items():
        for night, rows in sorted(files.items()):
            for user, (role, dropped) in listed(rows).items():
                before = people.get((user, course), (None, False, None))[0]
                people[user, course] = role or before, night == max(files) and not dropped, dropped
    return people


def roster_changes(delivered: Delivered) -> Rows:
    changes: Rows = []
    for course, files in delivered.rosters.items():
        people = {night: listed(rows) for night, rows in sorted(files.items())}
        first = min((night for night, seen in people.items() if seen), default=None)
        for user in {user for seen in people.values() for user in seen}:
            before: Seen | None = None
            was_listed = False
            for night, seen in people.items():
                now = seen.get(user)
                if now != before:
                    kind = (
                        "left"
                        if not now
                        else "changed"
                        if before
                        else "returned"
                        if was_listed
                        else "joined"
                    )
                    kind = "first seen" if kind == "joined" and night == first else kind
                    was, held = before or (None, None), now or (None, None)
                    changes.append(
                        (user, course, NIGHTS[night], kind, was[0], held[0], was[1], held[1])
                    )
                before, was_listed = now, was_listed or now is not None
    return changes


def student_course_summary(delivered: Delivered) -> Rows:
    people = members(delivered)
    sessions = grouped(distinct_sessions(delivered), lambda row: (row.user, row.course))
    scores = grouped(counting_scores(delivered), lambda row: (row.user, row.course))
    newest = max(row.file_day for row in delivered.sessions)
    rows: Rows = []
    for key in {*people, *sessions, *scores}:
        user, course = key  # type: ignore[misc]  # each of the three is keyed by user and course
        member, attended, graded = (
            people.get((user, course)),
            sessions.get(key, []),
            scores.get(key, []),
        )
        seen = (row.end or row.launch or row.start for row in attended)
        last_seen = max((moment for moment in seen if moment), default=None)
        since = max((newest - last_seen.date()).days, 0) if last_seen else None
        points = _points(delivered, course, member, graded)
        rows.append((user, course, *_person(member, attended), *points, last_seen, since))
    return rows


def _person(
    member: tuple[str | None, bool, bool | None] | None, rows: Sequence[Session]
) -> tuple[object, ...]:
    role, enrolled, dropped = member or (None, False, None)
    failed = sum(not succeeded(row) for row in rows)
    minutes = sum((minutes_of(row) or Decimal(0) for row in rows), Decimal(0))
    who = (role, role == "student", enrolled, dropped, len(rows), failed)
    return (
        *who,
        failed < len(rows),
        0 < failed == len(rows),
        role == "student" and not rows,
        minutes,
    )


def _points(
    delivered: Delivered,
    course: int,
    member: tuple[str | None, bool, bool | None] | None,
    graded: Sequence[Grade],
) -> tuple[object, ...]:
    most = _most_by_assignment(delivered, course)
    of_course = sum((points for points in most.values() if points), Decimal(0))
    with_most = [row for row in graded if row.most]
    scored = sum((row.score or Decimal(0) for row in with_most), Decimal(0))
    total = sum((row.most or Decimal(0) for row in with_most), Decimal(0))
    is_student = bool(member and member[0] == "student")
    return (
        len(graded),
        len(most),
        sum((row.score or Decimal(0) for row in graded), Decimal(0)) if graded else None,
        total if with_most else None,
        percent(scored, total) if total else None,
        percent(scored, of_course) if of_course and (is_student or graded) else None,
    )


def _most_by_assignment(delivered: Delivered, course: int) -> Mapping[int, Decimal | None]:
    known: dict[int, Decimal | None] = {
        assignment: None for of, assignment, _, _ in delivered.parts if of == course
    }
    for row in delivered.grades:
        if row.course == course:
            known[row.assignment] = max(
                (n for n in (known.get(row.assignment), row.most) if n), default=None
            )
    return known


def course_summary(delivered: Delivered) -> Rows:
    """Return courses, computed from the summary of people; course and user are the first two
    columns, as in `COLUMNS`.
    """
    names = COLUMNS["student_course_summary"].split(", ")
    people = grouped(
        [dict(zip(names, row, strict=True)) for row in student_course_summary(delivered)],
        lambda row: row["course_id"],
    )
    courses = (
        {course for course, _ in delivered.parents}
        | {part[0] for part in delivered.parts}
        | people.keys()
    )
    return [(course, *_counts(people.get(course, []))) for course in courses]


def _counts(people: Sequence[Mapping[str, object]]) -> tuple[object, ...]:
    students = [row for row in people if row["is_student"]]
    enrolled = [row for row in students if row["is_enrolled"]]
    return (
        len(enrolled),
        sum(bool(row["is_active"]) for row in enrolled),
        sum(bool(row["is_failed_only"]) for row in enrolled),
        sum(bool(row["never_launched"]) for row in enrolled),
        sum(bool(row["dropped"]) for row in students),
        sum(not row["is_enrolled"] and not row["dropped"] for row in students),
        sum(bool(row["is_active"]) for row in students),
        sum(bool(row["is_enrolled"] and row["role"] and not row["is_student"]) for row in people),
        sum(int(str(row["sessions"])) for row in people),
        sum((Decimal(str(row["minutes"])) for row in people), Decimal(0)),
    )


RECOUNT: Mapping[str, Callable[[Delivered], Rows]] = {
    function.__name__: function
    for function in (
        *(
            lab_sessions,
            lab_launches_daily,
            lab_launches_weekly,
            lab_concurrency_hourly,
            assignment_scores,
        ),
        *(student_course_summary, course_summary, course_lineage, part_lineage, roster_changes),
    )
}
