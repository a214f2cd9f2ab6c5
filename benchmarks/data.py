"""The benchmarks' files: created once, always with the same bytes."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb

_HEADER = (
    '"User ID", "User Email", "Course ID", "Course Name", "Assignment ID", "Assignment Name", "Part'
    ' ID", "Part Name", "Lab Type", "Start Time", "End Time", "Duration (min)", Log, Tags, "Launch'
    ' Time", "Init Time", "Launch To Ready Duration (mins)", "Concurrent Labs Count",'
    ' "Disconnects", "Latency Time (ms)"\n'
)
FIRST = date(2014, 1, 1)


def days(count: int) -> list[date]:
    """Return the first days of the feed."""
    return [FIRST + timedelta(days=n) for n in range(count)]


def lab_sessions(day: date, rows: int, user: str = "") -> bytes:
    """Return one day's file in the article's dialect; `user` replaces every user id."""

    def instant(moment: str) -> str:
        to_second = f"""strftime({moment}, '"%b-%d-%Y %-I:%M:%S ')"""
        return f"""{to_second}, lower(strftime({moment}, '%p')), ' UTC"'"""

    step = 80_000 // max(rows, 1) or 1
    found = duckdb.execute(
        f"""SELECT string_agg(concat(
                {"$user" if user else "1000000 + user_no"}, ', user', user_no, '@example.edu, ',
                  45000 + r % 20, ', "Course ', r % 20,
                '", ', 760000 + r % 200, ', lab-', r % 200, ', ', 770000 + r % 400, ', part-',
                  r % 400, ', Cloud, ',
                {instant("t")}, ', ', {instant("t + INTERVAL 2 HOUR")},
                ', 120.0, " START successful; CFN creation successful; ',
                'END successful (Session Timer Expires)",, ',
                {instant("t - INTERVAL 1 MINUTE")}, ', ', {instant("t")},
                ', 1.0, 0, ', r % 3, ', ', (r % 300) / 10.0, chr(10)), '' ORDER BY r)
            FROM (SELECT r, (hash(r) % 5000)::BIGINT AS user_no,
              $day::TIMESTAMP + INTERVAL (r * {step}) SECOND AS t
                  FROM range({rows}) AS x(r))""",
        {"day": f"{day} 00:05:00", **({"user": user} if user else {})},
    ).fetchone()
    assert found is not None
    return (_HEADER + found[0]).encode()


def lab_folder(folder: Path, count: int, rows: int) -> Path:
    """Create a folder of daily files."""
    for day in _missing(folder, count):
        (folder / f"lab_sessions_{day}.csv").write_bytes(lab_sessions(day, rows))
    return folder


def _missing(folder: Path, count: int) -> Iterator[date]:
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.iterdir())) != count:
        yield from (day for day in days(count) if not (folder / f"lab_sessions_{day}.csv").exists())


def grades(course: int, rows: int, score: int) -> bytes:
    """Return a course's grades; another score makes other content."""
    header = (
        "courseid, coursename, asnid, asnname, ispeerreviewon, maxscore, userid, partnerid,"
        " asnscore, isoverride, partid, partname, partscore, rubricid, rubricname, rubricscore,"
        " graderid\n"
    )
    lines = (
        f'{course}, "Course {course}", 412074, "Homework 1", 0, 14, {926011 + n}, , {score}, 0,'
        f' 412075, "Part 1", {score}, 551636, Score, {score}, 92611\n'
        for n in range(rows)
    )
    return (header + "".join(lines)).encode()


def blob(number: int, size: int) -> bytes:
    """Return a body that does not compress."""
    return random.Random(number).randbytes(size)  # noqa: S311  # data, no secret
