"""Read a published file's description of itself (`ops.published`), without the warehouse.

`publishing.py` writes it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from analytics_pipeline.warehouse.checks import builds
from analytics_pipeline.warehouse.connection import closing
from analytics_pipeline.warehouse.files import is_cut_short
from analytics_pipeline.warehouse.tables import PUBLISHED
from analytics_pipeline.warehouse.transactions import value_of
from analytics_pipeline.words import counted


@dataclass(frozen=True)
class Signature:
    """The row of `ops.published`; files of earlier releases have fewer columns.

    Attributes:
        published_at: UTC.
        kept: tables withheld by a failing check, with the time of the state that stays published
            (UTC).
        left_out: tables withheld by a failing check that are not in the file.
        older_files: number of files that the warehouse lacked, or had in an older version, compared
            with the one that it replaced.
        emptied: number of cells of open columns that held an email address, by
            `schema.table.column`.
        pii: whether it includes emails, names and free text; None if it does not say.
        builds: when each model that the file holds or withholds was last built (UTC), by qualified
            name; empty if the file does not say.
        loaded_at: when the newest of its files was loaded (UTC); None if it names none.
        release: release that published it; empty if it does not say.
    """

    published_at: datetime
    kept: Mapping[str, datetime] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    older_files: int = 0
    emptied: Mapping[str, int] = field(default_factory=dict)
    pii: bool | None = None
    builds: Mapping[str, datetime] = field(default_factory=dict)
    loaded_at: datetime | None = None
    release: str = ""

    @property
    def withheld(self) -> list[str]:
        """Return lines for people about tables that are not published in their current state."""
        return withheld_lines(self.kept, self.left_out, self.older_files, self.emptied)


def withheld_lines(
    kept: Mapping[str, datetime],
    left_out: Sequence[str],
    older_files: int,
    emptied: Mapping[str, int],
) -> list[str]:
    """Return lines for people about kept, omitted, older and emptied content."""
    lines = []
    if older_files:
        lines.append(
            f"Published from an older warehouse: for {counted(older_files, 'file')} it holds less"
            " than was published before. `analytics-pipeline sync` or Dagster's daemon loads what"
            " is still delivered and publishes again. `analytics-pipeline status` names the files."
        )
    if kept:
        lines.append(
            f"Kept as published before ({min(kept.values()):%Y-%m-%d %H:%M} UTC):"
            f" {', '.join(sorted(kept))}."
        )
    if left_out:
        lines.append(
            f"Left out, as no earlier state may be published: {', '.join(sorted(left_out))}."
        )
    if emptied:
        columns = ", ".join(f"{name} ({cells:,})" for name, cells in sorted(emptied.items()))
        lines.append(
            f"Published empty, as cells of open columns hold an email address: {columns}. Rows of"
            " those files are probably shifted by an unquoted comma: `analytics-pipeline findings`"
            " shows where rows are too long."
        )
    return lines


def signature(published: Path) -> Signature | None:
    """Return a published file's signature; None if there is none, or it can't be read whole."""
    try:
        # A publication may replace the file between opening it and looking at its size.
        return _read_whole(published) or _read_whole(published)
    except (FileNotFoundError, duckdb.Error):
        return None


def _read_whole(published: Path) -> Signature | None:
    if not published.exists():
        return None
    with closing(duckdb.connect(str(published), read_only=True)) as connection:
        name = value_of(connection, "SELECT current_database()")
        return None if is_cut_short(connection, published, name) else read_signature(connection)


def read_signature(connection: duckdb.DuckDBPyConnection) -> Signature | None:
    """Return the signature of an open published file; None if it has none."""
    row = published_row(connection)
    if "published_at" not in row:
        return None
    kept = {entry["table"]: entry["published_at"] for entry in row.get("kept") or ()}
    emptied = {entry["column"]: entry["cells"] for entry in row.get("emptied") or ()}
    return Signature(
        row["published_at"],
        kept,
        tuple(row.get("left_out") or ()),
        row.get("older_files") or 0,
        emptied,
        row.get("pii"),
        builds(connection),
        _loaded_at(connection),
        row.get("release") or "",
    )


def published_row(connection: duckdb.DuckDBPyConnection, database: str = "") -> dict[str, Any]:
    """Return the row of `ops.published` by column; empty if there is none.

    Args:
        connection: has the published file open or attached.
        database: prefix of its tables if it is attached, such as `before.`.

    Raises:
        duckdb.CatalogException: it is no published file.
    """
    found = connection.execute(f"FROM {database}{PUBLISHED.name}")
    names = [column[0] for column in found.description or ()]
    return dict(zip(names, found.fetchone() or (), strict=False))


def _loaded_at(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    with suppress(duckdb.CatalogException, duckdb.BinderException):  # of an earlier release
        newest: datetime | None = value_of(
            connection, "SELECT max(loaded_at) FROM ops.loaded_files"
        )
        return newest
    return None
