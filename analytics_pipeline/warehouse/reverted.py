"""Record as open absences what a warehouse lacks in comparison with the one that it replaced.

The replaced warehouse shows what is lacking, if it is kept; so does the file that it published.
Neither lasts: the next publication overwrites the file. So the new warehouse keeps the record
until the files are loaded again, or a person closes it. `ingest/absence.py` decides what is older.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb

from analytics_pipeline.ingest.absence import Absence, Kind, reverted
from analytics_pipeline.ingest.delivery import Place
from analytics_pipeline.warehouse.absences import open_absences, record_absences
from analytics_pipeline.warehouse.gone import is_of_another
from analytics_pipeline.warehouse.ledger import (
    LoadedFile,
    loaded_files,
    organisations,
    other_versions,
)
from analytics_pipeline.warehouse.lost_check import record_lost_check
from analytics_pipeline.warehouse.signature import signature
from analytics_pipeline.warehouse.transactions import write
from analytics_pipeline.warehouse.withhold import BEFORE, attached_before
from analytics_pipeline.words import Words, words

logger = logging.getLogger(__name__)


def record_reverted(
    connection: duckdb.DuckDBPyConnection,
    replaced: Iterable[LoadedFile],
    source: Words,
    now: datetime,
) -> None:
    """Record what the warehouse lacks in comparison with a replaced one.

    Args:
        connection: the live warehouse, with no transaction open.
        replaced: ledger of the replaced warehouse.
        source: the replaced warehouse in words.
        now: UTC, naive.
    """
    comparable = _comparable(connection, replaced, now)
    _record(connection, reverted(comparable, loaded_files(connection), source), now)


def record_older_files(
    connection: duckdb.DuckDBPyConnection, published: Path, now: datetime
) -> int:
    """Record what the warehouse lacks in comparison with the one that published a file.

    If that was an earlier warehouse, not a later state of this one, the files are only counted:
    nothing replaces the published file until a person decides to give it up.

    Args:
        connection: the live warehouse, with no transaction open.
        published: the published file, which may be missing.
        now: UTC, naive.

    Returns:
        Number of files that the warehouse lacks, or has in an older version.
    """
    replaced, present = _differing(connection, published)
    comparable = _comparable(connection, replaced, now)
    absent = reverted(comparable, present, words("the replaced warehouse"))
    if absent and not is_of_another(connection, published, signature(published)):
        _record(connection, absent, now)
        absent = []
    return len(absent) + len(_open(connection))


def _record(
    connection: duckdb.DuckDBPyConnection, absent: Sequence[Absence], now: datetime
) -> None:
    if absent:
        write(connection, lambda: record_absences(connection, absent, now))
        record_lost_check(connection, now)


def _comparable(
    connection: duckdb.DuckDBPyConnection, replaced: Iterable[LoadedFile], now: datetime
) -> list[LoadedFile]:
    """Return the files that are neither recorded, nor closed by a person since they were loaded.

    If a load is dated after now, a clock was wrong, and whoever closed the file did so later. Files
    of another organisation, loaded there by mistake, don't count.
    """
    recorded, closed = _open(connection), _closed(connection)
    whose = organisations(connection)
    return [
        file
        for file in replaced
        if file.place not in recorded
        and not (
            file.place in closed and (closed[file.place] >= file.loaded_at or file.loaded_at > now)
        )
        and (not whose or file.source_key.partition("/")[0] in whose)
    ]


def _open(connection: duckdb.DuckDBPyConnection) -> set[Place]:
    return {event.place for event in open_absences(connection) if event.kind is Kind.REVERTED}


def _closed(connection: duckdb.DuckDBPyConnection) -> dict[Place, datetime]:
    """Return when a person last closed a gone or reverted file, by its place."""
    rows = connection.execute(
        """SELECT dataset, "partition", max(closed_at) FROM ops.absences
           WHERE closed_by = 'close' AND kind IN ('gone', 'reverted') GROUP BY ALL"""
    ).fetchall()
    return {(dataset, partition): closed_at for dataset, partition, closed_at in rows}


def _differing(
    connection: duckdb.DuckDBPyConnection, published: Path
) -> tuple[list[LoadedFile], list[LoadedFile]]:
    """Return the versions that only a published file has, and those that only the warehouse has.

    For ten years of history, reading both ledgers completely would take a fifth of a second.
    """
    live, before = "ops.loaded_files", f"{BEFORE}.ops.loaded_files"
    with attached_before(connection, published) as is_attached, suppress(duckdb.Error):
        # An error means that it is damaged, not our file, or of a release with other tables.
        if is_attached:
            return other_versions(connection, before, live), other_versions(
                connection, live, before
            )
    if published.exists():
        logger.warning(
            "%s can't be read: whether an older warehouse was put in place can't be told from it.",
            published,
        )
    return [], []
