"""Checks of completeness, freshness and volume of each raw asset, and Dagster's freshness policies.

They run in the asset's own step, over the whole ledger. The six-hourly schedule keeps them current
when nothing new arrives; `recheck.py` those that `sync` evaluates without a run. `newest_check.py`
decides what is late, `completeness.py` what is missing; `rows.py` checks single files.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb

from analytics_pipeline.datasets import Cadence, Dataset
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.orchestration.raw.checks.completeness import (
    drops,
    missing,
    ranges,
)
from analytics_pipeline.orchestration.raw.checks.result import FAILED_FILES, check_result, of_check
from analytics_pipeline.orchestration.raw.retry_policy import RETRY_POLICY
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.orchestration.ui.plots import rows_per_period
from analytics_pipeline.warehouse.absences import OpenAbsence, held_versions, open_absences
from analytics_pipeline.warehouse.lateness import GRACE, ages, lateness, silence
from analytics_pipeline.warehouse.ledger import FailedFile, LoadedFile, failed_files, loaded_files
from analytics_pipeline.warehouse.left_out_check import LEFT_OUT
from analytics_pipeline.warehouse.listing_checks import recorded_checks
from analytics_pipeline.warehouse.lost_check import LOST, lost_check
from analytics_pipeline.warehouse.newest_check import NEWEST, RETIRED, STALLED, newest_check
from analytics_pipeline.warehouse.rewritten_check import REWRITTEN, has_courses

GAPS, VOLUME, DELIVERED = (
    "no_missing_periods",
    "volume_as_usual",
    "delivered_is_loaded",
)

FRESHNESS = {
    # A day's file is late from noon of the next day: 36 hours after the previous one could first be
    # loaded.
    Cadence.DAILY: dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=4), warn_window=timedelta(hours=36)
    ),
    Cadence.MONTHLY: dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=7), warn_window=timedelta(days=3)
    ),
    # A file overwritten with the same content is not reloaded, so holidays are quiet.
    Cadence.SNAPSHOT: dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=30), warn_window=timedelta(days=7)
    ),
}
"""When the UI shows an asset as stale, counted from the last load of any partition. The checks here
are exact."""


def delivery_check_specs(dataset: Dataset, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Return the checks with their descriptions."""
    descriptions = {
        DELIVERED: (
            f"No file has run out of retries; one that fails {RETRY_POLICY.attempts} times is not"
            " retried automatically."
        ),
    }
    if dataset.cadence in GRACE:
        descriptions[NEWEST] = (
            f"The newest file arrives within {GRACE[dataset.cadence] / timedelta(hours=1):.0f}"
            f" hours of its time; fails after {STALLED.days} days. Passes if the dataset was never"
            f" delivered, or not for {RETIRED.days} days, unless all daily datasets have stopped."
        )
    descriptions[LOST] = (
        "No loaded file is gone from the bucket. No new version lost all of its rows, or half of"
        " its rows or money. No file is a copy of another or has the rows of other days. The"
        " warehouse lacks nothing that a replaced one had. Otherwise the loaded rows stay until"
        " somebody runs `analytics-pipeline close`."
    )
    if dataset.period:
        descriptions[LEFT_OUT] = (
            "No delivered file that may hold data of its own is left out. Such a file has a newer"
            " one of the same day with other bytes, or its name gives a day that is not loaded."
        )
        descriptions[GAPS] = "Days or months without a file between the first and the last one."
    if has_courses(dataset):
        descriptions[REWRITTEN] = (
            f"No course's snapshot is left behind, that is, was last written over {STALLED.days}"
            f" days before the dataset's newest one. After {RETIRED.days} days it counts as no"
            " longer written."
        )
    if dataset.cadence is Cadence.DAILY:
        descriptions[VOLUME] = (
            "No day has less than half of the rows of the same weekday in the previous weeks."
        )
    return [
        dg.AssetCheckSpec(name, asset=key, description=text) for name, text in descriptions.items()
    ]


def delivery_check_results(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    key: dg.AssetKey,
    listed: Sequence[Delivery],
    now: datetime,
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of the delivery checks.

    Args:
        connection: the warehouse.
        dataset: the dataset, with everything in its ledger.
        key: its asset.
        listed: deliveries that this run saw in the bucket.
        now: UTC.
    """
    loaded, failed = loaded_files(connection, dataset.name), failed_files(connection, dataset.name)
    absences = open_absences(connection, dataset.name)
    held = held_versions(absences)
    trying = [file for file in failed if (file.partition, file.etag) not in held]
    yield _delivered(
        key, dataset, [file for file in trying if file.attempts >= RETRY_POLICY.attempts], trying
    )
    yield _lost(key, dataset, absences)
    if dataset.cadence in GRACE:
        yield _newest(key, dataset, loaded, listed, now, silence(ages(connection, now).values()))
    yield from (of_check(key, check) for check in recorded_checks(connection, dataset))
    if dataset.period:
        yield _gaps(key, dataset, loaded, failed)
    if dataset.cadence is Cadence.DAILY:
        yield _volume(key, dataset, loaded)


def _delivered(
    key: dg.AssetKey, dataset: Dataset, given_up: Sequence[FailedFile], failed: Sequence[FailedFile]
) -> dg.AssetCheckResult:
    trying = len(failed) - len(given_up)
    waiting = (
        f"{trying} failing files are retried automatically." if trying else "No file is failing."
    )
    what_to_do = (
        "They are no longer retried automatically. Once the cause is fixed: `analytics-pipeline"
        f" sync --dataset {dataset.name}`; a new version in {dataset.source} loads without that."
    )
    return check_result(
        key,
        DELIVERED,
        passed=not given_up,
        text=ui_metadata.failures(given_up) or waiting,
        remedy=f"{ui_metadata.remedies(given_up)}\n{what_to_do}",
        metadata={FAILED_FILES: ui_metadata.failed_table(given_up)} if given_up else {},
    )


def _lost(
    key: dg.AssetKey, dataset: Dataset, absences: Sequence[OpenAbsence]
) -> dg.AssetCheckResult:
    rows = [
        (
            absence.source_key,
            absence.kind.value,
            absence.detail,
            absence.remedy,
            f"{absence.first_seen:%Y-%m-%d %H:%M}",
        )
        for absence in absences
    ]
    columns = ["file", "kind", "problem", "remedy", "since"]
    name = FAILED_FILES if all(absence.held for absence in absences) else "lost"
    table = {name: ui_metadata.table(columns, rows[: ui_metadata.MOST_FILES])} if rows else {}
    return of_check(key, lost_check(dataset, absences), table)


def _newest(
    key: dg.AssetKey,
    dataset: Dataset,
    loaded: Sequence[LoadedFile],
    listed: Sequence[Delivery],
    now: datetime,
    silent: str | None,
) -> dg.AssetCheckResult:
    """Check the newest file."""
    written = [file.last_modified.replace(tzinfo=UTC) for file in loaded] + [
        found.last_modified for found in listed
    ]
    newest = max((file.period for file in loaded if file.period), default=None)
    late = lateness(dataset, newest, max(written, default=None), now)
    figures = (
        {
            "newest": late.newest,
            "expected": late.expected,
            "hours_behind": late.delay / timedelta(hours=1),
        }
        if late
        else {}
    )
    return of_check(key, newest_check(dataset, late, silent), figures)


def _gaps(
    key: dg.AssetKey, dataset: Dataset, loaded: Sequence[LoadedFile], failed: Sequence[FailedFile]
) -> dg.AssetCheckResult:
    absent = ranges(
        missing(dataset, [file.period for file in (*loaded, *failed) if file.period]), dataset
    )
    count = sum(many for _, _, many in absent)
    rows = [
        (f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}", many) for first, last, many in reversed(absent)
    ]
    return check_result(
        key,
        GAPS,
        passed=not absent,
        severity=dg.AssetCheckSeverity.WARN,  # it is unknown whether a quiet day has a file
        text=(
            f"{count} without a file, the newest {rows[0][0]} to {rows[0][1]}."
            if absent
            else "No gap between the first and the last file."
        ),
        remedy=(
            "Days without activity may have no file: then nothing needs to be done. A file that"
            " appears later loads automatically."
        ),
        metadata={
            "missing": count,
            **(
                {
                    "missing_periods": ui_metadata.table(
                        ["first", "last", "periods"], rows[: ui_metadata.MOST_FILES]
                    )
                }
                if rows
                else {}
            ),
        },
    )


def _volume(
    key: dg.AssetKey, dataset: Dataset, loaded: Sequence[LoadedFile]
) -> dg.AssetCheckResult:
    low = drops(dataset, [(file.period, file.rows) for file in loaded if file.period])
    rows = [(f"{drop.day:%a %Y-%m-%d}", drop.rows, drop.usual) for drop in low]
    plot = rows_per_period(
        [(file.period, file.rows, file.rejects) for file in loaded if file.period]
    )
    return check_result(
        key,
        VOLUME,
        passed=not low,
        severity=dg.AssetCheckSeverity.WARN,
        text=(
            "Far fewer rows than usual on "
            + ", ".join(f"{day} ({count} instead of about {usual})" for day, count, usual in rows)
            + ". A holiday, or Vocareum delivered only a part."
            if rows
            else "The newest days have about as many rows as the same weekdays before, or more."
        ),
        remedy="Compare with Vocareum's own pages.",
        metadata={
            **({"drops": ui_metadata.table(["day", "rows", "usual"], rows)} if rows else {}),
            **({"rows_and_rejects": dg.MetadataValue.md(plot)} if plot else {}),
        },
    )
