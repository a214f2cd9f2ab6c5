"""Read the ledger: loaded versions, failed files, and whether the latter changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

import duckdb

from analytics_pipeline.datasets import DATASETS, Partition
from analytics_pipeline.ingest.delivery import Delivery, Place, Version
from analytics_pipeline.ingest.plan import Loaded
from analytics_pipeline.warehouse.transactions import value_of

PROBLEMS = ("ops.failed_files", "ops.absences")
"""Tables of files that failed or are missing. They can change although nothing is loaded."""


@dataclass(frozen=True)
class FileVersion:
    """One version of a delivered file, as the ledger records it."""

    dataset: str
    partition: str
    source_key: str
    etag: str
    size: int
    last_modified: datetime
    period: date | None

    @property
    def place(self) -> Place:
        """Return the dataset and partition that the file belongs to."""
        return self.dataset, self.partition

    @property
    def version(self) -> Version:
        """Return key, ETag and size."""
        return self.source_key, self.etag, self.size


@dataclass(frozen=True)
class LoadedFile(FileVersion):
    """A ledger entry: a loaded version and its counts."""

    records: int
    rows: int
    rejects: int
    warnings: int
    loaded_at: datetime


@dataclass(frozen=True)
class FailedFile(FileVersion):
    """A file whose newest version could not be loaded, with reason, remedy and attempts."""

    reason: str
    remedy: str
    line: int | None
    records: int
    rejects: int
    failed_since: datetime
    failed_at: datetime
    attempts: int


Entry = TypeVar("Entry", LoadedFile, FailedFile)


def delivery_of(file: FileVersion) -> Delivery:
    """Return a recorded version as a Delivery.

    Raises:
        KeyError: this release has no dataset of that name.
    """
    return Delivery(
        DATASETS[file.dataset],
        Partition(file.partition, file.period),
        file.source_key,
        file.etag,
        file.size,
        file.last_modified,
    )


def loaded_files(
    connection: duckdb.DuckDBPyConnection, dataset: str | None = None
) -> list[LoadedFile]:
    """Return the ledger's entries, of one dataset or all."""
    return _entries(connection, LoadedFile, "ops.loaded_files", dataset)


def other_versions(
    connection: duckdb.DuckDBPyConnection, ledger: str, other: str
) -> list[LoadedFile]:
    """Return the entries of a ledger whose version the other ledger does not have.

    Args:
        connection: has both attached.
        ledger: qualified name of the table.
        other: qualified name of the other one.
    """
    lacking = f'{ledger} ANTI JOIN {other} USING (dataset, "partition", etag)'
    return _entries(connection, LoadedFile, lacking)


def organisations(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return whose files are loaded, such as `org9001`."""
    rows = connection.execute(
        "SELECT DISTINCT split_part(source_key, '/', 1) FROM ops.loaded_files"
    ).fetchall()
    return {organisation for (organisation,) in rows}


def loaded_versions(connection: duckdb.DuckDBPyConnection, dataset: str | None = None) -> Loaded:
    """Return the version of each loaded file, to plan against."""
    rows = connection.execute(
        "SELECT dataset, partition, source_key, etag, size FROM ops.loaded_files WHERE dataset = $1"
        " OR $1 IS NULL",
        [dataset],
    ).fetchall()
    return {(name, partition): (key, etag, size) for name, partition, key, etag, size in rows}


def first_period(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Return the first loaded day or month; None if none is loaded."""
    first: date | None = value_of(connection, "SELECT min(period) FROM ops.loaded_files")
    return first


def failed_files(
    connection: duckdb.DuckDBPyConnection, dataset: str | None = None
) -> list[FailedFile]:
    """Return the files whose newest version could not be loaded."""
    return _entries(connection, FailedFile, "ops.failed_files", dataset)


def _entries(
    connection: duckdb.DuckDBPyConnection,
    kind: type[Entry],
    table: str,
    dataset: str | None = None,
) -> list[Entry]:
    columns = ", ".join(kind.__dataclass_fields__)
    rows = connection.execute(
        f"SELECT {columns} FROM {table} WHERE dataset = $1 OR $1 IS NULL ORDER BY dataset,"
        " partition",
        [dataset],
    ).fetchall()
    return [kind(*row) for row in rows]


def problem_digests(connection: duckdb.DuckDBPyConnection) -> Mapping[str, tuple[int, str]]:
    """Return number of rows and digest of the content of each of the PROBLEMS tables."""
    digests = {}
    for table in PROBLEMS:
        row = connection.execute(
            f"""SELECT count(*), md5(coalesce(string_agg(found::VARCHAR, ' ' ORDER BY ALL), ''))
                FROM {table} AS found"""
        ).fetchone()
        assert row is not None  # an aggregate has one row
        digests[table] = (int(row[0]), str(row[1]))
    return digests
