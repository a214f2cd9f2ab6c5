"""Dagster's runs as plain values: partitions, state, and the versions that could not be loaded.

Also reads and tags them in the instance. `load_states.py` and `incidents.py` draw conclusions
from them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import dagster as dg
from dagster import RunRecord

from analytics_pipeline.datasets import DATASETS, Cadence, Dataset
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.runs.processes import IN_FLIGHT

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
BACKFILL = "dagster/backfill"
WILL_RETRY = "dagster/will_retry"
ENTRIES_PER_TAG = 50
"""Number of versions per tag, of about 40 bytes each."""
UNCOUNTED = "~"
"""Ends a version in a tag whose failure does not count as an attempt at it."""
RUNS_READ = 1_000
"""Number of newest runs that decisions consider: about a month. A file that failed earlier is
retried after that."""


_ENDS = (
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
)


class RunState(StrEnum):
    """State of a run."""

    IN_FLIGHT = "in flight"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True)
class KnownRun:
    """A run, with the facts that decisions need.

    Attributes:
        assets: assets it materializes, such as `raw.lab_sessions`; empty for a run of checks only.
        first, last: its range of partitions, inclusive; None if it has none.
        only: partitions that a dataset is limited to, by dataset.
        asked: the version of each partition that it was asked to load, by dataset; empty if a
            person or a schedule asked for a range.
        verdicts: the version of each partition whose file it could not load, by dataset; a failed
            run without any died early. Runs before 2026-12 did not store the version, so it is
            empty.
        uncounted: those of these partitions whose failure does not count as an attempt at the
            version, by dataset.
        ended: when it ended (UTC); None while it is in flight.
        will_retry: whether Dagster retries it.
        failed: its assets whose step failed; empty if the run died and could not record them.
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
    uncounted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ended: datetime | None = None
    will_retry: bool = False
    failed: frozenset[str] = frozenset()

    def covers(self, dataset: Dataset, partition: str) -> bool:
        """Return whether it includes this partition."""
        only = self.only.get(dataset.name)
        within = self.first is None or self.last is None or self.first <= partition <= self.last
        return dataset.table in self.assets and within and (not only or partition in only)

    def refused(self, dataset: Dataset, partition: str) -> str:
        """Return the version of a partition that this run could not load; else empty."""
        return self.verdicts.get(dataset.name, {}).get(partition, "")

    def counts(self, dataset: Dataset, partition: str) -> bool:
        """Return whether this run's failure of a partition counts as an attempt."""
        return partition not in self.uncounted.get(dataset.name, ())

    def loaded(self, dataset: Dataset, partition: str) -> bool:
        """Return whether the run requested this partition by name and loaded it."""
        asked, refused = self.asked.get(dataset.name, {}), self.verdicts.get(dataset.name, {})
        has_result = self.state is RunState.SUCCEEDED or bool(refused)
        return has_result and partition in asked and partition not in refused

    def died_with(self, dataset: Dataset, partition: str) -> str:
        """Return the version that this run was to load when it died; empty if there is none."""
        ended_early = self.state in (RunState.FAILED, RunState.CANCELED) and not self.verdicts.get(
            dataset.name
        )
        other_step_failed = self.failed and dataset.table not in self.failed
        died = ended_early and not other_step_failed
        return self.asked.get(dataset.name, {}).get(partition, "") if died else ""


def verdict_tags(
    dataset: Dataset,
    refused: Mapping[str, str],
    inherited: Iterable[str] = (),
    uncounted: Collection[str] = (),
) -> dict[str, str]:
    """Return tags with the versions that a run could not load: `2026-11-01@3f2a...,...@...~`.

    Uses several short tags, as Postgres indexes tag values of at most 2,700 bytes.

    Args:
        dataset: dataset of the files.
        refused: the version of each partition.
        inherited: the run's tags. A retried run inherits the tags of the earlier one, and must
            clear them.
        uncounted: partitions whose failure does not count as an attempt at the version.
    """
    first, tags = _verdict_tag(dataset), {}
    entries = [
        f"{partition}@{version}{UNCOUNTED if partition in uncounted else ''}"
        for partition, version in refused.items()
    ]
    for at in range(0, len(entries), ENTRIES_PER_TAG):
        tag = f"{first}/{at // ENTRIES_PER_TAG + 1}" if at else first
        tags[tag] = ",".join(entries[at : at + ENTRIES_PER_TAG])
    stale = {tag: "" for tag in inherited if tag == first or tag.startswith(f"{first}/")}
    return stale | tags


def _verdict_tag(dataset: Dataset) -> str:
    return f"analytics_pipeline/not_loaded/{dataset.name}"


def _verdicts(dataset: Dataset, tags: Mapping[str, str]) -> dict[str, str]:
    return {
        partition: version.removesuffix(UNCOUNTED) for partition, version in _entries(dataset, tags)
    }


def _uncounted(dataset: Dataset, tags: Mapping[str, str]) -> frozenset[str]:
    return frozenset(
        partition for partition, version in _entries(dataset, tags) if version.endswith(UNCOUNTED)
    )


def _entries(dataset: Dataset, tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each partition in the tags with its version as written there."""
    first = _verdict_tag(dataset)
    for tag, value in tags.items():
        if value and (tag == first or tag.startswith(f"{first}/")):
            for entry in value.split(","):
                partition, _, version = entry.partition("@")
                yield partition, version


def failed_tag(dataset: Dataset) -> str:
    """Return the tag that records whether a run's step of a dataset failed."""
    return f"analytics_pipeline/failed/{dataset.name}"


def job_name(cadence: Cadence) -> str:
    """Return the job that loads the datasets of a cadence."""
    return f"load_{cadence.value}"


def known_run(record: RunRecord, location: Location) -> KnownRun:
    """Convert a run record of a location."""
    run = record.dagster_run
    ops: Any = run.run_config.get("ops", {}) if isinstance(run.run_config, Mapping) else {}
    configs: dict[str, Any] = {
        name: ops.get(f"load_{name}", {}).get("config", {}) for name in DATASETS
    }
    verdicts = {name: _verdicts(dataset, run.tags) for name, dataset in DATASETS.items()}
    uncounted = {name: _uncounted(dataset, run.tags) for name, dataset in DATASETS.items()}
    return KnownRun(
        run_id=run.run_id,
        job=run.job_name,
        state=_state(run.status),
        assets=_assets(run, location),
        first=run.tags.get(RANGE_START) or run.tags.get(PARTITION),
        last=run.tags.get(RANGE_END) or run.tags.get(PARTITION),
        only={
            name: frozenset(config["only"])
            for name, config in configs.items()
            if config.get("only")
        },
        asked={
            name: dict(config["versions"])
            for name, config in configs.items()
            if config.get("versions")
        },
        verdicts={name: versions for name, versions in verdicts.items() if versions},
        uncounted={name: partitions for name, partitions in uncounted.items() if partitions},
        ended=_instant(record.end_time)
        or (record.update_timestamp.replace(tzinfo=UTC) if run.is_finished else None),
        will_retry=run.tags.get(WILL_RETRY) == "true",
        failed=frozenset(
            dataset.table
            for dataset in DATASETS.values()
            if run.tags.get(failed_tag(dataset)) == "true"
        ),
    )


def known_runs(
    instance: dg.DagsterInstance, location: Location, most: int | None = RUNS_READ
) -> list[KnownRun]:
    """Return a location's newest runs and all in flight, newest first; all if `most` is None."""
    unfinished = instance.get_run_records(location.runs(statuses=list(IN_FLIGHT)))
    newest = instance.get_run_records(location.runs(), limit=most)
    by_id = {record.dagster_run.run_id: record for record in [*newest, *unfinished]}
    return [known_run(record, location) for record in by_id.values()]


def last_ended_first(
    instance: dg.DagsterInstance, runs: Sequence[KnownRun], most: int
) -> list[KnownRun]:
    """Sort runs by the order in which Dagster recorded their ends, as a clock may have been wrong.

    Runs whose end is not among the newest ends come last and keep their order.

    Args:
        most: how many of the newest ends of each kind to read.
    """
    read = [instance.fetch_run_status_changes(kind, limit=most).records for kind in _ENDS]
    # Before the oldest end that was read of a kind that has more, only other kinds are known.
    first = max((records[-1].storage_id for records in read if len(records) == most), default=0)
    ends = {
        record.run_id: record.storage_id
        for records in read
        for record in records
        if record.storage_id >= first
    }
    return sorted(runs, key=lambda run: ends.get(run.run_id, 0), reverse=True)


def _state(status: dg.DagsterRunStatus) -> RunState:
    ended = {
        dg.DagsterRunStatus.SUCCESS: RunState.SUCCEEDED,
        dg.DagsterRunStatus.FAILURE: RunState.FAILED,
        dg.DagsterRunStatus.CANCELED: RunState.CANCELED,
    }
    return ended.get(status, RunState.IN_FLIGHT)


def _assets(run: dg.DagsterRun, location: Location) -> frozenset[str]:
    """Return the assets that a run selects; without a selection, all of its job."""
    if run.asset_selection is not None:
        return frozenset(map(location.table, run.asset_selection))
    if run.asset_check_selection:
        return frozenset()
    cadences = {job_name(cadence): cadence for cadence in Cadence}
    cadence = cadences.get(run.job_name)
    return frozenset(
        dataset.table for dataset in DATASETS.values() if cadence in (None, dataset.cadence)
    )


def _instant(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
