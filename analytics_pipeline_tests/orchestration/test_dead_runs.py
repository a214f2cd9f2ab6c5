"""Runs whose process is gone, as after a power failure: they end within a minute of the next
daemon, and others continue.
"""

import os
import signal
import socket
import subprocess
import sys

import dagster as dg
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration import daemon
from analytics_pipeline.orchestration.runs import processes
from analytics_pipeline.orchestration.runs.processes import WORKER_TAG, record_process
from analytics_pipeline.storage.processes import place, process_identity
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions

IN_MID_STEP = """
import sys
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import load_settings
from analytics_pipeline.warehouse import connection

def stop_here(*arguments, **options):
    print("in mid-step", flush=True)
    sys.stdin.read()

connection.connect = stop_here
settings = load_settings()
job = build_definitions(settings).get_repository_def().get_job("load_daily")
tags = {
    "dagster/asset_partition_range_start": "2026-11-01",
    "dagster/asset_partition_range_end": "2026-11-01",
}
with open_instance(settings) as instance:
    job.execute_in_process(instance=instance, tags=tags)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("look", ["the sensor", "the daemon's start"])
def test_a_run_whose_process_group_was_killed_is_failed_and_retried(
    look: str,
    start_pipeline: StartPipeline,
    vocareum: DemoVocareum,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dagster._daemon.cli.main", lambda: None)
    looks = {"the sensor": lambda: pipeline.tick("alerts"), "the daemon's start": daemon.main}
    pipeline = start_pipeline(on_disk=True)
    vocareum.put(*lab_sessions("2026-11-01"))
    child = subprocess.Popen(
        [sys.executable, "-c", IN_MID_STEP],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"in mid-step\n"
        [run] = pipeline.instance.get_runs()
        looks[look]()
        assert status(pipeline, run) is dg.DagsterRunStatus.STARTED, "its process lives"
        os.killpg(child.pid, signal.SIGKILL)
    looks[look]()
    assert status(pipeline, run) is dg.DagsterRunStatus.FAILURE
    assert tags(pipeline, run)["dagster/will_retry"] == "true"


def test_a_later_process_with_the_same_pid_is_another_process(pipeline: Pipeline) -> None:
    boot, start, pid = process_identity(os.getpid()).split(":")
    assert pid == str(os.getpid())
    ours, rebooted, reused = started(pipeline), started(pipeline), started(pipeline)
    record_process(pipeline.instance, ours)
    for run, identity in ((rebooted, f"another-boot:{start}:{pid}"), (reused, f"{boot}:1:{pid}")):
        host = tags(pipeline, ours)[WORKER_TAG].split("@")[1]
        pipeline.instance.add_run_tags(run.run_id, {WORKER_TAG: f"{run.run_id}@{host}@{identity}"})
    pipeline.tick("alerts")
    ended = [
        status(pipeline, run) is dg.DagsterRunStatus.FAILURE for run in (ours, rebooted, reused)
    ]
    assert ended == [False, True, True]


@pytest.mark.parametrize(("where", "is_dead"), [("worker/boot/1", True), ("worker/boot/2", False)])
def test_a_container_does_not_judge_the_processes_of_another_one_with_its_host_name(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, where: str, is_dead: bool
) -> None:
    run = started(pipeline)
    boot, _, pid = process_identity(os.getpid()).split(":")
    tag = f"{run.run_id}@worker/boot/1@{boot}:1:{pid}"
    pipeline.instance.add_run_tags(run.run_id, {WORKER_TAG: tag})
    monkeypatch.setattr(processes, "place", lambda: where)
    pipeline.tick("alerts")
    assert (status(pipeline, run) is dg.DagsterRunStatus.FAILURE) == is_dead


def test_a_pid_namespace_is_a_place_of_its_own() -> None:
    printed = "from analytics_pipeline.storage.processes import place; print(place())"
    command = [sys.executable, "-c", printed]
    inside = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *command], capture_output=True, text=True
    )
    if inside.returncode:
        pytest.skip(f"no namespace can be made here: {inside.stderr.strip()}")
    outside = subprocess.run(command, capture_output=True, text=True, check=True)
    assert outside.stdout.strip() == place()
    assert inside.stdout.split("/")[0] == socket.gethostname()
    assert inside.stdout.strip() != place()


def test_a_retried_run_is_not_mistaken_for_the_dead_run_whose_tags_it_inherits(
    pipeline: Pipeline,
) -> None:
    again = started(pipeline)
    pipeline.instance.add_run_tags(again.run_id, {WORKER_TAG: "the-run-before@host@boot:1:4194300"})
    pipeline.tick("alerts")
    assert status(pipeline, again) is dg.DagsterRunStatus.STARTED


def started(pipeline: Pipeline) -> dg.DagsterRun:
    job = pipeline.definitions.get_repository_def().get_job("load_daily")
    return pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)


def tags(pipeline: Pipeline, run: dg.DagsterRun) -> dict[str, str]:
    found = pipeline.instance.get_run_by_id(run.run_id)
    assert found is not None
    return dict(found.tags)


def status(pipeline: Pipeline, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = pipeline.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status
