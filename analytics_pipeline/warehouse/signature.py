"""What a published file says of itself (`ops.published`), read without the warehouse.

How it is written belongs in `publish.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import duckdb

from analytics_pipeline.warehouse.connection import closing
from analytics_pipeline.warehouse.schema import PUBLISHED


@dataclass(frozen=True)
class Signature:
    """The row of `ops.published`; a file of an earlier release says less.

    Attributes:
        published_at: UTC.
        kept: tables that a failing check withholds: when they were published as they still are (UTC).
        left_out: tables that a failing check withholds and that are not in the file.
        older_files: files that the published file before had in a later state, or alone: an older warehouse was put back.
        emptied: cells of open columns in which an email address stood, by `schema.table.column`.
    """

    published_at: datetime
    kept: Mapping[str, datetime] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    older_files: int = 0
    emptied: Mapping[str, int] = field(default_factory=dict)

    @property
    def withheld(self) -> list[str]:
        """What people are told of tables that are not published as they are in the warehouse: a line for each kind."""
        return withheld_lines(self.kept, self.left_out, self.older_files, self.emptied)


def withheld_lines(
    kept: Mapping[str, datetime],
    left_out: Sequence[str],
    older_files: int = 0,
    emptied: Mapping[str, int] = MappingProxyType({}),
) -> list[str]:
    """A line on the tables that stay as they were published, on those that are missing, on a file that went back in time, and
    on cells that were emptied; none where there is nothing to say."""
    lines = []
    if older_files:
        lines.append(
            f"Published from an older warehouse: of {older_files:,} files it holds less than what was published before. "
            "`analytics-pipeline sync`, or Dagster's daemon, loads what is still delivered and publishes again."
        )
    if kept:
        lines.append(f"Kept as published before ({min(kept.values()):%Y-%m-%d %H:%M} UTC): {', '.join(sorted(kept))}.")
    if left_out:
        lines.append(f"Left out, as no earlier state may be published: {', '.join(sorted(left_out))}.")
    if emptied:
        columns = ", ".join(f"{name} ({cells:,})" for name, cells in sorted(emptied.items()))
        lines.append(
            f"Published empty, as an email address stands in cells of open columns: {columns}. Rows of those files are "
            "probably shifted by an unquoted comma: `analytics-pipeline findings` shows where rows are too long."
        )
    return lines


def signature(published: Path) -> Signature | None:
    """What a published file says of itself; None if there is none, or it can't be read."""
    if not published.exists():
        return None
    try:
        with closing(duckdb.connect(str(published), read_only=True)) as connection:
            return read_signature(connection)
    except duckdb.Error:
        return None


def read_signature(connection: duckdb.DuckDBPyConnection) -> Signature | None:
    """The same, of an open file."""
    found = connection.execute(f"FROM {PUBLISHED.name}")
    names = [column[0] for column in found.description or ()]
    row = dict(zip(names, found.fetchone() or (), strict=False))
    if "published_at" not in row:
        return None
    kept = {entry["table"]: entry["published_at"] for entry in row.get("kept") or ()}
    emptied = {entry["column"]: entry["cells"] for entry in row.get("emptied") or ()}
    return Signature(row["published_at"], kept, tuple(row.get("left_out") or ()), row.get("older_files") or 0, emptied)
