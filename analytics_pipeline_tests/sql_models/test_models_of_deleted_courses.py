"""A course that course_mapping no longer lists, as it was deleted: its name, family and budgets."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from analytics_pipeline_tests.support.hand_written import aws_cost, budgets, courses, days, parts
from analytics_pipeline_tests.support.model_warehouse import (
    WRITTEN,
    broken,
    build_all,
    land,
    load,
)
from analytics_pipeline_tests.support.spend_rows import Connection

ROOT, CLONE, GRANDCHILD = 5, 6, 8
OCTOBER = days(date(2026, 10, 1), date(2026, 10, 12))
ALL_PARTS = parts((ROOT, 7), (CLONE, 9), (GRANDCHILD, 10))
FAMILY = ((ROOT, "Root", None), (CLONE, "Clone", ROOT), (GRANDCHILD, "Clone of the clone", CLONE))
SPENT = aws_cost(
    {date(2026, 9, 30): [(9, 99, 1)]}
    | {
        at: [(1, 7, 10 * n), (2, 9, 20 * n), (3, 10, 30 * n), (9, 99, 1)]
        for n, at in enumerate(OCTOBER, 1)
    }
)


def test_a_deleted_clone_stays_in_its_family_and_in_the_budget_of_the_root(
    warehouse: Connection, tmp_path: Path
) -> None:
    money = budgets(
        f"root_course,{ROOT},Family,2026-10-01,2026-10-31,500,USD,,,none",
        f"course,{CLONE},Clone,2026-10-01,2026-10-31,900,USD,,,none",
    )
    before = SPENT | ALL_PARTS | courses(*FAMILY) | money
    without = tuple(course for course in FAMILY if course[0] != CLONE)
    after = courses(*without) | parts((ROOT, 7), (GRANDCHILD, 10))
    found = []
    for night, files in enumerate((before, after)):
        load(warehouse, land(tmp_path, files, WRITTEN + timedelta(days=night)))
        build_all(warehouse)
        assert broken(warehouse) == []
        found.append(
            (
                warehouse.execute(
                    "SELECT budget, spent, state FROM marts.budget_status ORDER BY 1"
                ).fetchall(),
                warehouse.execute(
                    "SELECT course_id, course_name, root_course_id, spend FROM"
                    " marts.course_summary WHERE course_id IS NOT NULL ORDER BY 1"
                ).fetchall(),
            )
        )
    assert found[0] == found[1]
    assert found[1] == (
        [("Clone", Decimal(240), "ok"), ("Family", Decimal(720), "over")],
        [
            (course, name, ROOT, spend)
            for (course, name, _), spend in zip(FAMILY, (120, 240, 360), strict=True)
        ],
    )


def test_a_deleted_course_without_clones_stays_its_own_root(
    warehouse: Connection, tmp_path: Path
) -> None:
    money = budgets(f"root_course,{ROOT},Own,2026-10-01,2026-10-31,100,USD,,,none")
    other = (11, "Another", None)
    load(warehouse, land(tmp_path, SPENT | ALL_PARTS | courses(FAMILY[0], other) | money))
    load(warehouse, land(tmp_path, courses(other), WRITTEN + timedelta(days=1)))
    build_all(warehouse)
    rows = warehouse.execute("SELECT budget, spent, state FROM marts.budget_status").fetchall()
    assert rows == [("Own", Decimal(120), "over")]


def test_a_course_that_is_listed_again_is_as_it_is_listed_now(
    warehouse: Connection, tmp_path: Path
) -> None:
    other = (11, "Another", None)
    nights = [(*FAMILY, other), (FAMILY[0], other), (FAMILY[0], other, (CLONE, "Renamed", None))]
    for night, mapped in enumerate(nights):
        load(warehouse, land(tmp_path, courses(*mapped), WRITTEN + timedelta(days=night)))
    build_all(warehouse)
    columns = "course_id, course_name, parent_course_id, root_course_id"
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.course_lineage ORDER BY 1"
    ).fetchall() == [
        (ROOT, "Root", None, ROOT),
        (CLONE, "Renamed", None, CLONE),
        (GRANDCHILD, "Clone of the clone", CLONE, CLONE),
        (11, "Another", None, 11),
    ]
