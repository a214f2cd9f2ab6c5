"""Dagster's runs as plain values: which partitions a run is about, whether it is in flight, what it says of files.

Reading them from the instance belongs here too; what follows from them is decided in `load_requests.py` and `incidents.py`.
"""

import os
import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import dagster as dg
from dagster import RunRecord

from analytics_pipeline.datasets import DATASETS, Cadence, Dataset
from analytics_pipeline.storage.private_files import is_alive, process_identity

PROCESS_TAG = "analytics_pipeline/process"
"""host:pid of a run that a terminal executes itself, without a launcher that watches it."""
WORKER_TAG = "analytics_pipeline/worker"
"""run id@host@boot:start:pid of the process that executes a run, whoever launched it."""
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
WILL_RETRY = "dagster/will_retry"
ENTRIES_PER_TAG = 50
"""Versions in one tag, of about 40 bytes each."""
RUNS_READ = 1_000
"""The newest runs that decisions look at: a month of them, and a file that failed before is tried again after it."""


class RunState(StrEnum):
    """How far a run is."""

    IN_FLIGHT = "in flight"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True)
class KnownRun:
    """A run, as far as decisions need it.

    Attributes:
        assets: what it materializes, `raw.lab_sessions`; empty for a run of checks alone.
        first, last: its range of partitions, ends included; None if it has none.
        only: partitions that a dataset is narrowed to, by the dataset's name.
        asked: the version of each partition that it was asked to load, by the dataset's name; empty if a person or a
            schedule asked for a range.
        verdicts: the version of each partition whose file it could not load, by the dataset's name; a failed run without
            any died early. Runs before 2026-12 did not keep the version: it is empty.
        ended: when it ended (UTC); None while it is in flight.
        will_retry: whether Dagster repeats it by itself.
        failed: those of its assets whose step failed; empty where the run died and none could say so.
    """

    run_id: str
    job: str
    state: RunState
    assets: frozenset[str]
    first: str | None = None
    last: str | None = None
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    verdicts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ended: datetime | None = None
    will_retry: bool = False
    failed: frozenset[str] = frozenset()

    def covers(self, dataset: Dataset, partition: str) -> bool:
        """Whether it is about this partition."""
        only = self.only.get(dataset.name)
        within = self.first is None or self.last is None or self.first <= partition <= self.last
        return dataset.table in self.assets and within and (not only or partition in only)

    def refused(self, dataset: Dataset, partition: str) -> str:
        """Return the version of a partition that this run looked at and could not load; empty if there is none."""
        return self.verdicts.get(dataset.name, {}).get(partition, "")

    def died_with(self, dataset: Dataset, partition: str) -> str:
        """Return the version of a partition that this run was asked to load when it died; empty if there is none."""
        ended_early = self.state in (RunState.FAILED, RunState.CANCELED) and not self.verdicts.get(dataset.name)
        other_step_failed = self.failed and dataset.table not in self.failed
        died = ended_early and not other_step_failed
        return self.asked.get(dataset.name, {}).get(partition, "") if died else ""


def verdict_tags(dataset: Dataset, refused: Mapping[str, str], inherited: Iterable[str] = ()) -> dict[str, str]:
    """Return the tags in which a run keeps the versions that it could not load: `2026-11-01@3f2a...,2026-11-02@...`.

    Several short tags, as Postgres indexes tag values and takes at most 2,700 bytes.

    Args:
        dataset: whose files these are.
        refused: the version of each partition.
        inherited: the run's tags: a repeated run inherits them, and overwrites what the earlier one could not load.
    """
    first, tags = _verdict_tag(dataset), {}
    entries = [f"{partition}@{version}" for partition, version in refused.items()]
    for at in range(0, len(entries), ENTRIES_PER_TAG):
        tag = f"{first}/{at // ENTRIES_PER_TAG + 1}" if at else first
        tags[tag] = ",".join(entries[at : at + ENTRIES_PER_TAG])
    stale = {tag: "" for tag in inherited if tag == first or tag.startswith(f"{first}/")}
    return stale | tags


def _verdict_tag(dataset: Dataset) -> str:
    return f"analytics_pipeline/not_loaded/{dataset.name}"


def _verdicts(dataset: Dataset, tags: Mapping[str, str]) -> dict[str, str]:
    first, found = _verdict_tag(dataset), {}
    for tag, value in tags.items():
        if value and (tag == first or tag.startswith(f"{first}/")):
            for entry in value.split(","):
                partition, _, version = entry.partition("@")
                found[partition] = version
    return found


def failed_tag(dataset: Dataset) -> str:
    """The tag by which a run says whether its step of a dataset failed."""
    return f"analytics_pipeline/failed/{dataset.name}"


def job_name(cadence: Cadence) -> str:
    """The job that loads the datasets of a cadence."""
    return f"load_{cadence.value}"


def known_run(record: RunRecord) -> KnownRun:
    """A run record as a value."""
    run = record.dagster_run
    ops: Any = run.run_config.get("ops", {}) if isinstance(run.run_config, Mapping) else {}
    configs: dict[str, Any] = {name: ops.get(f"load_{name}", {}).get("config", {}) for name in DATASETS}
    verdicts = {name: _verdicts(dataset, run.tags) for name, dataset in DATASETS.items()}
    return KnownRun(
        run_id=run.run_id,
        job=run.job_name,
        state=_state(run.status),
        assets=_assets(run),
        first=run.tags.get(RANGE_START) or run.tags.get(PARTITION),
        last=run.tags.get(RANGE_END) or run.tags.get(PARTITION),
        only={name: frozenset(config["only"]) for name, config in configs.items() if config.get("only")},
        asked={name: dict(config["versions"]) for name, config in configs.items() if config.get("versions")},
        verdicts={name: versions for name, versions in verdicts.items() if versions},
        ended=_instant(record.end_time) or (record.update_timestamp.replace(tzinfo=UTC) if run.is_finished else None),
        will_retry=run.tags.get(WILL_RETRY) == "true",
        failed=frozenset(one.table for one in DATASETS.values() if run.tags.get(failed_tag(one)) == "true"),
    )


def known_runs(instance: dg.DagsterInstance, most: int = RUNS_READ) -> list[KnownRun]:
    """The newest runs, newest first, and all that are in flight."""
    unfinished = instance.get_run_records(dg.RunsFilter(statuses=list(_IN_FLIGHT)))
    newest = instance.get_run_records(limit=most)
    by_id = {record.dagster_run.run_id: record for record in [*newest, *unfinished]}
    return [known_run(record) for record in by_id.values()]


def record_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Keep with a run which process executes it, so that `end_dead_runs` can tell when that is gone."""
    # A repeated run inherits tags: the id tells its own process from that of the run before.
    process = f"{run.run_id}@{socket.gethostname()}@{process_identity(os.getpid())}"
    instance.add_run_tags(run.run_id, {WORKER_TAG: process})


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs failed that a process of this machine executed and that is gone; Dagster then repeats those it launched.

    Returns:
        The ids of the runs that were marked.
    """
    dead = [run for run in instance.get_runs(dg.RunsFilter(statuses=list(_IN_FLIGHT))) if _is_dead(run)]
    for run in dead:
        instance.report_run_failed(run, "The process that executed this run is gone: it was killed or crashed.")
    return [run.run_id for run in dead]


def _is_dead(run: dg.DagsterRun) -> bool:
    run_id, _, process = run.tags.get(WORKER_TAG, "").partition("@")
    if run_id == run.run_id:
        host, _, identity = process.rpartition("@")
        pid = identity.rpartition(":")[2]
        return host == socket.gethostname() and process_identity(int(pid)) != identity
    if run.parent_run_id:  # its tags are of the run that it repeats
        return False
    host, _, pid = run.tags.get(PROCESS_TAG, "").rpartition(":")
    return host == socket.gethostname() and not is_alive(int(pid))


def living_runs(instance: dg.DagsterInstance) -> list[str]:
    """Return the ids of the runs that a process executes now, or is about to; those of dead terminals are ended first."""
    end_dead_runs(instance)
    working = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=working))]


_IN_FLIGHT: Collection[dg.DagsterRunStatus] = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def _state(status: dg.DagsterRunStatus) -> RunState:
    ended = {
        dg.DagsterRunStatus.SUCCESS: RunState.SUCCEEDED,
        dg.DagsterRunStatus.FAILURE: RunState.FAILED,
        dg.DagsterRunStatus.CANCELED: RunState.CANCELED,
    }
    return ended.get(status, RunState.IN_FLIGHT)


def _assets(run: dg.DagsterRun) -> frozenset[str]:
    """What a run selects; a job that is launched without a selection means all of its assets."""
    if run.asset_selection is not None:
        return frozenset(".".join(key.path) for key in run.asset_selection)
    if run.asset_check_selection:
        return frozenset()
    cadences = {job_name(cadence): cadence for cadence in Cadence}
    cadence = cadences.get(run.job_name)
    return frozenset(one.table for one in DATASETS.values() if cadence in (None, one.cadence))


def _instant(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
