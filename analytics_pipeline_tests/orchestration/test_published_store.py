"""The published file and the report in Dagster, with a store: failed uploads, and other workers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from analytics_pipeline.orchestration.models.automation import REPEAT_FAILED
from analytics_pipeline.orchestration.runs.in_process import execute, failure_text
from analytics_pipeline.orchestration.sync import rebuild
from analytics_pipeline.storage.store import StoreFailed, sha256
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline.warehouse.published_file import store_of
from analytics_pipeline_tests.orchestration.conftest import (
    Pipeline,
    StartPipeline,
    lab_sessions,
)
from analytics_pipeline_tests.support.buckets import Bucket, refusing, running_bucket

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with running_bucket(monkeypatch) as running:
        yield running


def _rebuild(pipeline: Pipeline) -> dg.ExecuteInProcessResult | None:
    return rebuild(pipeline.settings, pipeline.definitions, pipeline.instance, lambda: None)


def _is_published(pipeline: Pipeline) -> bool:
    key = pipeline.location.published
    return pipeline.instance.get_latest_materialization_event(key) is not None


@pytest.mark.slow
def test_a_failed_upload_fails_the_asset_and_the_next_run_repeats_it_without_any_change(
    start_pipeline: StartPipeline, bucket: Bucket
) -> None:
    pipeline = start_pipeline(**bucket.environment)
    pipeline.vocareum.put_many(dict([lab_sessions("2026-10-21")]))
    pipeline.tick_and_load()
    bucket.refuse = refusing("PUT", "analytics-")
    failed = _rebuild(pipeline)
    assert failed
    assert not failed.success
    assert "it was not uploaded: S3 does not let us write" in failure_text(failed)
    assert "403 AccessDenied" in failure_text(failed)
    assert not _is_published(pipeline)
    bucket.refuse = lambda *_: None
    again = _rebuild(pipeline)
    assert again
    assert again.success
    assert _is_published(pipeline)
    node = pipeline.location.published.to_python_identifier()
    [event] = again.asset_materializations_for_node(node)
    address = f"s3://{bucket.name}/published/org9001/analytics.json"
    assert event.metadata["store"].value == address
    assert _rebuild(pipeline) is None

    # Published from a terminal, whose upload fails: Dagster knows nothing of it.
    bucket.refuse = refusing("PUT", "analytics-")
    settings = pipeline.settings
    with (
        open_warehouse(settings.warehouse_path) as connection,
        pytest.raises(StoreFailed, match="was not uploaded"),
    ):
        publish(connection, settings.published_path, pii=False, store=store_of(settings))
    before = bucket.pointer()
    bucket.refuse = lambda *_: None
    repeated = _rebuild(pipeline)
    assert repeated
    assert repeated.success
    assert bucket.pointer()["published_at"] > before["published_at"]
    assert _rebuild(pipeline) is None

    # A worker that has published nothing, and never will: it has no warehouse.
    other = start_pipeline(**bucket.environment)
    assert other.settings.data_dir != pipeline.settings.data_dir
    run = execute(
        other.definitions, other.instance, other.location, [other.location.report], {}, {}
    )
    assert run.success, failure_text(run)
    assert other.settings.report_path.exists()
    assert bucket.pointer("report")["url"].endswith(".html")

    # Any run of it replaces its copy, which may hold a person who was erased elsewhere.
    with open_warehouse(settings.warehouse_path) as connection:
        publish(connection, settings.published_path, pii=False, store=store_of(settings))
    assert sha256(other.settings.published_path) != bucket.pointer()["sha256"]
    other.tick_and_load()
    assert sha256(other.settings.published_path) == bucket.pointer()["sha256"]


def test_the_daemon_repeats_what_failed_each_hour_and_nothing_else() -> None:
    is_refused = [True]

    @dg.asset
    def model() -> None: ...

    @dg.asset(deps=[model], automation_condition=REPEAT_FAILED)
    def published() -> None:
        if is_refused[0]:
            raise dg.Failure("S3 refused it", allow_retries=False)

    definitions = dg.Definitions([model, published], executor=dg.in_process_executor)
    job = definitions.resolve_implicit_global_asset_job_def()
    cursor: Any = None
    requested: list[int] = []
    with dg.DagsterInstance.ephemeral() as instance:

        def run(key: str) -> None:
            job.execute_in_process(
                asset_selection=[dg.AssetKey(key)], instance=instance, raise_on_error=False
            )

        def tick(at: datetime) -> None:
            nonlocal cursor
            result = dg.evaluate_automation_conditions(
                definitions, instance, cursor=cursor, evaluation_time=at
            )
            cursor = result.cursor
            requested.append(result.total_requested)
            if result.total_requested:
                run("published")

        noon = datetime(2026, 11, 28, 12, 1)  # noqa: DTZ001
        tick(noon)
        run("model")
        for minutes in (1, 2, 3, 60, 61, 120):
            is_refused[0] = minutes < 120
            tick(noon + timedelta(minutes=minutes))
        tick(noon + timedelta(minutes=180))
    assert requested[-7:] == [1, 0, 0, 1, 0, 1, 0], requested
