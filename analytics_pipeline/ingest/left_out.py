"""Delivered files that are recognised but not loaded, with reason and remedy. Pure.

`plan.py` finds them in a listing. `warehouse/left_out_check.py` turns them into a check.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from analytics_pipeline.datasets import Cadence
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.words import named

NAMED = 20
"""Maximum number of files that a line names."""


@dataclass(frozen=True)
class LoadedRange:
    """The days and months that are loaded: from the first day on, if they are over.

    The open month is loaded, too, as Vocareum rewrites its files continuously.

    Attributes:
        first: the first day.
        is_set: whether VOCAREUM_START_DATE sets it. Otherwise it follows from the delivered files.
        today: UTC day.
    """

    first: date
    is_set: bool
    today: date


@dataclass(frozen=True)
class LeftOut:
    """A delivered file that is not loaded.

    Attributes:
        dataset: name of the dataset.
        partition: its day or month.
        source_key: its key.
        reason: why it is not loaded; not a full sentence.
        remedy: what a person should do.
        warns: whether data may be missing. If not, a setting leaves the file out, another file has
            the same bytes, or the file loads soon.
    """

    dataset: str
    partition: str
    source_key: str
    reason: str
    remedy: str
    warns: bool


def out_of_range(delivery: Delivery, within: LoadedRange) -> LeftOut | None:
    """Return why a file is outside the partitions; None if it is inside."""
    start, first = delivery.partition.start, within.first
    if start is None:
        return None
    is_monthly = delivery.dataset.cadence is Cadence.MONTHLY
    period, ready = ("month", "has begun") if is_monthly else ("day", "is over")
    if start < (first.replace(day=1) if is_monthly else first):
        if within.is_set:
            reason = f"before the first day, {first}, which VOCAREUM_START_DATE sets"
            remedy, warns = "To load it, set VOCAREUM_START_DATE to an earlier day.", False
        else:
            reason = f"the {period} in its name is before the first day, {first}"
            warns = True
            remedy = (
                "Ask Vocareum to deliver it under the correct name. If the name is correct, set"
                " VOCAREUM_START_DATE to an earlier day."
            )
    elif start > within.today:
        reason = f"the {period} in its name has not begun"
        warns = True
        remedy = (
            "Ask Vocareum to deliver it under the correct name. If the name is correct, it loads"
            f" once the {period} {ready}."
        )
    elif start == within.today and not is_monthly:
        reason, remedy, warns = "its day is not over", "It loads once the day is over.", False
    else:
        return None
    return _left_out(delivery, f"outside the partitions: {reason}", remedy, warns)


def superseded(older: Delivery, newest: Delivery) -> LeftOut:
    """Return why a file is not loaded if its partition has a newer file with another spelling."""
    period = "month" if older.dataset.cadence is Cadence.MONTHLY else "day"
    if (older.etag, older.size) == (newest.etag, newest.size):
        reason = f"a newer file of the same {period} has the same bytes"
        return _left_out(older, reason, "Nothing needs to be done.", False)
    reason = f"a newer file of the same {period} has other bytes: {newest.key}"
    remedy = (
        "The pipeline assumes that the newer one is right. Compare the two, and ask Vocareum to"
        " remove the wrong one."
    )
    return _left_out(older, reason, remedy, True)


def _left_out(delivery: Delivery, reason: str, remedy: str, warns: bool) -> LeftOut:
    return LeftOut(*delivery.place, delivery.key, reason, remedy, warns)


def lines(files: Iterable[LeftOut]) -> list[tuple[str, str]]:
    """Return a sentence and a remedy for each reason, warnings first."""
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file in sorted(files, key=lambda file: (not file.warns, file.source_key)):
        keys[file.reason, file.remedy].append(file.source_key)
    return [
        (f"{named(found, NAMED)}: not loaded, {reason}.", remedy)
        for (reason, remedy), found in keys.items()
    ]
