"""A power cut under the real daemon: everything is killed in mid-run, and the next start alone
makes it whole in five minutes.
"""

import signal
from pathlib import Path

import dagster as dg
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.runs.processes import WORKER_TAG
from analytics_pipeline.warehouse.connection import lock_warehouse
from analytics_pipeline_tests.cli.conftest import COMMAND
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions
from analytics_pipeline_tests.support.live_processes import process_group, wait_for

DAYS = {"2026-11-01", "2026-11-02"}
FIVE_MINUTES = 300.0
BEFORE = 900.0
"""Seconds for the steps before the cut; the promise begins after it."""


def working(pipeline: Pipeline) -> list[dg.DagsterRun]:
    """Runs that load and whose process has begun."""
    runs = pipeline.instance.get_runs(
        dg.RunsFilter(job_name="load_daily", statuses=[dg.DagsterRunStatus.STARTED])
    )
    return [run for run in runs if WORKER_TAG in run.tags]


@pytest.mark.slow
@pytest.mark.timeout(1_500)
def test_a_daemon_that_was_killed_with_its_run_recovers_within_five_minutes_of_its_start(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, tmp_path: Path
) -> None:
    pipeline = start_pipeline(on_disk=True)
    for day in sorted(DAYS):
        vocareum.put(*lab_sessions(day))
    output, path = tmp_path / "output", pipeline.settings.warehouse_path
    command, killed = [COMMAND, "daemon"], signal.SIGKILL
    with (
        lock_warehouse(path, wait_seconds=60),  # the run waits for it, in mid-step
        process_group(command, output, end_signal=killed),
    ):
        wait_for(lambda: bool(working(pipeline)), BEFORE, output)
        run = working(pipeline)[0]
    with process_group(command, output, end_signal=killed):
        repeated = dg.RunsFilter(
            tags={"dagster/parent_run_id": run.run_id}, statuses=[dg.DagsterRunStatus.SUCCESS]
        )
        wait_for(lambda: bool(pipeline.instance.get_runs(repeated)), FIVE_MINUTES, output)
    found = pipeline.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE, "the dead run was ended"
    assert (
        pipeline.instance.get_materialized_partitions(dg.AssetKey(["raw", "lab_sessions"])) == DAYS
    )
    assert pipeline.rows("SELECT partition FROM ops.loaded_files ORDER BY 1") == [
        (day,) for day in sorted(DAYS)
    ]
