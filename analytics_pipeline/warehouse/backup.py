"""Take a consistent copy of the warehouse, and restore it.

A backup holds only the warehouse, including ledger, history and quarantine. Landed files can be
fetched again, the published file is derived from the warehouse, and Dagster's records are compared
with the warehouse after a restore.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.ingest.plan import AnotherOrganisation
from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.disk import name_file_in_errors
from analytics_pipeline.storage.folders import keep_private, private_umask
from analytics_pipeline.warehouse.backend import Warehouse
from analytics_pipeline.warehouse.connection import (
    closing,
    connect,
    lock_warehouse,
    read_warehouse,
)
from analytics_pipeline.warehouse.ledger import loaded_files, organisations
from analytics_pipeline.warehouse.reverted import record_older_files, record_reverted
from analytics_pipeline.warehouse.schema import ensure_schema
from analytics_pipeline.warehouse.sidecar import read_sidecar, replaced, write_sidecar
from analytics_pipeline.words import Words, words

T = TypeVar("T")
MANIFEST, COPY = "backup.json", "warehouse.duckdb"
_CHUNK = 1 << 20


class BackupError(PipelineError):
    """A backup can't be taken or restored.

    The message gives reason and remedy. Nothing was changed.
    """


@dataclass(frozen=True)
class Restored:
    """Result of a restore.

    Attributes:
        taken_at: when the backup was taken (UTC).
        aside: path to which the replaced warehouse was moved; None if there was none.
        erased_since: Vocareum ids of people erased after the backup was taken, who are in the
            warehouse again.
        went_back: number of files that the copy lacks, or has in an older version. The restored
            warehouse records them as open absences.
        is_compared: whether the replaced warehouse could be read; True if there was none.
    """

    taken_at: datetime
    aside: Path | None
    erased_since: tuple[int, ...]
    went_back: int
    is_compared: bool


def backup(warehouse: Warehouse, folder: Path, org_id: str, wait_seconds: float = 3_600) -> int:
    """Copy the warehouse into a new folder, between two writers.

    Args:
        warehouse: the live warehouse.
        folder: created with mode 0700; if it exists, it must be empty.
        org_id: the organisation of the settings; empty if they name none.
        wait_seconds: how long to wait for writers.

    Returns:
        Size of the copy in bytes.

    Raises:
        BackupError: there is no warehouse, it is not one file, or the folder is not empty.
        AnotherOrganisation: the warehouse holds the files of another organisation.
        WarehouseUnusable: others held the warehouse for longer, or it can't be read.
        OSError: the copy can't be written. A partial copy is removed.
    """
    file = _file_of(warehouse)
    if not file.exists():
        raise BackupError(
            f"There is no warehouse at {file} yet.", "Run `analytics-pipeline sync` first."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(
            f"{folder} is not an empty folder; a backup never overwrites files.",
            "Name a new folder.",
        )
    with warehouse.open(wait_seconds) as connection:
        whose = organisations(connection)
        _require_same(whose, org_id)
        connection.execute("CHECKPOINT")  # the copy must include the log of a killed writer
    keep_private(folder, "Name")
    with lock_warehouse(file, wait_seconds), name_file_in_errors(folder), private_umask():
        # This process has no connection open here: copying an open file would drop DuckDB's lock.
        if file.with_name(f"{file.name}.wal").exists():
            raise BackupError(
                "A run was killed just now; the warehouse has an open log.",
                "Run the command again.",
            )
        with replacing(folder / COPY) as fresh:
            shutil.copyfile(file, fresh)
    manifest = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "release": version("analytics-pipeline"),
        "org_id": next(iter(whose), f"org{org_id}").removeprefix("org"),
        "sha256": _sha256(folder / COPY),
    }
    with replacing(folder / MANIFEST) as fresh:
        fresh.write_text(json.dumps(manifest, indent=2) + "\n")
    return (folder / COPY).stat().st_size


def restore(folder: Path, warehouse: Warehouse, org_id: str, published: Path) -> Restored:
    """Replace the warehouse by a backup; keep the old file, and record the replacement.

    The copy records what it lacks in comparison with the old file and the published one. The caller
    makes sure that no run and no daemon is alive.

    Raises:
        BackupError: the folder is not a complete backup, or its manifest names another
            organisation; or the warehouse is not one file.
        AnotherOrganisation: the copy holds the files of another organisation.
        SchemaTooNew: a later release wrote it.
        WarehouseUnusable: a writer holds the warehouse.
        OSError: the copy can't be written. The warehouse is unchanged.
    """
    file = _file_of(warehouse)
    taken_at = _verify(folder, org_id)
    keep_private(file.parent)
    with lock_warehouse(file, wait_seconds=0), private_umask():
        with replacing(file) as fresh:
            shutil.copyfile(folder / COPY, fresh)
            fresh.chmod(0o600)
            erased_before = _erased(fresh) or set()
            aside, erased = _path_aside(file), _erased(file)
            went_back = _record_lacking(fresh, file, aside, published)
            _keep_aside(file, aside)
        previous = read_sidecar(file)
        state = file.stat()
        identity = (state.st_ino, state.st_size, state.st_mtime_ns)
        write_sidecar(file, replaced(identity, previous.digest if previous else ""))
    since = tuple(sorted((erased or set()) - erased_before))
    return Restored(taken_at, aside, since, went_back, not aside or erased is not None)


def _file_of(warehouse: Warehouse) -> Path:
    if warehouse.file is None:
        raise BackupError(
            f"The warehouse at {warehouse.describe()} is not one file.",
            "Dump its catalog with pg_dump first, then copy its data files; restore both with the"
            " tools of PostgreSQL and of the storage (docs/scale.md).",
        )
    return warehouse.file


def _verify(folder: Path, org_id: str) -> datetime:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        taken_at = datetime.fromisoformat(manifest["taken_at"])
        recorded, org_of_copy = manifest["sha256"], manifest["org_id"]
        digest = _sha256(folder / COPY)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        raise BackupError(
            f"{folder} is not a complete backup: {MANIFEST} or {COPY} is missing or can't be read.",
            "Name a folder that `analytics-pipeline backup` has written.",
        ) from None
    if digest != recorded:
        raise BackupError(
            f"{folder / COPY} is damaged: its SHA-256 is not that of {MANIFEST}.",
            "Use another backup.",
        )
    if org_of_copy and org_id and org_of_copy != org_id:
        raise BackupError(
            f"{folder} is a backup of organisation {org_of_copy}, and VOCAREUM_ORG_ID is {org_id}.",
            "Use a backup of yours.",
        )
    with read_warehouse(folder / COPY) as connection:
        # An earlier release wrote the organisation of its settings into the manifest.
        _require_same(organisations(connection), org_id)
        return taken_at


def _require_same(whose: set[str], org_id: str) -> None:
    """Refuse a warehouse of an organisation other than the settings', if they name one."""
    if others := whose - {f"org{org_id}"} if org_id else set():
        raise AnotherOrganisation(", ".join(sorted(others)), f"org{org_id}")


def _path_aside(warehouse: Path) -> Path | None:
    """Return the path at which the warehouse will be kept; None without a warehouse."""
    if not warehouse.exists():
        return None
    return warehouse.with_name(f"{warehouse.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")


def _keep_aside(warehouse: Path, aside: Path | None) -> None:
    """Keep the warehouse and its log under another name, if there is one."""
    if aside is None:
        return
    os.link(warehouse, aside)
    with suppress(FileNotFoundError):  # DuckDB would apply it to the restored file
        log = warehouse.with_name(f"{warehouse.name}.wal")
        log.rename(aside.with_name(f"{aside.name}.wal"))


def _record_lacking(fresh: Path, replaced: Path, aside: Path | None, published: Path) -> int:
    """Record in the copy what it lacks in comparison with the replaced warehouse and the published
    file; return the number of files.
    """
    ledger = _read(replaced, loaded_files) or []
    with closing(connect(fresh)) as connection:
        ensure_schema(connection)
        now = warehouse_now()
        if aside:
            source = words("the replaced warehouse ({})", Words(aside.name))
            record_reverted(connection, ledger, source, now)
        count = record_older_files(connection, published, now)
        connection.execute("CHECKPOINT")  # only the file itself is put in place
    return count


def _erased(warehouse: Path) -> set[int] | None:
    """Return the people erased from a warehouse; None if it can't tell."""
    return _read(
        warehouse,
        lambda connection: {
            user_id
            for (user_id,) in connection.execute("SELECT user_id FROM ops.erased").fetchall()
        },
    )


def _read(warehouse: Path, query: Callable[[duckdb.DuckDBPyConnection], T]) -> T | None:
    """Return what a query of a warehouse returns; None if it is missing or can't be read."""
    try:
        with read_warehouse(warehouse, wait_seconds=0) as connection:
            return query(connection)
    except (duckdb.Error, PipelineError):
        return None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
