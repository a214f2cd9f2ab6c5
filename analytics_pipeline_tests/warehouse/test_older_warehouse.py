"""Publishing from an older warehouse: the file says how many files it holds less of than before."""

import duckdb
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.plan import ClassifiedListing
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.absences import open_absences, record_listing
from analytics_pipeline.warehouse.close_file import close_file
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import loaded_files
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline.warehouse.reverted import record_older_files
from analytics_pipeline.warehouse.signature import signature
from analytics_pipeline_tests.support.published_file import publish_from, published_rows


@pytest.mark.slow
def test_a_file_published_from_an_older_warehouse_says_so(settings: Settings) -> None:
    publish_from(settings)
    assert publish_from(settings).older_files == 0
    assert published_rows(settings.published_path, "SELECT older_files FROM ops.published") == [
        (0,)
    ]
    with open_warehouse(settings.warehouse_path) as connection:
        lacking = len(loaded_files(connection, "grades"))
        connection.execute("DELETE FROM ops.loaded_files WHERE dataset = 'grades'")
        connection.execute(
            "UPDATE ops.loaded_files SET loaded_at = loaded_at - INTERVAL 1 DAY WHERE dataset ="
            " 'enrollment'"
        )
        done = publish(connection, settings.published_path, pii=False)
    changed = published_rows(settings.published_path, "SELECT older_files FROM ops.published")[0][0]
    assert done.older_files == changed == lacking > 1, "the same version is not an older one"
    said = signature(settings.published_path)
    assert said is not None and said.withheld == done.withheld
    assert f"Published from an older warehouse: for {changed} files" in done.withheld[0]
    assert publish_from(settings).older_files == changed, "it is told until it is solved"


def test_a_load_that_is_dated_in_the_future_does_not_make_the_warehouse_an_older_one(
    settings: Settings,
) -> None:
    publish_from(settings)
    file, now = str(settings.published_path), warehouse_now()
    another = """UPDATE ops.loaded_files SET etag = 'another', loaded_at = loaded_at + $1::INTERVAL,
                 last_modified = last_modified + $2::INTERVAL"""
    with open_warehouse(settings.warehouse_path) as connection:
        for loaded, written, is_older in (
            ("36500 DAY", "-1 DAY", False),
            ("-36499 DAY", "1 DAY", True),
        ):
            with duckdb.connect(file) as before:
                before.execute(another, [loaded, written])
            older = record_older_files(connection, settings.published_path, now)
            assert bool(older) is is_older


def test_a_file_that_a_person_closed_does_not_make_the_warehouse_an_older_one(
    settings: Settings,
) -> None:
    publish_from(settings)
    with open_warehouse(settings.warehouse_path) as connection:
        file = loaded_files(connection, "grades")[0]
        listing = ClassifiedListing("org9001/", ())
        only = file.source_key.removeprefix(listing.prefix)
        record_listing(connection, listing, [only], warehouse_now(), warehouse_now())
        (event,) = open_absences(connection)
        close_file(connection, DATASETS["grades"], event, warehouse_now())
        assert record_older_files(connection, settings.published_path, warehouse_now()) == 0
        connection.execute("UPDATE ops.absences SET closed_at = TIMESTAMP '2020-01-01'")
        older = record_older_files(connection, settings.published_path, warehouse_now())
        assert older == 1, "it was loaded again since"
