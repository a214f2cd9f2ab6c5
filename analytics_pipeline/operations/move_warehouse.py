"""Copy the warehouse from a file into a lake, or back, and compare each table with its origin.

The target gets all rows in one transaction, which commits only if all hashes are equal. So a copy
that fails or is killed leaves nothing that anybody reads, and the same command starts again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb

from analytics_pipeline.operations.copy_warehouse import (
    CopyDiffers,
    Moved,
    MoveError,
    WarehouseCopy,
    using,
)
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import Model, load_usable
from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.disk import translate_disk_full
from analytics_pipeline.storage.folders import keep_private
from analytics_pipeline.warehouse.backend import Warehouse, warehouse_of
from analytics_pipeline.warehouse.connection import lock_warehouse
from analytics_pipeline.warehouse.copy_tables import Databases
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.ledger import organisations
from analytics_pipeline.warehouse.schema import ensure_schema, is_current
from analytics_pipeline.warehouse.sidecar import digest, update_sidecar
from analytics_pipeline.warehouse.transactions import value_of

T = TypeVar("T")

_FILE = "moved_file"
"""Name under which the file is attached to the lake's DuckDB."""
_WAIT_SECONDS = 3_600
"""How long to wait for other writers of each warehouse."""


def move(origin: Settings, target: Settings) -> Moved:
    """Copy the warehouse of one settings into that of others, which must be empty.

    The caller makes sure that no run and no daemon is alive.

    Args:
        origin: names the warehouse to copy; it is only read.
        target: names the other one: a lake if that is a file, a file if that is a lake.

    Raises:
        MoveError: the two don't fit, or the origin must be brought up to date first.
        CopyDiffers: the copy was not equal, and is removed.
        WarehouseUnusable: others held a warehouse for too long, or it can't be read or written.
        DiskFull: the target's disk is full.
    """
    _require_pair(origin, target)
    source, goal = warehouse_of(origin), warehouse_of(target)
    _require_ready(source, f"org{target.org_id}")
    project, _ = load_usable()
    models = list(project.models.values())
    if source.file:
        return _into_lake(source.file, goal, models)
    return _into_file(source, goal, models)


def _require_pair(origin: Settings, target: Settings) -> None:
    if origin.org_id != target.org_id:
        raise MoveError(
            f"The warehouse belongs to organisation {origin.org_id or '(not set)'}, the target to"
            f" {target.org_id or '(not set)'}.",
            "Set the same VOCAREUM_ORG_ID in both settings.",
        )
    if origin.names_lake and target.names_lake:
        raise MoveError(
            "Both settings name a lake.",
            "Move into a file first, then from there into the other lake.",
        )
    if not origin.names_lake and not target.names_lake:
        raise MoveError(
            "Both settings name a file.",
            "Set ANALYTICS_WAREHOUSE in one of them, or use `backup` and `restore`.",
        )


def _require_ready(source: Warehouse, organisation: str) -> None:
    """Require a warehouse of the organisation, in the state that the last run of this release left.

    `move` changes nothing in it, so it neither migrates it nor records that it was replaced.
    """
    if not source.exists():
        raise MoveError(
            f"There is no warehouse at {source.describe()}.", "Run `analytics-pipeline sync` first."
        )
    with source.read() as connection:
        is_complete = is_current(connection) and not source.is_replaced(connection)
        others = organisations(connection) - {organisation} if is_complete else set()
    if not is_complete:
        raise MoveError(
            f"{source.describe()} is not as the last run of this release left it: another release"
            " wrote it, it was replaced, or a run was killed.",
            "Run `analytics-pipeline sync` first, which brings it up to date.",
        )
    if others:
        raise MoveError(
            f"{source.describe()} holds files of {', '.join(sorted(others))}, and the settings name"
            f" {organisation}.",
            "Correct VOCAREUM_ORG_ID.",
        )


def _into_lake(file: Path, lake: Warehouse, models: Sequence[Model]) -> Moved:
    def with_copy(work: Callable[[WarehouseCopy], T]) -> T:
        with (
            lock_warehouse(file, _WAIT_SECONDS),
            lake.open(_WAIT_SECONDS) as connection,
            _file_attached(connection, file),
        ):
            databases = Databases(connection, _FILE, _current(connection))
            return work(WarehouseCopy(databases, models, lake))

    if lake.exists():
        if found := with_copy(WarehouseCopy.found):
            return found
        lake.purge(_WAIT_SECONDS)  # files of a killed attempt hold personal data, too
    try:
        return with_copy(lambda copy: copy.found() or copy.make())
    except CopyDiffers:
        lake.purge(_WAIT_SECONDS)
        raise


def _into_file(lake: Warehouse, goal: Warehouse, models: Sequence[Model]) -> Moved:
    file = goal.file
    assert file is not None  # the settings name no lake
    keep_private(file.parent)
    with (
        lake.open(_WAIT_SECONDS) as connection,
        lock_warehouse(file, _WAIT_SECONDS),
        translate_disk_full(file),
    ):
        origin = _current(connection)
        if file.exists():
            with _file_attached(connection, file):
                copy = WarehouseCopy(Databases(connection, origin, _FILE), models, goal)
                if found := copy.found():
                    return found
        _require_no_log(file)
        with (
            replacing(file) as fresh,
            attached(connection, fresh, _FILE),
            using(connection, _FILE) as inside,
        ):
            ensure_schema(inside)
            moved = WarehouseCopy(Databases(inside, origin, _FILE), models, goal).make()
            ledger = digest(inside)
        update_sidecar(file, ledger)
        return moved


@contextmanager
def _file_attached(connection: duckdb.DuckDBPyConnection, file: Path) -> Iterator[None]:
    """Attach the database file read-only to the lake's DuckDB.

    Raises:
        WarehouseUnusable: it can't be read, or another program has it open.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(attached(connection, file, _FILE, read_only=True))
        except duckdb.Error as error:
            raise WarehouseUnusable(
                f"{file} can't be read: {error}.",
                "Close it in other programs, check the permissions, and run the command again.",
            ) from None
        yield


def _current(connection: duckdb.DuckDBPyConnection) -> str:
    return str(value_of(connection, "SELECT current_database()"))


def _require_no_log(file: Path) -> None:
    """Refuse a leftover write-ahead log, which DuckDB would apply to the new file."""
    log = file.with_name(f"{file.name}.wal")
    if log.exists():
        raise MoveError(
            f"{log} is left of an earlier warehouse, and would be applied to the new one.",
            "Move it away, and run the command again.",
        )
