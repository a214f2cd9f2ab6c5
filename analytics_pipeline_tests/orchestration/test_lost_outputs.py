"""The sensor that makes a lost published file or report again."""

import dagster as dg
import duckdb
import pytest

from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline_tests.orchestration.conftest import Pipeline
from analytics_pipeline_tests.support.left_log import leave_log


@pytest.fixture
def made(pipeline: Pipeline) -> Pipeline:
    """A pipeline that published a file and made a report, of nothing."""
    settings, location = pipeline.settings, pipeline.location
    with open_warehouse(settings.warehouse_path) as connection:
        publish(connection, settings.published_path, pii=False, without_marts=True)
    settings.report_path.write_text("<p>The report.</p>")
    for key in (location.published, location.report):
        pipeline.instance.report_runless_asset_event(dg.AssetMaterialization(key))
    return pipeline


def requested(pipeline: Pipeline) -> list[dg.AssetKey]:
    """Return the assets that a tick of the sensor requests."""
    context = dg.build_sensor_context(
        instance=pipeline.instance,
        repository_def=pipeline.definitions.get_repository_def(),
        resources=pipeline.definitions.resources,
    )
    result = pipeline.definitions.get_repository_def().get_sensor_def("lost_outputs")(context)
    return list(result.asset_selection or []) if isinstance(result, dg.RunRequest) else []


def test_nothing_is_requested_while_both_are_there(made: Pipeline) -> None:
    assert requested(made) == []


def test_nothing_is_requested_before_anything_was_published(pipeline: Pipeline) -> None:
    assert requested(pipeline) == []


def test_a_deleted_report_is_made_again(made: Pipeline) -> None:
    made.settings.report_path.unlink()
    assert requested(made) == [made.location.report]


@pytest.mark.parametrize("damage", ["deleted", "damaged", "written to"])
def test_a_lost_published_file_is_published_again(made: Pipeline, damage: str) -> None:
    published = made.settings.published_path
    if damage == "deleted":
        published.unlink()
    elif damage == "written to":
        leave_log(published, "CREATE SCHEMA marts; CREATE TABLE marts.spend AS SELECT 100 AS n")
    else:
        published.write_bytes(published.read_bytes()[:-4096])
    made.settings.report_path.unlink()
    assert requested(made) == [made.location.published], "the report follows it"
    with open_warehouse(made.settings.warehouse_path) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.spend AS SELECT 1 AS n")
        connection.execute("INSERT INTO ops.loaded_files (dataset) VALUES ('aws_cost')")
    job = made.definitions.get_repository_def().get_implicit_global_asset_job_def()
    run = job.execute_in_process(
        instance=made.instance, asset_selection=[made.location.published], raise_on_error=False
    )
    assert run.success
    with duckdb.connect(str(published), read_only=True) as connection:
        assert connection.execute("FROM marts.spend").fetchall() == [(1,)]
    made.settings.report_path.write_text("<p>The report.</p>")
    assert requested(made) == []


def test_workers_that_share_no_folder_have_no_such_sensor(made: Pipeline) -> None:
    values = {"ANALYTICS_PUBLISHED_STORE": "s3://outputs/org9001"}
    shared = Settings(**{**made.settings.model_dump(by_alias=True, exclude_unset=True), **values})
    names = {sensor.name for sensor in build_definitions(shared).sensors or []}
    assert "lost_outputs" not in names and "missing_partitions" in names
