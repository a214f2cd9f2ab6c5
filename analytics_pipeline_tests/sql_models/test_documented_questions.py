"""The queries of docs/questions.md on a small organisation whose answers can be counted by hand."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.sql_models.sql_syntax import parse_query, tables_read
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.model_warehouse import build_all, utc
from analytics_pipeline_tests.support.organisation_of_seven import (
    OCT,
    OCT_1,
    OCT_2,
    OCT_3,
    SEP,
    SEP_30,
    WEEK_1,
    WEEK_2,
    fill,
    fill_runaway,
)

PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text("utf-8")
QUERIES = {
    int(number): query
    for number, query in re.findall(
        r"^## (\d+)\. .*?```sql\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE
    )
}
MOST_LINES = 8
ANSWERS: dict[int, list[tuple[object, ...]]] = {
    1: [(SEP, Decimal("9.5"), 0, Decimal("9.5"), 1), (OCT, Decimal("20.5"), 5, Decimal("25.5"), 5)],
    2: [(5, "Clouds", 29), (6, "Clouds again", 5), (None, None, 1)],
    3: [("2026 summer", 1, 39, 15.5), ("2026 fall", 1, 5, 2.5)],
    4: [
        (SEP, "Clouds", 1, 4, 4),
        (SEP, "Clouds again", 2, 3, Decimal("1.5")),
        (OCT, "Clouds", 2, Decimal("14.5"), Decimal("7.25")),
    ],
    5: [
        (SEP, "Clouds", 1, 4),
        (SEP, "Clouds again", Decimal("1.5"), 2),
        (OCT, "Clouds", Decimal("3.5"), Decimal("4.142857")),
    ],
    6: [(SEP, "EC2", 7), (SEP, "S3", Decimal("0.5")), (OCT, "EC2", 13), (OCT, "S3", -1)],
    7: [
        ("Clouds", "Intro", 7, 1, 3),  # four days after a session; the 29th follows one by a day
        ("Clouds again", "Intro", 9, 1, 2),
        ("Clouds", "Project", 8, 1, 1),
        (None, None, 99, 1, 1),
    ],
    8: [(OCT, "Clouds", 2, "Clouds in October", 8, Decimal("8.5"))],
    9: [("Clouds", 3, "only failed launches"), ("Clouds again", 5, "no launch")],
    10: [("Clouds again", 7, 8)],
    11: [(WEEK_1, 7, 1, Decimal("14.3")), (WEEK_2, 1, 0, 0)],
    12: [
        (WEEK_1, "Cloud", 3, 100, 200),
        (WEEK_1, "Container", 1, 10, 10),
        (WEEK_1, "VM", 2, 20, 30),
        (WEEK_2, "Cloud", 1, 60, 60),
    ],
    13: [(WEEK_1, 5, 4, None, 6), (WEEK_2, 1, 1, -4, 2)],
    14: [("Clouds", False, 2, 40), ("Clouds", True, 1, 90)],
    15: [(5, 2, 44)],
    16: [(utc(2026, 10, 1, 10), 2)],
    17: [(OCT_1, "Clouds", 6, 50, 50)],
    18: [
        ("Clouds", 51, "Project", 2, 19),
        ("Clouds", 50, "Intro", 1, 10),
        ("Clouds again", 60, "Intro", 1, 5),
        (None, None, None, 1, 1),
    ],
    19: [("Clouds", 8, 39, 20.5), ("Clouds again", 0, 5, 0)],
    20: [("Clouds again", 6, OCT_2, 2)],
    21: [(SEP, Decimal("7.5"), 15, Decimal("-7.5")), (OCT, 12, 25, -13)],
    22: [("aws_cost", SEP_30, "missing"), ("lab_sessions", OCT_3, "failed")],
    23: [("Cloud", 5, 5), ("VM", 2, 1.5), ("Container", 1, 0.5)],
    24: [
        ("User Ended Lab", 4, 50),
        ("Session Timer Expires", 2, 25),
        ("Instructor Ended Lab", 1, 12.5),
        ("Start Failed", 1, 12.5),
    ],
    25: [("CS", 39), ("EE", 5), ("no label", 1)],
}
FILLED = {17: fill_runaway}
"""What to fill a warehouse of its own with, for questions that the organisation has no answer
to."""


@pytest.fixture(scope="module")
def organisation_of_seven(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(tmp_path_factory.mktemp("questions") / "warehouse.duckdb") as connection:
        fill(connection)
        build_all(connection)
        yield connection


def test_every_question_has_an_answer_here() -> None:
    assert QUERIES.keys() == ANSWERS.keys() == set(range(1, 26))
    assert len(re.findall(r"^## ", PAGE, re.MULTILINE)) == len(QUERIES), (
        "a question without a query, or a number twice"
    )


@pytest.mark.parametrize("number", ANSWERS)
def test_the_query_of_a_question_answers_it(
    organisation_of_seven: duckdb.DuckDBPyConnection, tmp_path: Path, number: int
) -> None:
    if number in FILLED:
        with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
            FILLED[number](connection)
            build_all(connection)
            rows = connection.execute(QUERIES[number]).fetchall()
    else:
        rows = organisation_of_seven.execute(QUERIES[number]).fetchall()
    assert rows == ANSWERS[number]


@pytest.mark.parametrize("number", ANSWERS)
def test_a_query_is_short_and_asks_marts_alone(number: int) -> None:
    query = QUERIES[number].strip()
    assert len(query.splitlines()) <= MOST_LINES
    read = tables_read(parse_query(f"question {number}", query.removesuffix(";")))
    assert read and all(table.startswith("marts.") for table in read), read
