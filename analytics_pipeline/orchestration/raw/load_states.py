"""Decide which deliveries need a run: pure functions of the plan, the runs and the clock.

`ingest/plan.py` decides what is new or changed. `load_requests.py` turns what is due into runs.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum

from analytics_pipeline.datasets import DATASETS, Cadence, Partition
from analytics_pipeline.ingest.delivery import Delivery, Place
from analytics_pipeline.orchestration.raw.partitions import partition_keys
from analytics_pipeline.orchestration.raw.retry_policy import RETRY_POLICY, RetryPolicy
from analytics_pipeline.orchestration.runs.run_records import KnownRun, RunState

_NEVER = datetime.min.replace(tzinfo=UTC)


class LoadState(StrEnum):
    """State of a delivered version that is not loaded."""

    DUE = "due"
    IN_FLIGHT = "in flight"
    WAITING = "waiting for the next retry"
    GIVEN_UP = "given up"
    OUTSIDE = "outside of all partitions"


def load_state(
    delivery: Delivery,
    runs: Sequence[KnownRun],
    now: datetime,
    retry_policy: RetryPolicy = RETRY_POLICY,
) -> LoadState:
    """Return the state of a version that is not loaded.

    A run was an attempt at this version if it could not load it, or if it died of something else
    after it was asked for it. Only the former counts against the maximum, unless the transfer
    failed or the version is held (`FileRefused.counts`). What does not count, such as a run that
    died of a full disk, is retried every day until the cause is gone. Timestamps don't decide which
    version a run attempted: S3's have whole seconds, and clocks differ.

    Args:
        delivery: the version.
        runs: the runs that cover it.
        now: UTC.
        retry_policy: pauses and maximum number of attempts.
    """
    if any(run.state is RunState.IN_FLIGHT for run in runs):
        return LoadState.IN_FLIGHT
    dataset, partition, version = delivery.dataset, delivery.partition.key, delivery.fingerprint
    refused = [run for run in runs if run.refused(dataset, partition) == version]
    if sum(run.counts(dataset, partition) for run in refused) >= retry_policy.attempts:
        return LoadState.GIVEN_UP
    died = [run for run in runs if run.died_with(dataset, partition) == version]
    ends = [run.ended for run in (*refused, *died) if run.ended]
    # If an end is dated further ahead, a clock was wrong: nothing waits for that date.
    if any(abs(now - end) < retry_policy.pause(len(ends)) for end in ends):
        return LoadState.WAITING
    return LoadState.DUE


def load_states(
    work: Sequence[Delivery],
    runs: Sequence[KnownRun],
    start: date,
    now: datetime,
    retry_policy: RetryPolicy = RETRY_POLICY,
) -> dict[LoadState, list[Delivery]]:
    """Group versions that are not loaded by their state.

    Args:
        start: first day of the partitions.
    """
    partitions = {cadence: set(partition_keys(cadence, start, now)) for cadence in Cadence}
    runs_of = covering(work, runs)
    by_state: dict[LoadState, list[Delivery]] = defaultdict(list)
    for delivery in work:
        inside = (
            delivery.dataset.period is None
            or delivery.partition.key in partitions[delivery.dataset.cadence]
        )
        state = LoadState.OUTSIDE
        if inside:
            state = load_state(delivery, runs_of[delivery.place], now, retry_policy)
        by_state[state].append(delivery)
    return by_state


def withdrawn_failures(unchanged: Sequence[Delivery], runs: Sequence[KnownRun]) -> list[Delivery]:
    """Return loaded deliveries whose partition's last run still says that they failed.

    The failed version was withdrawn, or replayed by hand. A new run makes check, partition and
    asset green, and resolves the alert.

    Args:
        unchanged: deliveries whose version is loaded.
        runs: newest first.
    """
    refused = _refused_places(runs)
    return _still_refused([found for found in unchanged if found.place in refused], runs)


def undelivered_failures(delivered: Sequence[Delivery], runs: Sequence[KnownRun]) -> list[Delivery]:
    """Return partitions whose last run failed for a file that is no longer delivered.

    A new run finds no file, which removes the failure and resolves the alert. Without it the
    failure would stay until the dataset's next delivery.

    Args:
        delivered: every recognised delivery of the whole bucket.
        runs: newest first.

    Returns:
        deliveries without a key, as nothing is left to fetch.
    """
    present = {found.place for found in delivered}
    return _still_refused(
        [
            Delivery(DATASETS[name], Partition(partition, None), "", "", 0, _NEVER)
            for name, partition in sorted(_refused_places(runs) - present)
        ],
        runs,
    )


def _refused_places(runs: Sequence[KnownRun]) -> set[Place]:
    """Return the place of each file that one of the runs could not load."""
    return {
        (name, partition)
        for run in runs
        for name, versions in run.verdicts.items()
        for partition in versions
    }


def _still_refused(suspects: Sequence[Delivery], runs: Sequence[KnownRun]) -> list[Delivery]:
    runs_of = covering(suspects, runs)
    return [delivery for delivery in suspects if _is_refused(delivery, runs_of[delivery.place])]


def _is_refused(delivery: Delivery, runs: Sequence[KnownRun]) -> bool:
    """Return whether the newest run with a result for a partition could not load it."""
    for run in runs:
        if delivery.partition.key in run.verdicts.get(delivery.dataset.name, ()):
            return True
        if run.state in (RunState.SUCCEEDED, RunState.IN_FLIGHT):
            return False
    return False


def covering(work: Sequence[Delivery], runs: Sequence[KnownRun]) -> dict[Place, list[KnownRun]]:
    """Return the runs that cover each delivery; fast for 10,000 deliveries and 1,000 runs."""
    keys: dict[str, list[str]] = defaultdict(list)
    for delivery in work:
        keys[delivery.dataset.name].append(delivery.partition.key)
    runs_of: dict[Place, list[KnownRun]] = defaultdict(list)
    for name, unsorted in keys.items():
        ordered = sorted(unsorted)
        for run in runs:
            first = bisect_left(ordered, run.first) if run.first else 0
            last = bisect_right(ordered, run.last) if run.last else len(ordered)
            for partition in ordered[first:last]:
                if run.covers(DATASETS[name], partition):
                    runs_of[name, partition].append(run)
    return runs_of
