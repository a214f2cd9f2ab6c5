"""Dagster partitions of datasets, and grouping of scattered partitions into ranges. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg

from analytics_pipeline.datasets import DATASETS, PERIODS, Cadence, Dataset
from analytics_pipeline.settings import PARTITIONS_PER_RUN

GAP_TOLERANCE = 14
"""Ranges at most this many partitions apart are merged: launching a run takes seconds, a partition
without a file no time."""


def partitions_of(dataset: Dataset, start: date) -> dg.TimeWindowPartitionsDefinition | None:
    """Return the partitions of a daily or monthly dataset from `start` on; None for a snapshot.

    The last daily partition is the previous UTC day. The open month is a partition too, as it is
    continuously rewritten.
    """
    if dataset.cadence is Cadence.DAILY:
        return dg.DailyPartitionsDefinition(
            start_date=start.isoformat(),
            timezone="UTC",
            fmt=PERIODS[Cadence.DAILY].partition_format,
        )
    if dataset.cadence is Cadence.MONTHLY:
        fmt = PERIODS[Cadence.MONTHLY].partition_format
        return dg.MonthlyPartitionsDefinition(
            start_date=start.strftime(fmt), timezone="UTC", end_offset=1, fmt=fmt
        )
    return None


def partition_keys(cadence: Cadence, start: date, now: datetime) -> Sequence[str]:
    """Return the partitions of a cadence, which all its datasets share; empty for snapshots."""
    any_dataset = next(dataset for dataset in DATASETS.values() if dataset.cadence is cadence)
    definition = partitions_of(any_dataset, start)
    return definition.get_partition_keys(current_time=now) if definition else ()


@dataclass(frozen=True)
class Span:
    """A contiguous range of partitions, inclusive."""

    first: str
    last: str


def spans(
    wanted: Collection[str], every: Sequence[str], most: int = PARTITIONS_PER_RUN
) -> list[Span]:
    """Return as few ranges as possible that cover the wanted partitions, oldest first.

    Args:
        wanted: partition keys; keys that are not in `every` are skipped.
        every: all partition keys, in order.
        most: maximum number of partitions in a range.
    """
    place = {key: index for index, key in enumerate(every)}
    groups: list[list[int]] = []
    for index in sorted(place[key] for key in set(wanted) if key in place):
        if groups and index - groups[-1][-1] <= GAP_TOLERANCE + 1 and index - groups[-1][0] < most:
            groups[-1].append(index)
        else:
            groups.append([index])
    return [Span(every[group[0]], every[group[-1]]) for group in groups]
