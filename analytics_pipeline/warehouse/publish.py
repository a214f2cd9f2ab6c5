"""Replace the file that analysts open, atomically, by all that is not private in the warehouse.

Private values are never written to it, not even temporarily: deleted bytes would remain in the
file. `publishing.py` writes the file. `publish_whole.py` selects what is published, `withhold.py`
what a failing check withholds. If `publication.py` records what the previous file holds,
`publish_changes.py` writes only differences.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.database_log import remove_logs
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.storage.store import FOLDER, KEPT, Store
from analytics_pipeline.warehouse.gone import NotReplaced, is_of_another
from analytics_pipeline.warehouse.publication import fitting, forget
from analytics_pipeline.warehouse.publish_whole import Texts
from analytics_pipeline.warehouse.published_file import published_at
from analytics_pipeline.warehouse.publishing import Publishing
from analytics_pipeline.warehouse.reverted import record_older_files
from analytics_pipeline.warehouse.signature import signature, withheld_lines
from analytics_pipeline.warehouse.transactions import value_of
from analytics_pipeline.warehouse.withhold import Withheld, withheld


class NothingToPublish(PipelineError):
    """The warehouse has no data for analysts yet."""


@dataclass(frozen=True)
class Published:
    """Result of a publication.

    Attributes:
        at: time of the content (UTC).
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

    at: datetime
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
        OSError, duckdb.Error: the file can't be written. The previous one is unchanged.
    """
    if not without_marts:
        _require_marts(connection)
    make_export_folder(target.parent)
    before = store.fetch(target, published_at)
    is_kept = is_of_another(connection, target, signature(target))
    if is_kept and not (without_marts or replaces_other):
        raise NotReplaced(target)
    done = _write(connection, target, pii, store, model_texts)
    if not done.is_written:
        if before.problem:  # the store may have a file from which tables could be kept
            raise before.problem
        return done
    store.put(target, done.at, before)
    return replace(done, deleted=store.delete_before(target.name, keep))


def _write(
    connection: duckdb.DuckDBPyConnection,
    target: Path,
    pii: bool,
    store: Store,
    model_texts: Callable[[], Texts],
) -> Published:
    """Write the local file, unless all tables are withheld and there is none yet."""
    began = time.monotonic()
    if remove_logs(target):  # another program wrote there: nothing may be built on its changes
        forget(connection)
    older = record_older_files(connection, target, warehouse_now())
    with withheld(connection, target, pii=pii) as held:
        publishing = Publishing(connection, target, held, pii, older, store)
        at = publishing.state.at
        if held.nothing:
            seconds = time.monotonic() - began
            return Published(at, {}, seconds, 0, left_out=held.left_out, is_written=False)
        # Only a file from which nothing is withheld equals the warehouse, and can be compared.
        file = store.identity(target)
        before = fitting(connection, publishing.state, file) if held == Withheld() else None
        # Until the new file is in place, nothing is known of it: this process may be killed.
        forget(connection)
        with replacing(target) as fresh:
            is_whole = before is None or not publishing.write_changes(fresh, before)
            if is_whole:
                publishing.write_whole(fresh, model_texts)
    publishing.keep_record(None if is_whole else before)
    return Published(
        at,
        publishing.rows,
        time.monotonic() - began,
        target.stat().st_size,
        held.kept,
        held.left_out,
        older,
        emptied=publishing.emptied.cells,
        is_whole=is_whole,
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
