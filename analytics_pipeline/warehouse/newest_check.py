"""The check `newest_is_loaded`: whether the newest file of each dataset is due by now.

It depends on the clock, so a recorded verdict ages: `sync` and `status` evaluate it again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from analytics_pipeline.datasets import DATASETS, Cadence, Dataset
from analytics_pipeline.warehouse.checks import Check, Kind, Severity, with_times
from analytics_pipeline.warehouse.lateness import Age, Lateness, is_periodic, lateness, silence

NEWEST = "newest_is_loaded"
"""Name of the check that reports late datasets."""
STALLED = timedelta(days=3)
"""Lateness that a quiet day no longer explains."""
RETIRED = timedelta(days=60)
"""Lateness after which a dataset counts as no longer delivered.

It ends an alarm, for datasets of any cadence, unless all daily ones have stopped. The marts wait
only a week for a provider's files (staging.cost_providers). After that they show the other
provider's days as complete, while this check still fails.
"""


def newest_check(dataset: Dataset, late: Lateness | None, silent: str | None) -> Check:
    """Return the verdict on a dataset, and the remedy.

    One dataset may end while others go on; if all daily ones have stopped, none passes.

    Args:
        dataset: the dataset.
        late: how late it is; None if it was never delivered.
        silent: a message if all daily datasets have stopped.
    """
    if late is None:
        return _check(dataset, True, Severity.WARN, "Never delivered, which is not a failure.")
    retired = late.delay > RETIRED
    feed_ended = silent if retired and dataset.cadence is Cadence.DAILY else None
    text = f"The newest is {late.newest}."
    if feed_ended:
        text += f" {feed_ended}"
    elif retired:
        text += f" Nothing arrived for {late.delay.days} days: it counts as no longer delivered."
    elif late.delay:
        text += (
            f" {late.expected} should be loaded by now: Vocareum has not delivered it, or it failed"
            " (see `schema`)."
        )
    stalled = feed_ended or (late.delay > STALLED and not retired)
    severity = Severity.ERROR if stalled else Severity.WARN
    return _check(dataset, not feed_ended and (retired or not late.delay), severity, text)


def _check(dataset: Dataset, passed: bool, severity: Severity, text: str) -> Check:
    remedy = "If it does not arrive, check the bucket, then ask Vocareum's support."
    return Check(
        name=NEWEST,
        subject=dataset.table,
        kind=Kind.LOAD,
        severity=severity,
        passed=passed,
        violations=None,
        text=text,
        remedy="" if passed else remedy,
    )


def with_lateness(
    checks: Sequence[Check], data_ages: Mapping[str, Age], now: datetime
) -> list[Check]:
    """Replace the recorded verdicts on daily and monthly datasets by those of now. Writes nothing.

    Snapshots keep theirs: only a listing tells whether Vocareum has written them again.

    Args:
        checks: all rows of `ops.checks`.
        data_ages: age of each dataset with loaded files, by name.
        now: UTC.
    """
    silent = silence(data_ages.values())
    recorded = {check.subject: check for check in checks if check.name == NEWEST}
    fresh = [
        with_times(
            newest_check(dataset, lateness(dataset, data_ages[name].newest, None, now), silent),
            recorded.pop(dataset.table, None),
            now.astimezone(UTC).replace(tzinfo=None),
        )
        for name, dataset in DATASETS.items()
        if name in data_ages and is_periodic(name)
    ]
    others = [check for check in checks if check.name != NEWEST]
    return sorted(
        [*others, *recorded.values(), *fresh], key=lambda check: (check.subject, check.name)
    )


def late_datasets(checks: Iterable[Check]) -> list[str]:
    """Return the names of the late datasets; not of one that counts as no longer delivered."""
    return [dataset for dataset, _ in _late(checks)]


def late_lines(checks: Iterable[Check]) -> list[str]:
    """Return a line for people for each late dataset whose check is only a warning yet."""
    return [
        f"{dataset} is late. {check.text} {check.remedy}"
        for dataset, check in _late(checks)
        if check.severity is Severity.WARN
    ]


def _late(checks: Iterable[Check]) -> list[tuple[str, Check]]:
    tables = {dataset.table: name for name, dataset in DATASETS.items()}
    return [
        (tables[check.subject], check)
        for check in checks
        if check.name == NEWEST and not check.passed and check.subject in tables
    ]
