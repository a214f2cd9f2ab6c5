"""`analytics-pipeline doctor`: check everything that a run needs, and name each remedy."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    UNUSABLE,
    command,
    print_checks,
    print_error,
    print_info,
)
from analytics_pipeline.cli.daemon_state import daemon_state
from analytics_pipeline.cli.doctor_published import check_published
from analytics_pipeline.cli.doctor_settings import (
    Verdict,
    check_alerts,
    check_hand_written,
    check_settings,
    unknown_settings,
)
from analytics_pipeline.cli.feed_notice import nothing_delivered
from analytics_pipeline.cli.overview import (
    fetch_published,
    last_replaced,
    own_dagster_yaml,
)
from analytics_pipeline.datasets import classify
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.operations.own_files import left_to_erase
from analytics_pipeline.orchestration.dagster_files import damaged_database
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.folders import FOLDER_USE, closed_to_us, keep_private
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.checks import Check, builds, errors, read
from analytics_pipeline.warehouse.gone import gone, not_replaced
from analytics_pipeline.warehouse.ledger import FailedFile, failed_files
from analytics_pipeline.warehouse.published_file import store_of
from analytics_pipeline.warehouse.published_state import outdated
from analytics_pipeline.warehouse.sidecar import REPLACED
from analytics_pipeline.warehouse.signature import signature
from analytics_pipeline.words import counted

DUCKDB = "DuckDB"
"""Name of the check that opens the warehouse."""
RETRY_SECONDS = 10.0
"""Seconds in which a request is retried: a person is waiting for the result."""
ENOUGH_DISK_BYTES = 2_000_000_000


@command
def doctor() -> None:
    """Check that everything a run needs is in place.

    Settings, token, credentials, bucket, disk, DuckDB: each with a verdict and the remedy.

    Exit codes: 0 all passed; 1 a file or a check of the data fails, the sensor that loads fails,
    alerts are not sent, the published file can't be read or is not the newest, an erasure is not
    finished, or a warehouse was lost; 2 something that a run needs is missing or damaged.
    """
    settings = load_settings()
    passed = opens = True
    for name, check in _checks(settings):
        verdict = _verdict(check)
        passed &= verdict.passed
        opens &= verdict.passed or name != DUCKDB
        if verdict.passed:
            print_info(f"{name}: {verdict.finding}", verdict.label)
            continue
        print_error(f"{verdict.label[0]} {name}: {verdict.finding}")
        if name in ("settings", "token and credentials"):
            print_error("     Skipping the remaining checks until this is fixed.")
            break
    failing, faults = _faults(settings) if opens else ([], [])
    daemon = daemon_state(settings, datetime.now(UTC))
    faults.extend(daemon.faults)
    print_checks(failing)
    if daemon.off_notice:
        print_error(daemon.off_notice)
    for fault in faults:
        print_error(fault)
    raise typer.Exit(UNUSABLE if not passed else INCOMPLETE if failing or faults else DONE)


def _verdict(check: Callable[[], Verdict]) -> Verdict:
    """Return the check's verdict; an error is one, too."""
    try:
        return check()
    except PipelineError as error:
        return Verdict(False, str(error))
    except (OSError, duckdb.Error) as error:
        return Verdict(
            False, f"{error}. Check that the folder exists, belongs to you and has free space."
        )


def _faults(settings: Settings) -> tuple[list[Check], list[str]]:
    """Return the failing ERROR checks; and, as `status` says it, that a warehouse was lost, that
    files can't be loaded, why the published file must be published again, which erasures are not
    finished, and which of your own files hold somebody who was erased.

    An error is a fault, too: the warehouse opened a moment ago (see `_duckdb`).
    """
    try:
        if missing := gone(settings):
            return [], [str(missing)]
        if _is_new(settings):
            return [], []
        with warehouse_of(settings).read() as connection:
            unstored = fetch_published(settings)
            signed = signature(settings.published_path)
            lost = not_replaced(settings, connection, signed)
            old = lost or outdated(settings, builds(connection), signed)
            left = left_to_erase(connection, settings)
            found = (_failing(failed_files(connection)), old, unstored)
            return errors(read(connection)), [*filter(None, found), *left]
    except (PipelineError, OSError, duckdb.Error) as error:
        return [], [f"The checks of the warehouse can't be read: {error}"]


def _failing(files: Sequence[FailedFile]) -> str:
    """Return a line about files that can't be loaded, such as held versions; empty without any."""
    if not files:
        return ""
    return (
        f"{counted(len(files), 'file')} not loaded in the newest version, such as"
        f" {files[0].source_key}: {files[0].reason}. `analytics-pipeline status` lists all with"
        " their remedies."
    )


def _checks(settings: Settings) -> Iterator[tuple[str, Callable[[], Verdict]]]:
    yield "disk", lambda: _disk(settings)
    yield "published folder", lambda: check_published(settings)
    yield DUCKDB, lambda: _duckdb(settings)
    if settings.names_lake:
        yield "lake", lambda: _lake(settings)
    if settings.published_store:
        yield "published store", lambda: _store(settings)
    yield "Dagster's settings", lambda: _dagster(settings)
    if damaged := damaged_database(settings.dagster_home):
        yield "Dagster's databases", lambda: Verdict(False, str(damaged))
    if unknown := unknown_settings():
        yield "names of settings", lambda: Verdict(True, unknown, warns=True)
    yield "settings", lambda: check_settings(settings)
    yield "alerts", lambda: check_alerts(settings)
    if settings.hand_written:
        yield "hand-written files", lambda: check_hand_written(settings)
    yield "token and credentials", lambda: _credentials(settings)
    yield "bucket", lambda: _bucket(settings)


def _disk(settings: Settings) -> Verdict:
    warning = keep_private(settings.data_dir)
    if closed := _closed_to_us(settings):
        state = "can't be read and written" if closed.exists() else "leads nowhere"
        return Verdict(
            False,
            f"{closed} {state}. Give it to your user, or set ANALYTICS_DATA_DIR"
            " to a folder of yours.",
        )
    free = shutil.disk_usage(settings.data_dir).free
    if free < ENOUGH_DISK_BYTES:
        return Verdict(
            False,
            f"{free / 1e9:.1f} GB free in {settings.data_dir}. Free"
            f" {ENOUGH_DISK_BYTES / 1e9:.0f} GB.",
        )
    return Verdict(
        True,
        f"{free / 1e9:.0f} GB free in {settings.data_dir}, private. {warning or ''}".rstrip(" ."),
    )


def _closed_to_us(settings: Settings) -> Path | None:
    """Return a folder of ours that a run may not use, such as one that root's run made."""
    if not os.access(settings.data_dir, FOLDER_USE):
        return settings.data_dir
    home = () if own_dagster_yaml(settings) else (settings.dagster_home,)  # its records may be
    folders = (settings.landing_dir, *home)  # elsewhere, and the folder read-only
    return next(filter(None, map(closed_to_us, folders)), None)


def _duckdb(settings: Settings) -> Verdict:
    warehouse = warehouse_of(settings)
    if _is_new(settings):
        found = ": see below" if gone(settings) else " yet: the first `sync` makes it"
        return Verdict(True, f"{duckdb.__version__}; no warehouse{found}")
    before = last_replaced(warehouse)
    with warehouse.open(wait_seconds=10) as connection:
        row = connection.execute(
            "SELECT count(*), coalesce(sum(rows), 0)::BIGINT FROM ops.loaded_files"
        ).fetchone()
    assert row is not None
    finding = (
        f"{duckdb.__version__}; the warehouse opens: {counted(row[0], 'file')},"
        f" {counted(row[1], 'row')}"
    )
    if (replaced := last_replaced(warehouse)) != before:
        return Verdict(True, f"{finding}. {REPLACED}")
    return Verdict(
        True,
        (
            f"{finding}; last found replaced from outside at {replaced:%Y-%m-%d %H:%M} UTC"
            if replaced
            else finding
        ),
    )


def _is_new(settings: Settings) -> bool:
    """Return whether there is no warehouse; a lake is made, as only that shows that we may."""
    return not settings.names_lake and not warehouse_of(settings).exists()


def _lake(settings: Settings) -> Verdict:
    warehouse = warehouse_of(settings)
    retained = warehouse.retained()
    return Verdict(not retained, retained or warehouse.describe())


def _store(settings: Settings) -> Verdict:
    """Check that the store can be written, read and emptied, and keeps nothing that is deleted."""
    store = store_of(settings)
    store.check()
    retained = store.retained()
    return Verdict(not retained, retained or f"{store.describe()} can be written and read")


def _dagster(settings: Settings) -> Verdict:
    if own := own_dagster_yaml(settings):
        hint = (
            "see analytics_pipeline/orchestration/instance.yaml for the settings that this release"
            " needs, such as run_monitoring and run_retries"
        )
        return Verdict(True, f"{own} is your own and is never replaced: {hint}")
    return Verdict(True, f"{settings.dagster_home / 'dagster.yaml'} is maintained by the pipeline")


def _credentials(settings: Settings) -> Verdict:
    def report_retry(reason: str) -> None:
        print_info(
            f"     token and credentials: {reason}; retrying for up to {RETRY_SECONDS:.0f} s."
        )

    api = VocareumApi(
        settings.api_url, settings.api_token, budget=RETRY_SECONDS, on_retry=report_retry
    )
    credentials = api.s3_credentials(settings.org_id)
    return Verdict(
        True, f"Vocareum issues credentials, valid until {credentials.expires_at:%H:%M} UTC"
    )


def _bucket(settings: Settings) -> Verdict:
    from analytics_pipeline.vocareum.connect import open_bucket

    bucket, unknown = open_bucket(settings, RETRY_SECONDS), []
    for listed in bucket.list():
        if classify(listed.key.removeprefix(bucket.prefix)):
            finding = f"{settings.bucket} can be listed; the first file is {listed.key}"
            return Verdict(True, finding)
        unknown.append(listed.key)
    return Verdict(False, nothing_delivered(settings, unknown))
