"""The marts about people and sessions of 500 random small organisations, from file to mart, against
a recount in plain Python.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import FEED
from analytics_pipeline.ingest.read_batch import read_batch
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.load import write_batch
from analytics_pipeline_tests.support.model_warehouse import broken, build_all, land
from analytics_pipeline_tests.support.random_people import NIGHTS, Delivered, organisations
from analytics_pipeline_tests.support.recount_people import COLUMNS, RECOUNT

ORGANISATIONS, AT_ONCE = 500, 100
HEADERS = {
    name: ",".join(column.name for column in dataset.columns) for name, dataset in FEED.items()
}


def text(value: object) -> str:
    """Write a cell as the vendor does."""
    if isinstance(value, datetime):
        half = "pm" if value.hour >= 12 else "am"
        return f"{value:%b-%d-%Y} {value.hour % 12 or 12}:{value:%M:%S} {half} UTC"
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)


def csv(dataset: str, rows: Iterable[Mapping[str, object]]) -> bytes:
    """Write rows by column name; missing columns are empty."""
    names = HEADERS[dataset].split(",")
    return "\n".join(
        [HEADERS[dataset], *(",".join(text(row.get(name)) for name in names) for row in rows), ""]
    ).encode()


def snapshots(delivered: Delivered) -> Iterator[tuple[int, str, bytes]]:
    """Yield night, key and body of the overwritten files; all but the rosters are written in the
    first night.
    """
    courses = (
        {"course_id": course, "parent_course_id": parent} for course, parent in delivered.parents
    )
    yield 0, "course-asn_mapping/course_mapping.csv", csv("course_mapping", courses)
    names = ("course_id", "assignment_id", "part_id", "parent_part_id")
    parts = (dict(zip(names, part, strict=True)) for part in delivered.parts)
    yield 0, "course-asn_mapping/asn_mapping.csv", csv("asn_mapping", parts)
    grades = (
        "userid",
        "courseid",
        "asnid",
        "submission",
        "submission_time",
        "asnscore",
        "maxscore",
        "isoverride",
        "partnerid",
    )
    scores = defaultdict(list)
    for grade in delivered.grades:
        scores[grade.course].append(
            dict(zip((*grades, "rubricid"), grade.__dict__.values(), strict=True))
        )
    for course, rows in scores.items():
        yield 0, f"grades/course{course}/grades.csv", csv("grades", rows)
    for course, files in delivered.rosters.items():
        for night, listed in files.items():
            people = (
                {"userid": m.user, "courseid": course, "role": m.role, "dropped": m.dropped}
                for m in listed
            )
            yield night, f"enrollment/course{course}/enrollment.csv", csv("enrollment", people)


def sessions(delivered: Delivered) -> Iterator[tuple[str, bytes]]:
    """Yield key and body of the session files."""
    names = (
        "user_id",
        "course_id",
        "assignment_id",
        "part_id",
        "lab_type",
        "launch_time",
        "start_time",
        "init_time",
    )
    days = defaultdict(list)
    for session in delivered.sessions:
        cells = tuple(session.__dict__.values())[1:]
        days[session.file_day].append(dict(zip((*names, "end_time", "log"), cells, strict=True)))
    for day, rows in days.items():
        yield f"lab_sessions/lab_sessions_{day}.csv", csv("lab_sessions", rows)


def load(connection: duckdb.DuckDBPyConnection, folder: Path, delivered: Delivered) -> None:
    """Load night after night, a batch for each dataset."""
    for night, written in enumerate(NIGHTS):
        files = {key: body for at, key, body in snapshots(delivered) if at == night}
        files |= dict(sessions(delivered)) if night == 0 else {}
        groups = defaultdict(list)
        for landed in land(folder, {f"org1/{key}": body for key, body in files.items()}, written):
            groups[landed.delivery.dataset.name].append(landed)
        for name, landed_files in groups.items():
            batch = read_batch(FEED[name], landed_files)
            assert not batch.rejects.height and not any(result.failure for result in batch.files), (
                name
            )
            write_batch(connection, batch, written + timedelta(hours=1), "run")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            n,
            id=f"organisations from {n}",
            marks=[] if n == 0 else [pytest.mark.thorough if n == AT_ONCE else pytest.mark.slow],
        )
        for n in range(0, ORGANISATIONS, AT_ONCE)
    ],
)
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Delivered]]:
    """A hundred organisations in one warehouse, with disjoint ids, and all models built."""
    folder = tmp_path_factory.mktemp("random")
    delivered = organisations(range(request.param, request.param + AT_ONCE))
    with open_warehouse(folder / "warehouse.duckdb") as connection:
        load(connection, folder, delivered)
        build_all(connection)
        yield connection, delivered


def test_every_mart_matches_an_independent_recount(
    built: tuple[duckdb.DuckDBPyConnection, Delivered],
) -> None:
    connection, delivered = built
    for mart, recount in RECOUNT.items():
        # else the spend without a course
        where = " WHERE course_id IS NOT NULL" if mart == "course_summary" else ""
        rows = Counter(
            connection.execute(f"SELECT {COLUMNS[mart]} FROM marts.{mart}{where}").fetchall()
        )
        expected = Counter(recount(delivered))
        assert expected, f"{mart} is empty, so this proves nothing"
        assert (sorted(map(str, rows - expected))[:3], sorted(map(str, expected - rows))[:3]) == (
            [],
            [],
        ), mart


WHERE_DELIVERED = {  # values of one mart row that must occur together in one delivered row
    "assignment_scores": (
        (
            "user_id, course_id, assignment_id, submission, submitted_at, score, max_score,"
            " is_override"
        ),
        """SELECT userid, courseid, asnid, submission, submission_time, asnscore, maxscore,
           coalesce(isoverride, false)
           FROM raw.grades""",
    ),
    "lab_sessions": (
        (
            "user_id, course_id, assignment_id, part_id, lab_type, launch_time, start_time,"
            " init_time, end_time"
        ),
        """SELECT user_id, course_id, assignment_id, part_id, lab_type, launch_time, start_time,
           init_time, end_time
           FROM raw.lab_sessions""",
    ),
    "course_lineage": (
        "course_id, CASE WHEN NOT has_several_parents THEN parent_course_id END",
        (
            "SELECT course_id, parent_course_id FROM raw.course_mapping UNION ALL SELECT course_id,"
            " NULL FROM raw.course_mapping"
        ),
    ),
    "part_lineage": (
        "part_id, assignment_id, course_id, parent_part_id",
        "SELECT part_id, assignment_id, course_id, parent_part_id FROM raw.asn_mapping",
    ),
    "roster_changes": (
        "user_id, course_id, role, dropped",
        (
            "SELECT userid, courseid, lower(role), dropped FROM history.enrollment "
            "UNION ALL SELECT userid, courseid, NULL, NULL FROM history.enrollment"
        ),
    ),
    "student_course_summary": (
        "user_id, course_id, role",
        """SELECT userid, courseid, lower(role) FROM history.enrollment
           UNION ALL SELECT userid, courseid, NULL FROM history.enrollment
           UNION ALL SELECT user_id, course_id, NULL FROM raw.lab_sessions
           UNION ALL SELECT userid, courseid, NULL FROM raw.grades""",
    ),
}


def test_each_row_of_a_mart_exists_in_the_delivered_files(
    built: tuple[duckdb.DuckDBPyConnection, Delivered],
) -> None:
    connection, _ = built
    for mart, (columns, delivered) in WHERE_DELIVERED.items():
        made_up = connection.execute(
            f"SELECT {columns} FROM marts.{mart} EXCEPT ({delivered})"
        ).fetchall()
        assert made_up == [], f"marts.{mart} makes one row of two"


def test_every_invariant_holds(built: tuple[duckdb.DuckDBPyConnection, Delivered]) -> None:
    connection, _ = built
    assert broken(connection) == []
