"""Parallel runs never fail on DuckDB's lock: they queue.

Each is its own process, as the daemon launches them.
"""

import os
import subprocess
import sys
from datetime import date, timedelta

import dagster as dg
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.orchestration.conftest import StartPipeline, lab_sessions

RUN = """
import sys
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import load_settings
settings = load_settings()
with open_instance(settings) as instance:
    tags = {
        "dagster/asset_partition_range_start": sys.argv[1],
        "dagster/asset_partition_range_end": sys.argv[2],
    }
    print("ready", flush=True)
    sys.stdin.readline()
    job = build_definitions(settings).get_repository_def().get_job("load_daily")
    run = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    sys.exit(not run.success)
"""


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_runs_launched_at_once_all_succeed(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, count: int
) -> None:
    pipeline = start_pipeline(on_disk=True)
    days = [date(2026, 10, 20) + timedelta(days=n) for n in range(3 * count)]
    vocareum.put_many(dict(lab_sessions(f"{day}", rows=50) for day in days))
    ranges = [(days[3 * n], days[3 * n + 2]) for n in range(count)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, f"{first}", f"{last}"],
            env=os.environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for first, last in ranges
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("\n", timeout=240)
    assert [process.returncode for process in processes] == [0] * count
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(150 * count,)]
    assert (
        len(pipeline.instance.get_materialized_partitions(dg.AssetKey(["raw", "lab_sessions"])))
        == 3 * count
    )
