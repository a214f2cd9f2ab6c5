"""How datasets are partitioned in Dagster, and how scattered partitions become a few ranges. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg

from analytics_pipeline.datasets import PERIODS, Cadence, Dataset

MAX_PARTITIONS_PER_RUN = 366
"""A run of a year: few runs for a long history, and one that fails repeats no more than that."""
GAP_TOLERANCE = 14
"""Ranges this few partitions apart become one: a run takes seconds to launch, a partition without a file nothing."""


def partitions_of(dataset: Dataset, start: date) -> dg.TimeWindowPartitionsDefinition | None:
    """Daily and monthly datasets are partitioned from `start`; snapshots are not.

    The last daily partition is the previous UTC day. The open month is a partition too, as it is rewritten all along.
    """
    if dataset.cadence is Cadence.DAILY:
        return dg.DailyPartitionsDefinition(
            start_date=start.isoformat(), timezone="UTC", fmt=PERIODS[Cadence.DAILY].partition_format
        )
    if dataset.cadence is Cadence.MONTHLY:
        fmt = PERIODS[Cadence.MONTHLY].partition_format
        return dg.MonthlyPartitionsDefinition(start_date=start.strftime(fmt), timezone="UTC", end_offset=1, fmt=fmt)
    return None


@dataclass(frozen=True)
class Span:
    """A contiguous range of partitions, ends included, of which `wanted` are to be loaded."""

    first: str
    last: str
    wanted: tuple[str, ...]


def spans(
    wanted: Collection[str],
    every: Sequence[str],
    *,
    most: int = MAX_PARTITIONS_PER_RUN,
    gap: int = GAP_TOLERANCE,
) -> list[Span]:
    """As few ranges as cover the wanted partitions, oldest first.

    Args:
        wanted: partition keys; those that are not in `every` are left out.
        every: all partition keys, in order.
        most: partitions in a range.
        gap: unwanted partitions that a range may run over.
    """
    place = {key: at for at, key in enumerate(every)}
    groups: list[list[int]] = []
    for at in sorted(place[key] for key in set(wanted) if key in place):
        if groups and at - groups[-1][-1] <= gap + 1 and at - groups[-1][0] < most:
            groups[-1].append(at)
        else:
            groups.append([at])
    return [Span(every[group[0]], every[group[-1]], tuple(every[at] for at in group)) for group in groups]


def partition_keys(definition: dg.PartitionsDefinition, now: datetime | None = None) -> Sequence[str]:
    """Every partition key up to now."""
    return definition.get_partition_keys(current_time=now)
