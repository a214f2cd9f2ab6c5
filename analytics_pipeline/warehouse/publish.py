"""Write the file that analysts open: everything in the warehouse that is not private, replaced
atomically.

Private values are never written to it, not even temporarily: deleted bytes would remain in the
file. `publish_whole.py` selects what is published, `withhold.py` what a failing check withholds.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.storage.replace import replacing
from analytics_pipeline.warehouse.emails import Emptied
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.publish_whole import COPY, write_whole
from analytics_pipeline.warehouse.schema import create
from analytics_pipeline.warehouse.signature import withheld_lines
from analytics_pipeline.warehouse.tables import PUBLISHED
from analytics_pipeline.warehouse.transactions import transaction, value_of
from analytics_pipeline.warehouse.withhold import Withheld, erasures, older_files, withheld


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
        older_files: files that the previous published file had in a later state, or that only it
            had: an older warehouse was restored.
        is_written: False if no file was written: all tables are withheld, and no previous file
            exists.
        emptied: number of cells of open columns that held an email address, by
            `schema.table.column`.
    """

    rows: Mapping[str, int]
    seconds: float
    bytes: int
    kept: Mapping[str, datetime] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    older_files: int = 0
    is_written: bool = True
    emptied: Mapping[str, int] = field(default_factory=dict)

    @property
    def withheld(self) -> list[str]:
        """Return a line for people for each kind of table that is not published in its current
        state.
        """
        return withheld_lines(self.kept, self.left_out, self.older_files, self.emptied)


def publish(
    connection: duckdb.DuckDBPyConnection, target: Path, *, pii: bool, without_marts: bool = False
) -> Published:
    """Write the published file and replace the previous one; its current readers are not disturbed.

    Args:
        connection: the live warehouse, under the writer's lock, with no transaction open.
        target: the published file. An existing file of ours keeps its mode; a first one is 0600, or
            0640 in a shared folder.
        pii: whether to publish private columns too. Quarantine is never published.
        without_marts: publish even if no file is loaded or no mart is built. An erased person must
            leave the published file even if no model can be built.

    Raises:
        NothingToPublish: no file is loaded, or no mart is built. The published file is unchanged.
        OSError: the file can't be written. The previous one is unchanged.
        duckdb.Error: likewise.
    """
    began = time.monotonic()
    if not without_marts:
        _require_marts(connection)
    make_export_folder(target.parent)
    older = older_files(connection, target)
    with withheld(connection, target, pii=pii) as held:
        if held.nothing:
            return Published(
                {}, time.monotonic() - began, 0, left_out=held.left_out, is_written=False
            )
        with replacing(target) as fresh, attached(connection, fresh, COPY):
            emptied = Emptied(pii)
            rows = write_whole(connection, held, emptied)
            with transaction(connection):
                _sign(connection, held, older, emptied)
    size = target.stat().st_size
    return Published(
        rows, time.monotonic() - began, size, held.kept, held.left_out, older, emptied=emptied.cells
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


def _sign(
    connection: duckdb.DuckDBPyConnection, held: Withheld, older: int, emptied: Emptied
) -> None:
    """Record in the file what it contains."""
    create(connection, PUBLISHED, f"{COPY}.")
    kept = [{"table": name, "published_at": at} for name, at in sorted(held.kept.items())]
    connection.execute(
        f"""INSERT INTO {COPY}.{PUBLISHED.name}
            SELECT ?, ?, ?, max(version), ?, ?, ?, ?, ? FROM ops.schema_version""",
        [
            datetime.now(UTC).replace(tzinfo=None),
            emptied.pii,
            version("analytics-pipeline"),
            kept,
            held.left_out,
            erasures(connection),
            older,
            [{"column": name, "cells": cells} for name, cells in sorted(emptied.cells.items())],
        ],
    )
