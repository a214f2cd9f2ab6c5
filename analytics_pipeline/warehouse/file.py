"""The warehouse as one DuckDB file in the data folder."""

import shlex
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import duckdb

from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.warehouse import sidecar
from analytics_pipeline.warehouse.connection import (
    closing,
    connect,
    lock_warehouse,
    open_warehouse,
    read_warehouse,
)
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.generation import Generation


@dataclass(frozen=True)
class FileWarehouse:
    """The warehouse as a DuckDB file, with a lock and a sidecar next to it.

    Attributes:
        file: its path.
        not_reached: nothing besides what every erasure leaves.
    """

    file: Path
    not_reached: tuple[str, ...] = ()

    def exists(self) -> bool:
        """Return whether the file exists."""
        return self.file.exists()

    def describe(self) -> str:
        """Return the file's path."""
        return str(self.file)

    def open(
        self, wait_seconds: float = 3_600
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the file under its lock."""
        return open_warehouse(self.file, wait_seconds)

    def read(self, wait_seconds: float = 5) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the file read-only; DuckDB refuses that while a writer has it open."""
        return read_warehouse(self.file, wait_seconds)

    def purge(self, wait_seconds: float = 3_600) -> None:
        """Write the rows to a new file, which replaces the old one with its deleted bytes."""
        compact(self.file, wait_seconds)

    def maintain(self) -> None:
        """Do nothing: DuckDB reuses the free blocks of its file."""

    def deletion(self) -> str:
        """Return the command that deletes the file and those next to it."""
        return f"rm -r {shlex.quote(str(self.file))}*"

    def retained(self) -> str:
        """Return an empty text: a deleted file is gone."""
        return ""

    def replaced_at(self) -> float:
        """Return what the sidecar says."""
        return sidecar.replaced_at(self.file)

    def generation(self) -> Generation:
        """Return what the sidecar says."""
        return sidecar.generation(self.file)

    def is_untouched(self) -> bool:
        """Compare the file's `stat()` with the sidecar."""
        return sidecar.is_untouched(self.file)

    def is_replaced(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Compare the ledger with the sidecar."""
        return sidecar.is_replaced(connection, self.file)


def compact(path: Path, wait_seconds: float = 3_600) -> None:
    """Rewrite the warehouse into a new file: in the old one deleted bytes remain.

    Raises:
        WarehouseBusy: others held it for longer than `wait_seconds`.
        OSError: the new file can't be written. The old one is unchanged.
    """
    with lock_warehouse(path, wait_seconds):
        with replacing(path) as fresh:
            with closing(connect(path)) as connection, attached(connection, fresh, "compacted"):
                connection.execute(f'COPY FROM DATABASE "{path.stem}" TO compacted')
                ledger = sidecar.digest(connection)
            if path.with_name(f"{path.name}.wal").exists():  # DuckDB would apply it to the new file
                raise OSError(
                    None,
                    "The warehouse's log could not be written back; run the command again",
                    str(path),
                )
            # Remove spill files of a killed process.
            rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)
        sidecar.update_sidecar(path, ledger)
