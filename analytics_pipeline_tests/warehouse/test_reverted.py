"""What an older warehouse lacks: an open absence until the delivered version is the loaded one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.ingest.absence import Kind
from analytics_pipeline.ingest.plan import ClassifiedListing
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.absences import compared, open_absences, record_listing
from analytics_pipeline.warehouse.checks import errors, read
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import LoadedFile, delivery_of, loaded_files
from analytics_pipeline.warehouse.reverted import record_older_files, record_reverted
from analytics_pipeline.words import words

SOURCE = words("the replaced warehouse")


@pytest.fixture
def connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse that has an older version of one roster than the one that it replaced."""
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET loaded_at = loaded_at - INTERVAL 1 DAY"
            " WHERE dataset = 'enrollment'"
        )
        record_reverted(connection, [_newer(connection)], SOURCE, warehouse_now())
        yield connection


def _newer(connection: duckdb.DuckDBPyConnection) -> LoadedFile:
    present = loaded_files(connection, "enrollment")[0]
    return replace(present, etag="newer", loaded_at=warehouse_now())


def _delivered(*files: LoadedFile) -> ClassifiedListing:
    return ClassifiedListing("org9001/", tuple(map(delivery_of, files)))


def test_it_is_recorded_once_and_fails_the_check_of_its_dataset(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    [event] = open_absences(connection)
    assert (event.kind, event.etag) == (Kind.REVERTED, "newer")
    assert event.detail.startswith("the replaced warehouse has a later version of it with ")
    failing = [check for check in errors(read(connection)) if check.name == "nothing_lost"]
    assert [(check.subject, event.detail in check.text) for check in failing] == [
        ("raw.enrollment", True)
    ]
    another = [replace(_newer(connection), etag="published before")]
    record_reverted(connection, another, words("another source"), warehouse_now())
    assert open_absences(connection) == [event], "the first record names where the rows are"


def test_files_of_another_organisation_are_not_missing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    known = open_absences(connection)
    another = replace(_newer(connection), partition="1", source_key="org7/enrollment/course1.csv")
    record_reverted(connection, [another], SOURCE, warehouse_now())
    assert open_absences(connection) == known


@pytest.mark.parametrize(("version", "is_open"), [("newer", True), ("as loaded", False)])
def test_it_ends_when_the_delivered_version_is_the_loaded_one(
    connection: duckdb.DuckDBPyConnection, version: str, *, is_open: bool
) -> None:
    ledger = loaded_files(connection)
    files = {(file.dataset, file.partition): file for file in ledger}
    if version == "newer":
        newer = _newer(connection)
        files[newer.dataset, newer.partition] = newer
    listing, now = _delivered(*files.values()), warehouse_now()
    shown = compared(open_absences(connection), listing, ledger, now, now)
    record_listing(connection, listing, [""], now, now)
    assert [event.kind for event in shown] == [Kind.REVERTED] * is_open
    assert open_absences(connection) == shown


def test_a_published_file_that_cannot_be_compared_is_named(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing, damaged, another = (tmp_path / name for name in ("missing", "damaged", "another"))
    damaged.write_bytes(b"no database")
    duckdb.connect(str(another)).close()
    for file in (missing, damaged, another):
        assert record_older_files(connection, file, warehouse_now()) == 1, "the one on record"
    assert [record.args for record in caplog.records] == [(damaged,), (another,)]
