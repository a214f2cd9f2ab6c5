"""Loaded files that no run recorded: versions tell them, not times."""

from contextlib import closing
from datetime import date

import dagster as dg
import duckdb
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.raw.materializations import materialized_versions
from analytics_pipeline.orchestration.raw.unrecorded import (
    materialize_closed,
    materialize_unrecorded,
)
from analytics_pipeline.storage.clock import utc_now
from analytics_pipeline.warehouse.generation import NEVER
from analytics_pipeline.warehouse.ledger import loaded_files, loaded_versions
from analytics_pipeline_tests.orchestration.conftest import Pipeline, lab_sessions
from analytics_pipeline_tests.support.clocks import machine_ahead

DAILY = "lab_sessions"
ROSTER = "org9001/enrollment/course200/enrollment.csv"
ROSTER_BODY = (
    b"userid,courseid,role,name,email,client_key,client_userid,dropped,"
    b"organization_terms_agreed,organization_terms_agreed_date_utc\n"
    b"1,200,student,A,a@example.org,,,0,1,\n"
)


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("dataset", "partition"),
    [
        pytest.param(DAILY, "2026-11-01", id="a day"),
        pytest.param("enrollment", "200", id="a course"),
    ],
)
def test_a_version_is_recorded_although_a_later_run_recorded_others(
    pipeline: Pipeline, dataset: str, partition: str
) -> None:
    for day in (date(2026, 11, 1), date(2026, 11, 2)):
        pipeline.vocareum.put(*lab_sessions(f"{day}"))
    pipeline.vocareum.put(ROSTER, ROSTER_BODY)
    pipeline.tick_and_load()
    load_unrecorded(pipeline, dataset, partition)
    assert recorded(pipeline, dataset) != versions(pipeline, dataset)
    before = events(pipeline, dataset)
    for _ in range(2):
        with closing(duckdb.connect(str(pipeline.settings.warehouse_path))) as connection:
            loaded = loaded_files(connection)
            materialize_unrecorded(pipeline.instance, pipeline.location, loaded, NEVER, utc_now())
    assert recorded(pipeline, dataset) == versions(pipeline, dataset)
    assert events(pipeline, dataset) == before + 1, "nothing is recorded twice"


def test_a_version_is_recorded_although_the_newest_record_is_dated_in_the_future(
    pipeline: Pipeline,
) -> None:
    pipeline.vocareum.put(*lab_sessions("2026-11-01"))
    with machine_ahead(days=40):
        pipeline.tick_and_load()
    load_unrecorded(pipeline, DAILY, "2026-11-01", before="40 DAY")
    with closing(duckdb.connect(str(pipeline.settings.warehouse_path))) as connection:
        loaded = loaded_files(connection)
    materialize_unrecorded(pipeline.instance, pipeline.location, loaded, NEVER, utc_now())
    assert recorded(pipeline, DAILY) == versions(pipeline, DAILY)


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("dataset", "partition"), [(DAILY, "2026-11-01"), ("enrollment", "200")], ids=["day", "course"]
)
def test_a_closed_file_is_materialized_once_although_its_load_is_dated_in_the_future(
    pipeline: Pipeline, dataset: str, partition: str
) -> None:
    pipeline.vocareum.put(*lab_sessions("2026-11-01"))
    pipeline.vocareum.put(ROSTER, ROSTER_BODY)
    with machine_ahead(days=40):
        pipeline.tick_and_load()
    before = events(pipeline, dataset)
    for _ in range(2):
        materialize_closed(pipeline.instance, pipeline.location, [(dataset, partition)], [], NEVER)
    assert events(pipeline, dataset) == before + 1
    assert recorded(pipeline, dataset) == {}


def load_unrecorded(
    pipeline: Pipeline, dataset: str, partition: str, before: str = "1 HOUR"
) -> None:
    """Leave the ledger as a run does that committed a new version, and was killed.

    Its load is older than the newest materialization, as another run recorded its own later.
    """
    with closing(duckdb.connect(str(pipeline.settings.warehouse_path))) as connection:
        connection.execute(
            """UPDATE ops.loaded_files SET etag = 'newer', loaded_at = loaded_at - ?::INTERVAL
               WHERE (dataset, partition) = (?, ?)""",
            [before, dataset, partition],
        )


def versions(pipeline: Pipeline, dataset: str) -> dict[tuple[str, str], tuple[str, str, int]]:
    with closing(duckdb.connect(str(pipeline.settings.warehouse_path))) as connection:
        return dict(loaded_versions(connection, dataset))


def recorded(pipeline: Pipeline, dataset: str) -> dict[tuple[str, str], tuple[str, str, int]]:
    partitions = {partition for _, partition in versions(pipeline, dataset)}
    return dict(
        materialized_versions(
            pipeline.instance, DATASETS[dataset], key(pipeline, dataset), partitions
        )
    )


def events(pipeline: Pipeline, dataset: str) -> int:
    return len(pipeline.instance.fetch_materializations(key(pipeline, dataset), limit=100).records)


def key(pipeline: Pipeline, dataset: str) -> dg.AssetKey:
    return pipeline.location.asset_key(DATASETS[dataset])
