"""Write one published file: from scratch, or as a copy of the previous one with the changes."""

import logging
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import duckdb

from analytics_pipeline.storage.disk import is_full
from analytics_pipeline.storage.store import Store
from analytics_pipeline.warehouse.emails import Emptied
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.publication import Publication, current_state, record
from analytics_pipeline.warehouse.publish_changes import (
    CopyDiffers,
    copied_tables,
    is_tight,
    measure,
    write_changes,
)
from analytics_pipeline.warehouse.publish_whole import COPY, Texts, write_whole
from analytics_pipeline.warehouse.schema import create
from analytics_pipeline.warehouse.tables import PUBLISHED
from analytics_pipeline.warehouse.transactions import snapshot, transaction
from analytics_pipeline.warehouse.withhold import Withheld

logger = logging.getLogger(__name__)

FEWEST_ROWS = 100_000
"""A file with fewer rows is always written whole, as that costs less than comparing them."""


class Publishing:
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
