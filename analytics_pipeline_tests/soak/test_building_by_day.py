"""Models built by day against the same models built whole: an hour of random steps, nights of a
whole organisation, and builds killed at random moments."""

import random
import time
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.sql_models import build
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.soak.processes import Forked
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.support.by_day_walk import BY_DAY, Walk, changed_project, differing
from analytics_pipeline_tests.support.model_warehouse import PROJECT, build_all, land, load

WALKS, STEPS, KILLS = 120, 200, 60


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_random_steps_for_an_hour_leave_the_marts_of_a_whole_build(tmp_path: Path) -> None:
    changed = changed_project(tmp_path / "changed")
    made = 0
    for seed in range(WALKS):
        with open_warehouse(tmp_path / f"{seed}.duckdb") as connection:
            walk = Walk(connection, random.Random(seed), (PROJECT, changed))
            walk.begin()
            for _ in range(STEPS):
                walk.step()
            made += walk.by_day
        (tmp_path / f"{seed}.duckdb").unlink()
    note(
        "Models built by day, compared with whole builds after random changes of lab_sessions",
        f"{WALKS * STEPS:,} steps, {made:,} models built by day like whole",
    )


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(4))
def test_every_night_of_an_organisation_has_the_marts_of_a_whole_build(
    tmp_path: Path, seed: int
) -> None:
    """All datasets, through the loader; some nights are skipped."""
    spec = OrganisationSpec.small(days=25, students=40, midnight_in_both_files=True, oddities=True)
    organisation, dice = Organisation(spec), random.Random(seed)
    before: dict[str, bytes] = {}
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        for day in spec.all_days():
            if dice.random() < 0.3:
                continue
            now = organisation.files(day) | organisation.hand_written()
            changed = {key: body for key, body in now.items() if before.get(key) != body}
            load(connection, land(tmp_path, changed))
            before = now
            build_all(connection)
            by_day = _marts(connection)
            connection.execute("DELETE FROM ops.model_days")
            build_all(connection)
            assert _marts(connection) == by_day, f"on {day}"


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_builds_killed_at_any_moment_leave_the_marts_of_a_whole_build(tmp_path: Path) -> None:
    kill_builds(tmp_path, KILLS)


def kill_builds(folder: Path, kills: int) -> None:
    """Kill builds at random moments; the next one must complete what is left."""
    path, dice, hits = folder / "warehouse.duckdb", random.Random(kills), 0
    with open_warehouse(path) as connection:
        walk = Walk(connection, dice)
        walk.begin()
    Forked(build_them, path).wait()  # the first one waits for the fork server to start
    began = time.monotonic()
    Forked(build_them, path).wait()
    seconds = time.monotonic() - began
    for at in range(kills):
        with open_warehouse(path) as walk.connection:
            for _ in range(3):
                walk.new_day()
        builder = Forked(build_them, path)
        time.sleep(seconds * (at + dice.random()) / kills)
        hits += builder.kill()
        with open_warehouse(path) as connection:
            build_all(connection, BY_DAY)
            assert differing(connection, PROJECT) == []
    assert hits, "no build was killed: the test tries nothing"


def build_them(path: Path) -> None:
    """Build the models by day, as another process."""
    with open_warehouse(path) as connection:
        build(connection, PROJECT.select(BY_DAY))


def _marts(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    marts = [name for name in PROJECT.models if name.startswith("marts.")]
    return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in marts}
