"""Erasing a person everywhere: the order of the steps, such that a run killed between any two is completed by the next.

What each step does belongs in `ingest/erasure.py`, `warehouse/erase.py`, `sql_models/` and `warehouse/publish.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile

import duckdb

from analytics_pipeline.datasets import DATASETS, Person
from analytics_pipeline.ingest.erase import People, Redacted, erase_in_file
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import InvalidModel, Project, build_and_test, load_project
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.disk import name_file_in_errors
from analytics_pipeline.storage.folders import make_below
from analytics_pipeline.storage.private_files import make_private_folder, private_file, remove_stale_parts
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.erase import Removed, compact, erase_rows, known_as, remember, searched_tables
from analytics_pipeline.warehouse.publish import publish

NOT_REACHED = (
    "backups and copies of the data folder",
    "Parquet files, reports and other exports made before",
    "the person's email or name in other people's logs, tags and unannounced columns",
    "the person's records that lack a readable id, in files delivered later, unless that file tells the email",
    "Dagster's events and logs of earlier releases",
    "the files that Vocareum keeps in its bucket",
)
"""What erasing leaves, in words for the receipt."""


@dataclass(frozen=True)
class Receipt:
    """What was erased: counts, and no personal data but the id.

    Attributes:
        user_id: Vocareum id of the person.
        at: when (UTC).
        dry_run: whether it was only counted.
        release: of analytics-pipeline.
        tables: what was removed from each table of the warehouse.
        files: what was removed from each landed file, by its path in the landing folder.
        models_not_built: marts that failed to build; they are missing until they are mended.
        invalid_models: why no model could be built at all, as a `.sql` file can't be used; empty if they could.
        searched: tables, and datasets of the landing folder, in which the person was looked for.
        not_reached: what may still hold the person, for whoever erases by hand.
    """

    user_id: int
    at: datetime
    dry_run: bool
    release: str
    tables: Mapping[str, Removed]
    files: Mapping[str, Redacted]
    models_not_built: tuple[str, ...] = ()
    invalid_models: str = ""
    searched: tuple[str, ...] = ()
    not_reached: tuple[str, ...] = NOT_REACHED

    def as_json(self) -> str:
        """The receipt as a JSON object."""
        return json.dumps(asdict(self), default=datetime.isoformat, indent=2)


def erase(settings: Settings, user_id: int, *, dry_run: bool) -> Receipt:
    """Erase a person from the landing folder, the warehouse and the published file, and keep them out.

    The person is remembered first, so that what other runs load meanwhile is without them; the landing folder comes
    before the warehouse, as the warehouse knows the emails by which damaged records are found.

    What can fail without touching data is tried before all of it. Models that can't be used stop nothing: the published file
    is then written without them, as the file before holds the person.

    Args:
        settings: where everything lies.
        user_id: Vocareum id of the person.
        dry_run: count and change nothing.

    Raises:
        WarehouseBusy: others held the warehouse for too long.
        OSError: something can't be written; run it again.
    """
    project, invalid = _load_models()
    if not dry_run:
        _require_writable(settings)
    with open_warehouse(settings.warehouse_path) as connection:
        if not dry_run:
            remember(connection, user_id, warehouse_now())
        person = known_as(connection, user_id)
    files = _erase_landed(settings.landing_dir, person, dry_run=dry_run)
    failed: tuple[str, ...] = ()
    with open_warehouse(settings.warehouse_path) as connection:
        tables = erase_rows(connection, person, dry_run=dry_run)
        if not dry_run:
            failed = _build(connection, project)
            publish(connection, settings.published_path, pii=settings.publish_pii, without_marts=True)
    landed = (f"landing/{name}" for name, dataset in DATASETS.items() if dataset.columns_of(Person.SUBJECT))
    searched = (*searched_tables(), *landed)
    receipt = Receipt(
        user_id, warehouse_now(), dry_run, version("analytics-pipeline"), tables, files, failed, invalid, searched
    )
    if not dry_run:
        compact(settings.warehouse_path)
        # What earlier releases, and analysts' own tools, spilled of the published file before.
        rmtree(settings.published_path.with_name(f"{settings.published_path.name}.tmp"), ignore_errors=True)
        with private_file(receipt_path(settings, receipt)) as file:
            file.write(receipt.as_json().encode())
    return receipt


def receipt_path(settings: Settings, receipt: Receipt) -> Path:
    """Where a receipt is kept."""
    return _receipts(settings) / f"erased-{receipt.user_id}-{receipt.at:%Y%m%dT%H%M%SZ}.json"


def _receipts(settings: Settings) -> Path:
    return settings.data_dir.absolute() / "receipts"


def _load_models() -> tuple[Project | None, str]:
    """Return the models, or why they can't be used."""
    try:
        return load_project(), ""
    except InvalidModel as error:
        return None, str(error)


def _require_writable(settings: Settings) -> None:
    """Try to write wherever an erasure writes.

    Raises:
        OSError: a folder can't be written.
    """
    make_below(settings.published_path.parent)
    make_private_folder(_receipts(settings))
    for folder in (settings.data_dir.absolute(), settings.published_path.parent, _receipts(settings)):
        with name_file_in_errors(folder), TemporaryFile(dir=folder):
            pass


def _build(connection: duckdb.DuckDBPyConnection, project: Project | None) -> tuple[str, ...]:
    """Build the marts of what is left; return those that failed."""
    if project is None:
        return ()
    built, _ = build_and_test(connection, project, project.models.values(), warehouse_now())
    return tuple(result.model.qualified for result in built if result.failure)


def _erase_landed(folder: Path, person: People, *, dry_run: bool) -> dict[str, Redacted]:
    if not dry_run:
        remove_stale_parts(folder)
    found = {
        str(path.relative_to(folder)): erase_in_file(path, DATASETS[path.parent.name], person, dry_run=dry_run)
        for path in sorted(folder.glob("*/*.csv"))
        if path.parent.name in DATASETS
    }
    return {path: redacted for path, redacted in found.items() if redacted}
