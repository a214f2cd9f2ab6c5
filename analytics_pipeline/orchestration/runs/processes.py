"""The processes that execute runs: tag a run with its own, and end runs whose process is gone."""

import os
from collections.abc import Collection

import dagster as dg

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.storage.processes import place, process_identity

COMMAND_TAG = "analytics_pipeline/command"
"""`sync@place@boot:start:pid`: the command that executes a run itself, without a launcher that
monitors it, and its process."""
WORKER_TAG = "analytics_pipeline/worker"
"""First digits of the run id@place@boot:start:pid of the process that executes any other run."""
IN_FLIGHT: Collection[dg.DagsterRunStatus] = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def record_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Tag a run with its process, so that `end_dead_runs` notices when that is gone."""
    process = f"{place()}@{process_identity(os.getpid())}"
    if run.tags.get(COMMAND_TAG, "").partition("@")[2] != process:
        # A retried run inherits tags; the run id distinguishes its own tag from the earlier run's.
        instance.add_run_tags(run.run_id, {WORKER_TAG: f"{run.run_id[:8]}@{process}"})


def command_tag(command: str) -> dict[str, str]:
    """Return the tag of a run that this process executes itself for a command such as `sync`."""
    return {COMMAND_TAG: f"{command}@{place()}@{process_identity(os.getpid())}"}


def end_dead_runs(instance: dg.DagsterInstance, location: Location) -> list[str]:
    """Mark a location's runs as failed whose process on this machine, or in this container, is
    gone.

    Dagster may retry them.

    Returns:
        The ids of the marked runs.
    """
    in_flight = instance.get_runs(location.runs(statuses=list(IN_FLIGHT)))
    dead = [run for run in in_flight if _is_dead(run)]
    for run in dead:
        instance.report_run_failed(
            run, "The process that executed this run is gone: it was killed or crashed."
        )
    return [run.run_id for run in dead]


def _is_dead(run: dg.DagsterRun) -> bool:
    run_id, _, process = run.tags.get(WORKER_TAG, "").partition("@")
    if not (run_id and run.run_id.startswith(run_id)):
        if run.parent_run_id:  # the tags are inherited from the run that it retries
            return False
        process = run.tags.get(COMMAND_TAG, "").partition("@")[2]
    where, _, identity = process.rpartition("@")
    pid = identity.rpartition(":")[2]
    return where == place() and process_identity(int(pid)) != identity


def living_runs(instance: dg.DagsterInstance, location: Location) -> list[str]:
    """Return the ids of a location's runs that a process executes or is about to.

    Ends dead ones first.
    """
    end_dead_runs(instance, location)
    working = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    return [run.run_id for run in instance.get_runs(location.runs(statuses=working))]
