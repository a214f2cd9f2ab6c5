"""The seam between the pipeline and where its warehouse is kept.

Everything above it uses a DuckDB connection and `schema.table` SQL. `file.py` keeps the warehouse
in one DuckDB file, `lake.py` in a DuckLake.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import duckdb

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.generation import Generation


class Warehouse(Protocol):
    """The private database, which only the pipeline opens."""

    @property
    def file(self) -> Path | None:
        """The database file; None if the warehouse is not one file."""

    @property
    def not_reached(self) -> tuple[str, ...]:
        """Places beside the warehouse that `purge` can't reach, for the receipt of an erasure."""

    def exists(self) -> bool:
        """Return whether anything was ever written."""

    def describe(self) -> str:
        """Return where it is, for people; never a password."""

    def open(
        self, wait_seconds: float = 3_600
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open it as the only writer; create or migrate it if needed.

        Args:
            wait_seconds: how long to wait for other writers.

        Raises:
            WarehouseUnusable: others held it for longer, or it can't be read or written.
            SchemaTooNew: a later release wrote it.
        """

    def read(self, wait_seconds: float = 5) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open it read-only, without the writer's lock. It must exist.

        Args:
            wait_seconds: how long to wait for a writer that keeps readers out.

        Raises:
            WarehouseUnusable: a writer keeps readers out for longer, or it can't be read.
            SchemaTooNew: a later release wrote it.
        """

    def purge(self, wait_seconds: float = 3_600) -> None:
        """Leave no bytes of deleted rows.

        Raises:
            WarehouseUnusable: others held it for longer than `wait_seconds`, or it can't be
                written.
            OSError: likewise.
        """

    def maintain(self) -> None:
        """Keep it small and fast; for a nightly run.

        Raises:
            WarehouseUnusable: others held it for too long, or it can't be written.
        """

    def deletion(self) -> str:
        """Return, for people, how to delete it for good."""

    def retained(self) -> str:
        """Return why the storage keeps what `purge` deletes, with the remedy; empty if it doesn't.

        Raises:
            BucketSilent: the storage does not say.
        """

    def replaced_at(self) -> float:
        """Return when it was found replaced from outside (epoch seconds); 0 if never.

        Only for people to read: clocks may be wrong, so `generation` decides.
        """

    def generation(self) -> Generation:
        """Return which of Dagster's records describe it."""

    def is_untouched(self) -> bool:
        """Return whether it is what the last writer left, without opening it."""

    def is_replaced(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Return whether an open warehouse differs from what the last writer left."""


def warehouse_of(settings: Settings) -> Warehouse:
    """Return the warehouse that the settings name.

    Raises:
        WarehouseUnusable: it is a lake, and its drivers are not installed.
    """
    if settings.names_lake:
        try:
            from analytics_pipeline.warehouse.lake import LakeWarehouse
        except ImportError as error:
            raise WarehouseUnusable(
                f"ANALYTICS_WAREHOUSE names a lake, and {error.name} is not installed.",
                'Run: pip install "analytics-pipeline[lake]"',
            ) from None
        return LakeWarehouse.of(settings)
    from analytics_pipeline.warehouse.file import FileWarehouse

    return FileWarehouse(settings.warehouse_path)
