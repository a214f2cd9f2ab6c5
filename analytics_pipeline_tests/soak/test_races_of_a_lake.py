"""Eight processes replace the same files of a lake at once, lose their locks, and are killed."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.lake_catalog import LOCK_SESSION
from analytics_pipeline_tests.support.lakes import (
    database_of,
    deliveries_of,
    digests,
    lake_settings,
    load,
)
from analytics_pipeline_tests.support.postgres import Postgres

pytestmark = pytest.mark.slow

PROCESSES, TIMES, KILLS = 8, 5, 20
REPLACES = """
import sys
from pathlib import Path
from analytics_pipeline.operations import load_files
from analytics_pipeline.settings import load_settings
from analytics_pipeline_tests.support.lakes import deliveries_of, load
load_files.BATCH_FILES = 8
settings = load_settings()
deliveries = [some for some in deliveries_of(settings) if some.dataset.name == "lab_sessions"]
for _ in range(int(sys.argv[2])):
    results = load(settings, Path(sys.argv[1]), deliveries)
    assert len(results) == len(deliveries)
print("replaced")
"""


@pytest.fixture
def lake(postgres: Postgres, loaded_organisation: Path, tmp_path: Path) -> Settings:
    """A lake with the loaded files of the small organisation; its landing folder is the file's."""
    settings = lake_settings(postgres, tmp_path)
    file = Settings(ANALYTICS_DATA_DIR=str(loaded_organisation))
    named = ("lab_sessions", "enrollment")
    load(
        settings,
        file.landing_dir,
        [some for some in deliveries_of(file) if some.dataset.name in named],
    )
    return settings


def _replacing(settings: Settings, landing: Path, times: int) -> subprocess.Popen[str]:
    """Start a process that replaces every file of one dataset some times."""
    environment = os.environ | {
        "VOCAREUM_ORG_ID": "9001",
        "ANALYTICS_DATA_DIR": str(settings.data_dir),
        "ANALYTICS_WAREHOUSE": settings.warehouse_url.get_secret_value(),
        "ANALYTICS_WAREHOUSE_DATA": str(settings.warehouse_data),
    }
    return subprocess.Popen(
        [sys.executable, "-c", REPLACES, str(landing), str(times)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _assert_whole(settings: Settings, before: dict[str, tuple[int, int]]) -> None:
    """Check that nothing is lost and nothing is there twice."""
    assert digests(settings) == before
    with warehouse_of(settings).read() as connection:
        [(files, distinct, rows)] = connection.execute(
            """SELECT count(*), count(DISTINCT partition), sum(rows)::BIGINT FROM ops.loaded_files
               WHERE dataset = 'lab_sessions'"""
        ).fetchall()
        [(loaded,)] = connection.execute("SELECT count(*) FROM raw.lab_sessions").fetchall()
    assert (files, rows) == (distinct, loaded)


@pytest.mark.parametrize("disturbance", ["none", "ended locks", "maintenance"])
def test_processes_that_replace_the_same_files_lose_nothing_and_all_succeed(
    lake: Settings, postgres: Postgres, loaded_organisation: Path, disturbance: str
) -> None:
    before = digests(lake)
    processes = [_replacing(lake, loaded_organisation / "landing", TIMES) for _ in range(PROCESSES)]
    done, disturbed = threading.Event(), []

    def disturb() -> None:
        while not done.wait(1):
            if disturbance == "ended locks":
                disturbed.append(postgres.end_sessions(LOCK_SESSION))
            else:
                warehouse_of(lake).maintain()
                disturbed.append(1)

    beside = threading.Thread(target=disturb)
    if disturbance != "none":
        beside.start()
    outputs = [process.communicate() for process in processes]
    done.set()
    if disturbance != "none":
        beside.join()
        assert sum(disturbed) > 3, "it happened while they wrote"
    failed = [
        errors[-2000:]
        for process, (_, errors) in zip(processes, outputs, strict=True)
        if process.returncode
    ]
    assert failed == []
    _assert_whole(lake, before)


def test_a_load_that_is_killed_at_any_moment_is_completed_by_the_next(
    lake: Settings, postgres: Postgres, loaded_organisation: Path
) -> None:
    before, moments = digests(lake), random.Random(17)
    landing = loaded_organisation / "landing"
    for _ in range(KILLS):
        process = _replacing(lake, landing, TIMES)
        try:
            process.communicate(timeout=moments.uniform(3, 15))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        _assert_whole(lake, before)
    process = _replacing(lake, landing, 1)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    _assert_whole(lake, before)
    warehouse_of(lake).purge()
    database = database_of(lake)
    [(known,)] = postgres.execute(
        database,
        """SELECT (SELECT count(*) FROM org9001.ducklake_data_file)
                + (SELECT count(*) FROM org9001.ducklake_delete_file)""",
    )
    there = list(Path(lake.warehouse_data or "").rglob("*.parquet"))
    assert len(there) == known, "no orphan is left"
