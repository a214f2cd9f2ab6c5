"""A full reload, a day-by-day load and a shuffled load of the same files give identical marts."""

import random
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.model_warehouse import PROJECT, build_all, land, load

SPEC = OrganisationSpec.small(days=20, students=60, midnight_in_both_files=True, oddities=True)


OF_HISTORY = {
    *(
        "marts.roster_changes",
        "staging.course_members",
        "marts.student_course_summary",
        "marts.course_summary",
    ),
    *(
        "marts.activity_weekly",
        "marts.course_months",
        "marts.student_spend_watch",
        "marts.spend_anomalies",
    ),
}
"""Models that know more about an organisation that was loaded night by night: who was listed
before."""


def _marts(folder: Path, way: str) -> dict[str, list[tuple[object, ...]]]:
    folder.mkdir()
    files = land(folder, Organisation(SPEC).files() | Organisation(SPEC).hand_written())
    is_shuffled = way == "shuffled, some twice"
    if is_shuffled:
        random.Random(5).shuffle(files)
    with open_warehouse(folder / "warehouse.duckdb") as connection:
        if is_shuffled:  # and rows within a file come in another order too
            connection.execute("SET preserve_insertion_order = false")
        load(connection, files, size=1 if way == "day by day" else 7 if is_shuffled else 1_000)
        if is_shuffled:  # a batch never holds a file twice
            load(connection, files[::3], size=7)
        build_all(connection)
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()
            for name in PROJECT.models
        }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    return _marts(tmp_path_factory.mktemp("whole") / "load", "whole")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "way", [pytest.param("day by day", marks=pytest.mark.slow), "shuffled, some twice"]
)
def test_the_marts_are_the_same(
    tmp_path: Path, whole: dict[str, list[tuple[object, ...]]], way: str
) -> None:
    other = _marts(tmp_path / "load", way)
    assert other.keys() == whole.keys()
    for name, rows in whole.items():
        assert rows, f"{name} is empty, so this proves nothing"
        assert other[name] == rows, f"{name} differs when loaded {way}"


@pytest.mark.slow
def test_marts_of_files_that_grew_day_by_day_are_those_of_the_last_delivery(
    tmp_path: Path, whole: dict[str, list[tuple[object, ...]]]
) -> None:
    """Load the whole bucket of some nights in order, like a sync; only the history may know
    more.
    """
    organisation = Organisation(SPEC)
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        before: dict[str, bytes] = {}
        for day in [*SPEC.all_days()[::4], SPEC.last_day]:
            now = organisation.files(day) | organisation.hand_written()
            load(
                connection,
                land(tmp_path, {key: body for key, body in now.items() if before.get(key) != body}),
            )
            before = now
        build_all(connection)
        for name, rows in whole.items():
            if name not in OF_HISTORY:
                assert (
                    connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() == rows
                ), name
        columns = "user_id, course_id, role, is_enrolled, dropped"
        grown = connection.execute(
            f"SELECT {columns} FROM marts.student_course_summary WHERE role IS NOT NULL"
        ).fetchall()
    truth = organisation.truth.members
    assert {row[:2]: row[2:] for row in grown} == {
        key: (member.role, member.is_listed and not member.has_dropped, member.has_dropped)
        for key, member in truth.items()
    }
    of_one_night = {key for key, member in truth.items() if member.is_listed}
    known = {row[:2] for row in whole["marts.student_course_summary"] if row[3] is not None}  # role
    assert known == of_one_night != truth.keys(), "no student vanished, so this proves nothing"


CONFLICTS = {  # rows that differ under the same key, as a file may hold
    "raw.aws_cost": "REPLACE (cost + 1 AS cost)",
    "raw.azure_cost": "REPLACE (monthly_cost_to_date + 1 AS monthly_cost_to_date)",
    "raw.service_spend": "REPLACE (cost + 1 AS cost, course_id + 1 AS course_id)",
    "raw.lab_sessions": (
        "REPLACE (lab_type || '?' AS lab_type, course_id + 1 AS course_id, disconnects + 1 AS"
        " disconnects)"
    ),
    "raw.grades": (
        "REPLACE (asnscore + 1 AS asnscore, NOT isoverride AS isoverride, partnerid + 1 AS"
        " partnerid)"
    ),
    "raw.enrollment": "REPLACE ('ta' AS role, NOT dropped AS dropped)",
    "raw.asn_mapping": "REPLACE (course_id + 1 AS course_id, part_name || '?' AS part_name)",
    "raw.course_mapping": "REPLACE (course_name || '?' AS course_name, NULL AS parent_course_id)",
    "history.enrollment": "REPLACE ('ta' AS role, NOT dropped AS dropped)",
}


@pytest.mark.thorough
def test_rows_that_contradict_each_other_give_the_same_marts_in_any_order(
    tmp_path: Path, built: duckdb.DuckDBPyConnection
) -> None:
    marts = []
    for seed in (1, 2):
        with open_warehouse(tmp_path / f"{seed}.duckdb") as connection:
            for table, conflict in CONFLICTS.items():
                connection.register("delivered", built.execute(f"SELECT * FROM {table}").pl())
                both = f"SELECT * FROM delivered UNION ALL SELECT * {conflict} FROM delivered"
                connection.execute(
                    f"INSERT INTO {table} BY NAME SELECT * FROM ({both}) AS r ORDER BY hash(r,"
                    f" {seed})"
                )
                connection.unregister("delivered")
            build_all(connection)
            marts.append(
                {
                    m: connection.execute(f"SELECT * FROM {m} ORDER BY ALL").fetchall()
                    for m in PROJECT.models
                }
            )
    left, right = marts
    assert [name for name in left if left[name] != right[name]] == []
    assert len(left["marts.daily_cloud_spend"]) > 1_000
