"""Replace the file that analysts open, atomically, by all that is not private in the warehouse.

Private values are never written to it, not even temporarily: deleted bytes would remain in the
file. `publish_whole.py` selects what is published, `withhold.py` what a failing check withholds. If
`publication.py` records what the previous file holds, `publish_changes.py` writes only differences.
"""

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.database_log import remove_logs
from analytics_pipeline.storage.disk import is_full
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.storage.store import FOLDER, KEPT, Store
from analytics_pipeline.warehouse.emails import Emptied
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.gone import NotReplaced, is_of_another
from analytics_pipeline.warehouse.publication import (
    Publication,
    current_state,
    fitting,
    forget,
    record,
)
from analytics_pipeline.warehouse.publish_changes import (
    CopyDiffers,
    copied_tables,
    is_tight,
    measure,
    write_changes,
)
from analytics_pipeline.warehouse.publish_whole import COPY, Texts, write_whole
from analytics_pipeline.warehouse.published_file import published_at
from analytics_pipeline.warehouse.reverted import record_older_files
from analytics_pipeline.warehouse.schema import create
from analytics_pipeline.warehouse.signature import signature, withheld_lines
from analytics_pipeline.warehouse.tables import PUBLISHED
from analytics_pipeline.warehouse.transactions import snapshot, transaction, value_of
from analytics_pipeline.warehouse.withhold import Withheld, withheld

logger = logging.getLogger(__name__)

FEWEST_ROWS = 100_000
"""A file with fewer rows is always written whole, as that costs less than to compare them."""


class NothingToPublish(PipelineError):
    """The warehouse has no data for analysts yet."""


@dataclass(frozen=True)
class Published:
    """Result of a publication.

    Attributes:
        rows: number of rows by qualified table name; without views.
        seconds: duration.
        bytes: size of the file.
        kept: tables withheld by a failing check, with the time of the state that stays published
            (UTC).
        left_out: tables withheld by a failing check without an earlier state that may stay.
        older_files: number of files that only a replaced warehouse had, or had in a later version.
        is_written: False if no file was written: all tables are withheld, and no previous file
            exists.
        emptied: number of cells of open columns that held an email address, by
            `schema.table.column`.
        is_whole: whether the file was written from scratch; otherwise differences were written to a
            copy.
        deleted: addresses of the versions that were deleted from the store.
    """

    rows: Mapping[str, int]
    seconds: float
    bytes: int
    kept: Mapping[str, datetime] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    older_files: int = 0
    is_written: bool = True
    emptied: Mapping[str, int] = field(default_factory=dict)
    is_whole: bool = True
    deleted: Sequence[str] = ()

    @property
    def withheld(self) -> list[str]:
        """Return a line for people for each kind of table that is not published in its current
        state.
        """
        return withheld_lines(self.kept, self.left_out, self.older_files, self.emptied)


def publish(
    connection: duckdb.DuckDBPyConnection,
    target: Path,
    *,
    pii: bool,
    without_marts: bool = False,
    replaces_other: bool = False,
    store: Store = FOLDER,
    keep: timedelta = KEPT,
    model_texts: Callable[[], Texts] = dict,
) -> Published:
    """Write the published file and replace the previous one; its current readers are not disturbed.

    Args:
        connection: the live warehouse, under the writer's lock, with no transaction open.
        target: the published file. An existing file of ours keeps its mode; a first one, and one
            that was 0600, is 0600, or 0640 in a shared folder.
        pii: whether to publish private columns too. Quarantine is never published.
        without_marts: publish even if no file is loaded, no mart is built, or an earlier warehouse
            wrote the file. An erased person must leave it even if no model can be built.
        replaces_other: publish even if an earlier warehouse wrote the file.
        store: where readers on other machines find it. Its current version is the previous file.
        keep: how long a version stays in the store after it was replaced.
        model_texts: returns the comments of models' columns, for a warehouse that stores none of
            views.

    Raises:
        NothingToPublish: no file is loaded, or no mart is built. The published file is unchanged.
        NotReplaced: an earlier warehouse wrote the published file, or the store's version.
        StoreFailed: the file is written here, but is not the store's current version; or earlier
            versions can't be deleted.
        OSError: the file can't be written. The previous one is unchanged.
        duckdb.Error: likewise.
    """
    if not without_marts:
        _require_marts(connection)
    make_export_folder(target.parent)
    before = store.fetch(target, published_at)
    if not (without_marts or replaces_other) and is_of_another(connection, signature(target)):
        raise NotReplaced(target)
    done, at = _write(connection, target, pii, store, model_texts)
    if not done.is_written:
        if before.problem:  # the store may have a file from which tables could be kept
            raise before.problem
        return done
    store.put(target, at, before)
    return replace(done, deleted=store.delete_before(target.name, keep))


def _write(
    connection: duckdb.DuckDBPyConnection,
    target: Path,
    pii: bool,
    store: Store,
    model_texts: Callable[[], Texts],
) -> tuple[Published, datetime]:
    """Write the local file; return the result, and the time of its content."""
    began = time.monotonic()
    if remove_logs(target):  # another program wrote there: nothing may be built on its changes
        forget(connection)
    older = record_older_files(connection, target, warehouse_now())
    with withheld(connection, target, pii=pii) as held:
        publishing = _Publishing(connection, target, held, pii, older, store)
        if held.nothing:
            done = Published(
                {}, time.monotonic() - began, 0, left_out=held.left_out, is_written=False
            )
            return done, publishing.state.at
        file = store.identity(target)
        before = fitting(connection, publishing.state, file) if held == Withheld() else None
        forget(connection)
        with replacing(target) as fresh:
            is_whole = before is None or not publishing.write_changes(fresh, before)
            if is_whole:
                publishing.write_whole(fresh, model_texts)
    publishing.keep_record(None if is_whole else before)
    done = Published(
        publishing.rows,
        time.monotonic() - began,
        target.stat().st_size,
        held.kept,
        held.left_out,
        older,
        emptied=publishing.emptied.cells,
        is_whole=is_whole,
    )
    return done, publishing.state.at


class _Publishing:
    """One publication: what it depends on, and what was written.

    Attributes:
        state: what the file depends on besides rows.
        rows: number of rows by qualified table name; without views.
        emptied: the cells that were not published.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        target: Path,
        held: Withheld,
        pii: bool,
        older: int,
        store: Store,
    ) -> None:
        self.connection, self.target, self.held = connection, target, held
        self.older, self.state = older, current_state(connection, pii=pii)
        self.store = store
        self.rows: dict[str, int] = {}
        self.emptied = Emptied(pii)

    def write_whole(self, fresh: Path, model_texts: Callable[[], Texts]) -> None:
        """Write the file from scratch, and measure its parts for the next publication."""
        self.emptied = Emptied(self.emptied.pii)
        with attached(self.connection, fresh, COPY), snapshot(self.connection):
            self.rows = write_whole(self.connection, self.held, self.emptied, model_texts)
            with transaction(self.connection):
                self._sign()
            if self._is_recorded:
                measure(self.connection, copied_tables(self.connection))

    def write_changes(self, fresh: Path, before: Publication) -> bool:
        """Write a copy with what changed; return False, without a copy, if it must be whole."""
        try:
            shutil.copyfile(self.target, fresh)
            with attached(self.connection, fresh, COPY):
                with snapshot(self.connection):
                    tables = copied_tables(self.connection)
                    measure(self.connection, tables)
                    with transaction(self.connection):
                        self.rows = write_changes(self.connection, tables, self.emptied, before)
                        self._sign()
                self.connection.execute(f"CHECKPOINT {COPY}")
                tables_with_rows = sum(rows > 0 for rows in self.rows.values())
                if is_tight(self.connection, before.whole_bytes, tables_with_rows):
                    return True
        except (duckdb.Error, CopyDiffers) as error:
            if is_full(error):
                raise
            logger.warning(
                "The copy of the published file can't be changed (%s); writing the whole file.",
                type(error).__name__,
            )
        for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):
            left.unlink(missing_ok=True)
        return False

    def keep_record(self, before: Publication | None) -> None:
        """Store what was published; `before` is the file that was changed, if one was."""
        if not self._is_recorded:
            return
        file, size = self.store.identity(self.target), self.target.stat().st_size
        whole = (before.whole_at, before.whole_bytes) if before else (self.state.at, size)
        record(self.connection, Publication(file, self.state, *whole), self.emptied.tables)

    @property
    def _is_recorded(self) -> bool:
        """Return whether the next publication may write only differences."""
        return self.held == Withheld() and sum(self.rows.values()) >= FEWEST_ROWS

    def _sign(self) -> None:
        """Record in the file what it contains."""
        create(self.connection, PUBLISHED, f"{COPY}.")
        kept = [{"table": name, "published_at": at} for name, at in sorted(self.held.kept.items())]
        cells = sorted(self.emptied.cells.items())
        self.connection.execute(f"DELETE FROM {COPY}.{PUBLISHED.name}")
        self.connection.execute(
            f"""INSERT INTO {COPY}.{PUBLISHED.name}
                SELECT ?, ?, ?, max(version), ?, ?, ?, ?, ? FROM ops.schema_version""",
            [
                self.state.at,
                self.emptied.pii,
                version("analytics-pipeline"),
                kept,
                self.held.left_out,
                self.state.erasures,
                self.older,
                [{"column": name, "cells": number} for name, number in cells],
            ],
        )


def _require_marts(connection: duckdb.DuckDBPyConnection) -> None:
    if not value_of(connection, "SELECT count(*) FROM ops.loaded_files"):
        raise NothingToPublish(
            "Nothing was published: the warehouse holds no loaded file.",
            "Run `analytics-pipeline sync`; `analytics-pipeline status` shows why files fail.",
        )
    if not value_of(
        connection,
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() AND"
        " schema_name = 'marts'",
    ):
        raise NothingToPublish(
            "Nothing was published: the warehouse holds no mart.",
            "Run `analytics-pipeline sync`, which builds the models and shows which one fails.",
        )
