"""A warehouse whose file is gone, and the published file that it left.

What Vocareum no longer delivers (history of overwritten datasets, files deleted in the bucket) is
then only in a backup and in the published file. So a new warehouse does not replace that file.
"""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.published_file import published_at
from analytics_pipeline.warehouse.sidecar import sidecar_path
from analytics_pipeline.warehouse.signature import Signature
from analytics_pipeline.warehouse.transactions import value_of

NOT_DELIVERED = (
    "the history of mappings, grades and enrollment, and files that were deleted in the bucket"
)
BEGUN_ANEW = (
    "This run builds a new one from what is still delivered. `analytics-pipeline restore DIR` puts"
    " the old one back from a backup."
)


_FILE = "published_before"
"""Name under which the published file is attached to read its arrivals."""


class WarehouseGone(PipelineError):
    """There was a warehouse, and its file is missing."""


class NotReplaced(PipelineError):
    """An earlier warehouse wrote the published file, which is left as it is."""

    def __init__(self, published: Path) -> None:
        super().__init__(
            f"{published} was not replaced. An earlier warehouse published it, not the present one,"
            f" and it may hold the only copy of what can't be loaded again: {NOT_DELIVERED}."
            " No run replaces it.",
            "Put the earlier warehouse back from a backup with `analytics-pipeline restore DIR`."
            " Or, to go on with the present one, copy that file if you need its history (`erase`"
            " does not reach the copy), and run `analytics-pipeline publish --replace`.",
        )


def gone(settings: Settings) -> WarehouseGone | None:
    """Return what to say if there was a warehouse whose file is missing; else None.

    Its sidecar proves it, or the published file. With a store, that file may be of another machine.
    A lake is never gone: its catalog answers, or can't be reached.
    """
    file, published = warehouse_of(settings).file, settings.published_path
    if file is None or file.exists():
        return None
    is_published = not settings.published_store and published_at(published) is not None
    left = [sidecar_path(file)] if sidecar_path(file).exists() else []
    left += [published] if is_published else []
    if not left:
        return None
    names = " and ".join(map(str, left))
    return WarehouseGone(
        f"The warehouse is gone: {file} is missing, and {names} {'is' if len(left) == 1 else 'are'}"
        f" left of it. {NOT_DELIVERED[0].upper()}{NOT_DELIVERED[1:]} can't be loaded again.",
        "Put it back from a backup with `analytics-pipeline restore DIR`. Or run"
        " `analytics-pipeline sync`, which builds a new one from what is still delivered"
        + (f" and leaves {published} as it is." if is_published else "."),
    )


def not_replaced(
    settings: Settings, connection: duckdb.DuckDBPyConnection, signed: Signature | None
) -> str:
    """Return why no run replaces the published file; empty if runs do.

    Args:
        settings: the organisation's settings.
        connection: the live warehouse.
        signed: what the published file says about itself; None if it is missing or can't be read.
    """
    if not is_of_another(connection, settings.published_path, signed):
        return ""
    return str(NotReplaced(settings.published_path))


def is_of_another(
    connection: duckdb.DuckDBPyConnection, published: Path, signed: Signature | None
) -> bool:
    """Return whether an earlier warehouse wrote the published file.

    The time at which a file was first seen identifies a warehouse, also one that was moved or
    restored, and even if a clock was wrong. So the file is another's if it shares no such time with
    this warehouse, and its first one is from before this warehouse was made. A file of an earlier
    release has no such times: it is another's if its newest load is from before that.

    Args:
        connection: the live warehouse.
        published: the published file.
        signed: what it says about itself; None if it is missing or can't be read.
    """
    if signed is None or signed.loaded_at is None:
        return False
    began = _began(connection)
    first, is_shared = _arrivals(connection, published)
    return began is not None and not is_shared and (first or signed.loaded_at) < began


def _arrivals(
    connection: duckdb.DuckDBPyConnection, published: Path
) -> tuple[datetime | None, bool]:
    """Return when the first file of a published file was seen (UTC; None if it does not say), and
    whether the warehouse first saw any of its files at the same time.
    """
    with (
        suppress(duckdb.Error),  # of an earlier release
        attached(connection, published, _FILE, read_only=True),
    ):
        row = connection.execute(
            f"""SELECT min(first_seen), bool_or((dataset, "partition", first_seen) IN (
                    SELECT (dataset, "partition", first_seen) FROM ops.arrivals))
                FROM {_FILE}.ops.arrivals"""
        ).fetchone()
        if row:
            return row[0], bool(row[1])
    return None, False


def _began(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return when a warehouse was made, or its oldest load if that is earlier (UTC)."""
    with suppress(duckdb.CatalogException):  # written by an earlier release
        began: datetime | None = value_of(
            connection,
            """SELECT least((SELECT min(applied_at) FROM ops.schema_version),
                            (SELECT min(loaded_at) FROM ops.loaded_files))""",
        )
        return began
    return None
