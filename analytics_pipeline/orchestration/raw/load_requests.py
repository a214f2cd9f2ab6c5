"""What to request: pure functions of the plan, the runs and the clock. No instance, no listing, no clock of its own.

What is new or changed is decided in `ingest/plan.py`; how scattered partitions become ranges in `partitions.py`.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from analytics_pipeline.datasets import DATASETS, Cadence
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.orchestration.raw.partitions import partition_keys, partitions_of, spans
from analytics_pipeline.orchestration.runs.run_records import (
    RANGE_END,
    RANGE_START,
    KnownRun,
    RunState,
    job_name,
)

MAX_REQUESTS = 10
"""Runs that one tick asks for; the next tick asks for more."""


@dataclass(frozen=True)
class RetryPolicy:
    """How patiently a file is tried again: 15 minutes, 1 h, 4 h, 16 h, a day."""

    first_pause: timedelta = timedelta(minutes=15)
    factor: int = 4
    longest_pause: timedelta = timedelta(days=1)
    attempts: int = 5

    def pause(self, tried: int) -> timedelta:
        """How long to wait after so many attempts."""
        return min(self.first_pause * self.factor ** min(tried - 1, 10), self.longest_pause)


RETRY_POLICY = RetryPolicy()


class LoadState(StrEnum):
    """What is to be done with a delivered version that is not loaded."""

    DUE = "due"
    IN_FLIGHT = "in flight"
    WAITING = "waiting for its next attempt"
    GIVEN_UP = "given up"
    OUTSIDE = "outside of all partitions"


def load_state(
    delivery: Delivery, runs: Sequence[KnownRun], now: datetime, retry_policy: RetryPolicy = RETRY_POLICY
) -> LoadState:
    """Where a version stands that is not loaded.

    A run was an attempt at this version if it could not load it, or died of something else after it was asked for it.
    Only the first counts against the cap: runs that died, say of a full disk, are repeated every day until that is gone.
    No time decides which version a run tried: S3 tells whole seconds, and clocks differ.

    Args:
        delivery: the version.
        runs: those that are about it.
        now: UTC.
        retry_policy: how patiently to try.
    """
    if any(run.state is RunState.IN_FLIGHT for run in runs):
        return LoadState.IN_FLIGHT
    dataset, partition, version = delivery.dataset, delivery.partition.key, delivery.fingerprint
    refused = [run for run in runs if run.refused(dataset, partition) == version]
    if len(refused) >= retry_policy.attempts:
        return LoadState.GIVEN_UP
    died = [run for run in runs if run.died_with(dataset, partition) == version]
    ends = [run.ended for run in (*refused, *died) if run.ended]
    if ends and now < max(ends) + retry_policy.pause(len(ends)):
        return LoadState.WAITING
    return LoadState.DUE


def load_states(
    work: Sequence[Delivery],
    runs: Sequence[KnownRun],
    start: date,
    now: datetime,
    retry_policy: RetryPolicy = RETRY_POLICY,
) -> dict[LoadState, list[Delivery]]:
    """All versions that are not loaded, by where they stand.

    Args:
        start: first day of the partitions.
    """
    every = {cadence: set(_partitions(cadence, start, now)) for cadence in Cadence}
    about = covering(work, runs)
    found: dict[LoadState, list[Delivery]] = defaultdict(list)
    for one in work:
        inside = one.dataset.period is None or one.partition.key in every[one.dataset.cadence]
        where = (
            load_state(one, about[one.dataset.name, one.partition.key], now, retry_policy)
            if inside
            else LoadState.OUTSIDE
        )
        found[where].append(one)
    return found


def outside(work: Sequence[Delivery], start: date, now: datetime) -> frozenset[str]:
    """Keys of the files of no partition: of a day before the first, or of one that is not over."""
    return frozenset(one.key for one in load_states(work, (), start, now)[LoadState.OUTSIDE])


def withdrawn_failures(unchanged: Sequence[Delivery], runs: Sequence[KnownRun]) -> list[Delivery]:
    """Return deliveries that are loaded as they are, and of whose partition the last verdict is that it could not be loaded.

    The version that failed was taken back, or replayed by hand. A run is due that says so: it turns check, partition and asset
    green, and ends the alert.

    Args:
        unchanged: what is delivered in the version that is loaded.
        runs: newest first.
    """
    refused = {(name, partition) for run in runs for name, versions in run.verdicts.items() for partition in versions}
    suspects = [delivery for delivery in unchanged if (delivery.dataset.name, delivery.partition.key) in refused]
    about = covering(suspects, runs)
    return [one for one in suspects if _is_refused(one, about[one.dataset.name, one.partition.key])]


def _is_refused(delivery: Delivery, about: Sequence[KnownRun]) -> bool:
    """Whether the newest run that says anything of a partition could not load it."""
    for run in about:
        if delivery.partition.key in run.verdicts.get(delivery.dataset.name, ()):
            return True
        if run.state in (RunState.SUCCEEDED, RunState.IN_FLIGHT):
            return False
    return False


def covering(work: Sequence[Delivery], runs: Sequence[KnownRun]) -> dict[tuple[str, str], list[KnownRun]]:
    """The runs that are about each delivery; found by range, as there may be 10,000 of the one and 1,000 of the other."""
    keys: dict[str, list[str]] = defaultdict(list)
    for one in work:
        keys[one.dataset.name].append(one.partition.key)
    about: dict[tuple[str, str], list[KnownRun]] = defaultdict(list)
    for name, unsorted in keys.items():
        ordered = sorted(unsorted)
        for run in runs:
            first = bisect_left(ordered, run.first) if run.first else 0
            last = bisect_right(ordered, run.last) if run.last else len(ordered)
            for partition in ordered[first:last]:
                if run.covers(DATASETS[name], partition):
                    about[name, partition].append(run)
    return about


@dataclass(frozen=True)
class LoadRequest:
    """One run: datasets of one cadence and, if they are partitioned, a range of which some partitions are wanted.

    Attributes:
        asked: the wanted partitions with the version of each, by dataset.
    """

    cadence: Cadence
    first: str | None
    last: str | None
    asked: Mapping[str, Mapping[str, str]]

    @property
    def only(self) -> dict[str, tuple[str, ...]]:
        """The wanted partitions, by dataset."""
        return {name: tuple(versions) for name, versions in self.asked.items()}

    @property
    def job(self) -> str:
        """The job that runs it."""
        return job_name(self.cadence)

    @property
    def identity(self) -> str:
        """What is asked for, whichever attempt it is."""
        span = f"{self.first}..{self.last}" if self.first else "all"
        everything = [version for versions in self.asked.values() for version in versions.values()]
        digest = hashlib.sha256(repr(sorted(everything)).encode()).hexdigest()[:16]
        return f"{'+'.join(self.asked)}:{span}:{digest}"

    @property
    def tags(self) -> dict[str, str]:
        """What makes Dagster run the range."""
        return {RANGE_START: self.first, RANGE_END: self.last} if self.first and self.last else {}

    def run_config(self, *, full: bool = False) -> dict[str, Any]:
        """What each step is to look at; `full` loads again what is loaded already."""
        configs = {
            name: {"only": list(versions), "versions": dict(versions), "full": full}
            for name, versions in self.asked.items()
        }
        return {"ops": {f"load_{name}": {"config": config} for name, config in configs.items()}}

    def run_key(self, attempt: int) -> str:
        """Dagster never repeats a key, so the attempt is part of it."""
        return f"{self.identity}:try{attempt}"


def load_requests(due: Sequence[Delivery], start: date, now: datetime, most: int = MAX_REQUESTS) -> list[LoadRequest]:
    """As few runs as load the deliveries, snapshots first, then the newest ranges.

    Args:
        due: what is to be loaded; what lies outside of all partitions is left out.
        start: first day of the partitions.
        now: UTC.
        most: how many at once.
    """
    found: list[LoadRequest] = []
    for cadence in Cadence:
        ours = [one for one in due if one.dataset.cadence is cadence]
        every = _partitions(cadence, start, now)
        if ours and cadence is Cadence.SNAPSHOT:
            found.append(_request(cadence, None, None, ours))
        for span in spans({one.partition.key for one in ours}, every):
            inside = [one for one in ours if span.first <= one.partition.key <= span.last]
            found.append(_request(cadence, span.first, span.last, inside))
    return sorted(found, key=lambda one: (one.last is None, one.last or ""), reverse=True)[:most]


def _request(cadence: Cadence, first: str | None, last: str | None, wanted: Sequence[Delivery]) -> LoadRequest:
    asked: dict[str, dict[str, str]] = defaultdict(dict)
    for one in sorted(wanted, key=lambda one: (one.dataset.name, one.partition.key)):
        asked[one.dataset.name][one.partition.key] = one.fingerprint
    return LoadRequest(cadence, first, last, dict(asked))


def _partitions(cadence: Cadence, start: date, now: datetime) -> Sequence[str]:
    """The partitions of a cadence, which all its datasets share; none for snapshots."""
    one = next(dataset for dataset in DATASETS.values() if dataset.cadence is cadence)
    definition = partitions_of(one, start)
    return partition_keys(definition, now) if definition else ()
