"""Anyone who reaches the Dagster UI writes run config: it must replace no address, no secret and no
path.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource
from dagster_duckdb import DuckDBResource

from analytics_pipeline.orchestration.resources import FeedResource, WarehouseResource
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions
from analytics_pipeline_tests.support.foreign_server import Elsewhere, serve_elsewhere

WITHOUT_RAW_ASSETS = "__anonymous_asset_job_lost_outputs"
"""Dagster's job for the runs of that sensor."""
TOKEN = {"env": "VOCAREUM_API_TOKEN"}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with serve_elsewhere() as running:
        yield running


def overrides(elsewhere: Elsewhere, folder: Path) -> dict[str, dict[str, Any]]:
    """Return every address, secret and path that a resource has, or once took from run config."""
    return {
        "feed": {
            "org_id": "1",
            "api_token": TOKEN,
            "api_url": elsewhere.url,
            "bucket": TOKEN,
            "region_name": TOKEN,
            "endpoint_url": elsewhere.url,
            "max_attempts": 1,
            "profile_name": TOKEN,
            "use_ssl": False,
            "verify": False,
            "aws_access_key_id": TOKEN,
            "aws_secret_access_key": TOKEN,
            "aws_session_token": TOKEN,
            "use_unsigned_session": True,
        },
        "warehouse": {
            "database": str(folder / "w.duckdb"),
            "connection_config": {"x": "y"},
            "data_dir": str(folder),
        },
        "notifier": {"webhook": elsewhere.url, "urls": elsewhere.url, "ui_url": elsewhere.url},
        "io_manager": {"base_dir": str(folder)},
    }


def jobs(pipeline: Pipeline) -> list[dg.JobDefinition]:
    """Return every job that can be launched, including Dagster's own for all assets."""
    found = pipeline.definitions.get_repository_def().get_all_jobs()
    assert len(found) >= 4, "the jobs of the cadences, and the one of all assets"
    return found


def test_no_job_takes_an_address_a_secret_or_a_path_from_run_config(
    pipeline: Pipeline, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    pipeline.vocareum.put(*lab_sessions("2026-10-21"))
    folder = tmp_path / "elsewhere"
    replaced = overrides(elsewhere, folder)
    tried: list[dict[str, Any]] = [{name: {"config": config} for name, config in replaced.items()}]
    tried += [
        {name: {"config": {field: value}}}
        for name, config in replaced.items()
        for field, value in config.items()
    ]
    for job in jobs(pipeline):
        for resources in tried:
            with pytest.raises(
                dg.DagsterInvalidConfigError, match="Received unexpected config entr"
            ):
                job.execute_in_process(
                    run_config={**QUIET, "resources": resources},
                    instance=pipeline.instance,
                    raise_on_error=False,
                )
    assert elsewhere.requests == []
    assert not folder.exists()
    assert pipeline.vocareum.requests == [], "no refused run reaches the real feed either"


def test_no_config_of_any_job_reads_a_variable(pipeline: Pipeline) -> None:
    """A field that accepts {"env": NAME} has one of Dagster's `...Source` types."""
    for job in jobs(pipeline):
        keys = {
            config_type.key for config_type in job.run_config_schema.config_type.type_iterator()
        }
        if job.name != WITHOUT_RAW_ASSETS:
            assert {
                "Array.String",
                "Bool",
            } <= keys, "the config of the raw assets was not examined"
        assert not [key for key in keys if "Source" in key], job.name


def test_a_secret_cannot_be_requested_as_a_partition(pipeline: Pipeline) -> None:
    job = pipeline.definitions.get_repository_def().get_job("load_snapshot")
    with pytest.raises(dg.DagsterInvalidConfigError, match="is not valid for expected type"):
        job.execute_in_process({**QUIET, "ops": {"load_grades": {"config": {"only": [TOKEN]}}}})
    assert pipeline.vocareum.requests == []


def test_resources_are_those_of_dagsters_libraries_and_take_the_settings(
    start_pipeline: StartPipeline,
) -> None:
    pipeline = start_pipeline()
    pipeline.vocareum.put(*lab_sessions("2026-10-21", rows=3))
    feed, warehouse = FeedResource.of(pipeline.settings), WarehouseResource.of(pipeline.settings)
    assert isinstance(feed, S3Resource) and isinstance(warehouse, DuckDBResource)
    listed = feed.get_client().list_objects_v2(Bucket=pipeline.settings.bucket, Prefix="org9001/")
    assert listed["KeyCount"] == 1
    pipeline.tick_and_load()
    with warehouse.get_connection() as connection:
        assert connection.execute("SELECT count(*) FROM raw.lab_sessions").fetchall() == [(3,)]
    assert pipeline.settings.api_token.get_secret_value() not in repr([feed, warehouse])
