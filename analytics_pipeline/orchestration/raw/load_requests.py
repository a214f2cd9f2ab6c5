"""Turn deliveries that are due into as few runs as possible. Pure.

`load_states.py` decides what is due. `partitions.py` groups scattered partitions into ranges.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from analytics_pipeline.datasets import PERIODS, Cadence
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.orchestration.raw.partitions import partition_keys, spans
from analytics_pipeline.orchestration.runs.run_records import RANGE_END, RANGE_START, job_name
from analytics_pipeline.settings import PARTITIONS_PER_RUN

MAX_REQUESTS = 10
"""Maximum number of runs that one tick requests; the next tick requests more."""


@dataclass(frozen=True)
class LoadRequest:
    """One run to request: datasets of one cadence and, if partitioned, a range.

    Attributes:
        asked: the requested partitions with the version of each, by dataset.
    """

    cadence: Cadence
    first: str | None
    last: str | None
    asked: Mapping[str, Mapping[str, str]]

    @property
    def only(self) -> dict[str, tuple[str, ...]]:
        """Return the requested partitions, by dataset."""
        return {name: tuple(versions) for name, versions in self.asked.items()}

    @property
    def job(self) -> str:
        """Return the job that runs it."""
        return job_name(self.cadence)

    @property
    def identity(self) -> str:
        """Return an id of the request, the same for every attempt."""
        span = f"{self.first}..{self.last}" if self.first else "all"
        everything = [version for versions in self.asked.values() for version in versions.values()]
        digest = hashlib.sha256(repr(sorted(everything)).encode()).hexdigest()[:16]
        return f"{'+'.join(self.asked)}:{span}:{digest}"

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags that make Dagster run the range."""
        return {RANGE_START: self.first, RANGE_END: self.last} if self.first and self.last else {}

    def run_config(self, *, full: bool = False) -> dict[str, Any]:
        """Return the config of each step; `full` also reloads unchanged files."""
        configs = {
            name: {"only": list(versions), "versions": dict(versions), "full": full}
            for name, versions in self.asked.items()
        }
        return {"ops": {f"load_{name}": {"config": config} for name, config in configs.items()}}

    def run_key(self, attempt: int) -> str:
        """Return a run key. Dagster never repeats a key, so the attempt is part of it."""
        return f"{self.identity}:try{attempt}"


def load_requests(
    due: Sequence[Delivery],
    start: date,
    now: datetime,
    most: int = MAX_REQUESTS,
    per_run: int = PARTITIONS_PER_RUN,
) -> list[LoadRequest]:
    """Return as few runs as possible to load the deliveries: snapshots, then newest ranges.

    Args:
        due: deliveries to load; those outside of all partitions are skipped.
        start: first day of the partitions.
        now: UTC.
        most: maximum number of runs.
        per_run: maximum number of partitions of a run.
    """
    requests: list[LoadRequest] = []
    for cadence in Cadence:
        deliveries = [delivery for delivery in due if delivery.dataset.cadence is cadence]
        partitions = partition_keys(cadence, start, now)
        if deliveries and cadence not in PERIODS:
            requests.append(_request(cadence, None, None, deliveries))
        wanted = {delivery.partition.key for delivery in deliveries}
        for span in spans(wanted, partitions, per_run):
            inside = [
                delivery
                for delivery in deliveries
                if span.first <= delivery.partition.key <= span.last
            ]
            requests.append(_request(cadence, span.first, span.last, inside))
    return sorted(
        requests, key=lambda request: (request.last is None, request.last or ""), reverse=True
    )[:most]


def _request(
    cadence: Cadence, first: str | None, last: str | None, requested: Sequence[Delivery]
) -> LoadRequest:
    asked: dict[str, dict[str, str]] = defaultdict(dict)
    for delivery in sorted(requested, key=lambda found: found.place):
        asked[delivery.dataset.name][delivery.partition.key] = delivery.fingerprint
    return LoadRequest(cadence, first, last, dict(asked))
