"""Erase a person everywhere. The steps are ordered so that the next run completes a killed one.

The steps themselves are in `ingest/erase.py`, `warehouse/erase.py`, `sql_models/` and
`warehouse/publish.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile

import duckdb

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.erase import Redacted, erase_in_file
from analytics_pipeline.ingest.people import People
from analytics_pipeline.operations.own_files import OwnFile, own_files_with
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import Project, build_and_test, load_usable, model_texts
from analytics_pipeline.storage.atomic_write import private_file, remove_stale_parts
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.database_log import remove_logs
from analytics_pipeline.storage.disk import name_file_in_errors
from analytics_pipeline.storage.folders import make_export_folder, make_private_folder
from analytics_pipeline.storage.store import StoreFailed
from analytics_pipeline.warehouse.backend import Warehouse, warehouse_of
from analytics_pipeline.warehouse.checks import read, withholding
from analytics_pipeline.warehouse.erase import (
    Removed,
    erase_rows,
    finish,
    known_as,
    remember,
    searched_tables,
)
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline.warehouse.published_file import store_of
from analytics_pipeline.warehouse.signature import signature

NOT_REACHED = (
    "backups and copies of the data folder",
    "earlier Parquet files, reports and other exports",
    (
        "the person's name in other people's texts, emails that no file listed as theirs, and"
        " emails shared with another user"
    ),
    (
        "a number in other people's unannounced columns that equals the id, unless the column's"
        " name ends in id"
    ),
    "the person's records with neither a readable id nor a known email in files delivered later",
    "Dagster's events and logs of earlier releases",
    "the files that Vocareum keeps in its bucket",
)
"""Places that an erasure does not reach, for the receipt."""


@dataclass(frozen=True)
class Receipt:
    """What was erased: counts, and no personal data except the id.

    Attributes:
        user_id: Vocareum id of the person.
        at: time of the erasure (UTC).
        dry_run: whether the records were only counted.
        release: version of analytics-pipeline.
        tables: what was removed from each table of the warehouse.
        files: what was removed from each landed file, by its path in the landing folder.
        models_not_built: marts that failed to build; they are missing until they are corrected.
        failing_checks: the checks that then withhold tables from the published file: a line each,
            with its subject, name, finding and remedy.
        withheld: lines about tables that are not published in their current state.
        invalid_models: invalid `.sql` files and their readers, each with the reason; empty if all
            are valid.
        deleted_versions: addresses of the earlier published files that were deleted from the store.
        not_stored: why the store may still hold the person; the erasure must be run again. Empty if
            it does not.
        own_files: hand-written files that still hold the person, with their lines; see
            `own_files_with`.
        searched: tables, and datasets of the landing folder, that were searched.
        not_reached: places that may still hold the person, to erase by hand. `own_files` come
            first.
    """

    user_id: int
    at: datetime
    dry_run: bool
    release: str
    tables: Mapping[str, Removed]
    files: Mapping[str, Redacted]
    models_not_built: tuple[str, ...] = ()
    failing_checks: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    invalid_models: str = ""
    deleted_versions: tuple[str, ...] = ()
    not_stored: str = ""
    own_files: tuple[OwnFile, ...] = ()
    searched: tuple[str, ...] = ()
    not_reached: tuple[str, ...] = NOT_REACHED

    def as_json(self) -> str:
        """Return the receipt as a JSON object."""
        return json.dumps(asdict(self), default=datetime.isoformat, indent=2)


def erase(settings: Settings, user_id: int, *, dry_run: bool) -> Receipt:
    """Erase a person from all stored data, and keep them out of later loads.

    The id is recorded first, so that concurrent loads already drop the person. The landing folder
    comes before the warehouse, because the warehouse knows the emails by which damaged records are
    found.

    Steps that can fail without changing data are tried first. Invalid models don't stop the
    erasure: the published file is then written without these models and their readers, as the
    previous file holds the person. Until the receipt is written, the warehouse records that the
    erasure is not finished, so that `status`, `sync` and `doctor` say it.

    Args:
        settings: locations of all files.
        user_id: Vocareum id of the person.
        dry_run: count and change nothing.

    Raises:
        WarehouseBusy: others held the warehouse for too long.
        OSError: a file can't be written; run it again.
    """
    project, problems = load_usable()
    if not dry_run:
        _require_writable(settings)
    warehouse = warehouse_of(settings)
    person = _identify(warehouse, user_id, dry_run=dry_run)
    files = _erase_landed(settings.landing_dir, person, dry_run=dry_run)
    if dry_run:
        with warehouse.open() as connection:
            tables = erase_rows(connection, person, dry_run=True)
        return _receipt(settings, person, tables, files, dry_run=True)
    with warehouse.open() as connection:
        tables = erase_rows(connection, person)
        not_built = _build(connection, project)
        deleted, not_stored = _publish(connection, settings)
        failing = withholding(read(connection))
    signed = signature(settings.published_path)
    receipt = replace(
        _receipt(settings, person, tables, files, dry_run=False),
        models_not_built=not_built,
        failing_checks=tuple(map(str, failing)),
        withheld=tuple(signed.withheld) if signed else (),
        invalid_models="\n".join(problems),
        deleted_versions=deleted,
        not_stored=not_stored,
    )
    warehouse.purge()
    _remove_spill_files(settings)
    with private_file(receipt_path(settings, receipt)) as file:
        file.write(receipt.as_json().encode())
    if not not_stored:
        with warehouse.open() as connection:
            finish(connection, user_id)
    return receipt


def _receipt(
    settings: Settings,
    person: People,
    tables: Mapping[str, Removed],
    files: Mapping[str, Redacted],
    *,
    dry_run: bool,
) -> Receipt:
    """Return what was removed, what was searched, and what was not reached."""
    own_files = tuple(own_files_with(person, settings.hand_written))
    not_reached = (*warehouse_of(settings).not_reached, *store_of(settings).not_reached)
    (user_id,) = person.ids
    return Receipt(
        user_id,
        warehouse_now(),
        dry_run,
        version("analytics-pipeline"),
        tables,
        files,
        own_files=own_files,
        searched=_searched(),
        not_reached=(*map(str, own_files), *NOT_REACHED, *not_reached),
    )


def _identify(warehouse: Warehouse, user_id: int, *, dry_run: bool) -> People:
    """Return how a person appears in the data; unless it is a dry run, record the id first."""
    with warehouse.open() as connection:
        person = known_as(connection, user_id)
        if dry_run:
            return person
        remember(connection, person, warehouse_now())
        return known_as(connection, user_id)


def _searched() -> tuple[str, ...]:
    """Return the tables, and the datasets of the landing folder, that an erasure searches."""
    return (*searched_tables(), *(f"landing/{name}" for name in DATASETS))


def _remove_spill_files(settings: Settings) -> None:
    """Remove the previous published file's spill files, of earlier releases and others' tools.

    Also what a killed download of it left, and the log of a program that has the previous file
    open: it may begin one after the new file was put in place.
    """
    published = settings.published_path
    remove_logs(published)
    remove_stale_parts(published.parent, below=False)
    rmtree(published.with_name(f"{published.name}.tmp"), ignore_errors=True)


def receipt_path(settings: Settings, receipt: Receipt) -> Path:
    """Return the path of a receipt."""
    return _receipts(settings) / f"erased-{receipt.user_id}-{receipt.at:%Y%m%dT%H%M%SZ}.json"


def _receipts(settings: Settings) -> Path:
    return settings.data_dir.absolute() / "receipts"


def _require_writable(settings: Settings) -> None:
    """Check that every folder that an erasure writes to is writable.

    Raises:
        OSError: a folder can't be written.
    """
    make_export_folder(settings.published_path.parent)
    make_private_folder(_receipts(settings))
    for folder in (
        settings.data_dir.absolute(),
        settings.published_path.parent,
        _receipts(settings),
    ):
        with name_file_in_errors(folder), TemporaryFile(dir=folder):
            pass


def _build(connection: duckdb.DuckDBPyConnection, project: Project) -> tuple[str, ...]:
    """Build the marts from the remaining rows; return those that failed."""
    built, _ = build_and_test(connection, project, project.models.values(), warehouse_now())
    return tuple(result.model.qualified for result in built if result.failure)


def _publish(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> tuple[tuple[str, ...], str]:
    """Publish, and delete every earlier version from the store.

    Returns:
        The addresses of the deleted versions, and why the store may still hold the person.
    """
    target = settings.published_path
    try:
        done = publish(
            connection,
            target,
            pii=settings.publish_pii,
            without_marts=True,
            store=store_of(settings),
            keep=timedelta(),
            model_texts=model_texts,
        )
    except StoreFailed as error:
        return (), str(error)
    return tuple(done.deleted), ""


def _erase_landed(folder: Path, person: People, *, dry_run: bool) -> dict[str, Redacted]:
    if not dry_run:
        remove_stale_parts(folder)
    redacted_files = {
        str(path.relative_to(folder)): erase_in_file(
            path, DATASETS[path.parent.name], person, dry_run=dry_run
        )
        for path in sorted(folder.glob("*/*.csv"))
        if path.parent.name in DATASETS
    }
    return {path: redacted for path, redacted in redacted_files.items() if redacted}
