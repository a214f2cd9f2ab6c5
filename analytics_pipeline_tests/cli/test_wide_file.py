"""A file with far more columns than announced loads at the cost of its cells, and blocks no other
file.
"""

import json
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.deliveries import HEADER

COLUMNS, ROWS = 1_900, 2_000
ROW = "{}, C, 2, A, 0, 10, {}, , 5, 0, 4, P, 5, 6, R, 5, 8"


def wide(course: int) -> str:
    """Every third row leaves every second unannounced cell empty."""
    header = HEADER["grades"].rstrip("\n")
    unannounced = COLUMNS - len(header.split(","))
    lines = [header + "".join(f",Extra {at}" for at in range(unannounced))]
    for user in range(1, ROWS + 1):
        cells = (
            " " if user % 3 == 0 and at % 2 else f' "v ""{user}"" é" ' for at in range(unannounced)
        )
        lines.append(ROW.format(course, user) + "," + ",".join(cells))
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_a_file_of_1900_columns_loads_and_so_do_the_other_courses(
    run: Run, demo: DemoVocareum, data: Path
):
    good = HEADER["grades"] + ROW.format(4, 7) + "\n"
    demo.put_many(
        {
            "org9001/course-asn_mapping/course_mapping.csv": (
                (
                    HEADER["course_mapping"]
                    + "9001, Org, 4, CS 4, New,\n9001, Org, 666, CS 666, New,\n"
                ).encode()
            ),
            "org9001/grades/course4/grades.csv": good.encode(),
            "org9001/grades/course666/grades.csv": wide(666).encode(),
        }
    )
    run("sync", "--dataset", "grades")
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("FROM ops.failed_files").fetchall() == []
        assert connection.execute("SELECT count(*) FROM raw.grades").fetchall() == [(ROWS + 1,)]
        ((third, fourth),) = connection.execute(
            """SELECT (SELECT _extra::VARCHAR FROM raw.grades WHERE userid = 3),
                      (SELECT _extra::VARCHAR FROM raw.grades WHERE userid = 4)"""
        ).fetchall()
    extra = range(COLUMNS - 17)
    assert json.loads(third) == {f"Extra {at}": 'v "3" é' for at in extra if at % 2 == 0}
    assert json.loads(fourth) == {f"Extra {at}": 'v "4" é' for at in extra}
