"""Files that fail: what the sensor retries and when, what it gives up, and who is told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.ingest.plan import ClassifiedListing, Selection, list_deliveries
from analytics_pipeline.ingest.sources import Sources
from analytics_pipeline.operations.close_partition import close
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.orchestration.alerting.sensor import failure_of
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.raw import assets
from analytics_pipeline.orchestration.runs.run_records import known_runs
from analytics_pipeline.orchestration.sync import make_plan, sync
from analytics_pipeline.vocareum import transfer
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline_tests.orchestration.conftest import (
    Pipeline,
    lab_sessions,
    marked,
    put_sessions,
    spans,
)

BAD = b"<html>502 Bad Gateway</html>"


@pytest.mark.thorough
def test_a_run_failed_by_one_file_materializes_the_others(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01", "2026-11-02", "2026-11-03")
    pipeline.tick_and_run()
    vocareum.put(lab_sessions("2026-11-02")[0], BAD)
    within = {
        "dagster/asset_partition_range_start": "2026-11-01",
        "dagster/asset_partition_range_end": "2026-11-03",
    }
    run = pipeline.run(dg.RunRequest(job_name="load_daily", tags=within))
    assert (run.success, marked(run)) == (False, {"2026-11-01", "2026-11-03"})
    (known,) = (
        candidate
        for candidate in known_runs(pipeline.instance, ALONE)
        if candidate.run_id == run.run_id
    )
    assert known.failed == {"raw.lab_sessions"}, (
        "the steps of the other daily datasets did not fail"
    )


@pytest.mark.thorough
def test_a_file_reverted_to_its_loaded_version_no_longer_fails(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01")
    pipeline.tick_and_run()
    vocareum.put(lab_sessions("2026-11-01")[0], BAD)
    (failed,) = pipeline.tick_and_run()
    assert not failed.success
    assert not pipeline.check("raw.lab_sessions", "schema").passed
    put_sessions(vocareum, "2026-11-01")
    within = {
        "dagster/asset_partition_range_start": "2026-11-01",
        "dagster/asset_partition_range_end": "2026-11-01",
    }
    assert pipeline.run(dg.RunRequest(job_name="load_daily", tags=within)).success
    assert pipeline.rows("SELECT count(*) FROM ops.failed_files") == [(0,)]
    assert pipeline.check("raw.lab_sessions", "schema").passed


def test_a_run_that_listed_before_another_one_failed_leaves_its_failure(
    pipeline: Pipeline, vocareum: DemoVocareum, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sessions(vocareum, "2026-11-01")
    pipeline.tick_and_load()
    settings, dataset = pipeline.settings, DATASETS["lab_sessions"]

    def list_and_wait(bucket: Sources, prefixes: Sequence[str]) -> ClassifiedListing:
        """Return a listing after another run has listed a newer version and failed to load it."""
        listing = list_deliveries(bucket, prefixes)
        vocareum.put(lab_sessions("2026-11-01")[0], BAD)
        newer = list_deliveries(bucket, prefixes).deliveries
        other = Loader(bucket, settings.landing_dir, warehouse_of(settings).open, "another run")
        assert [bool(result.failure) for result in other.load(dataset, newer)] == [True]
        return listing

    monkeypatch.setattr(assets, "list_deliveries", list_and_wait)
    asked = dg.RunRequest(
        job_name="load_daily",
        tags={"dagster/partition": "2026-11-01"},
        asset_selection=[pipeline.location.asset_key(dataset)],
    )
    assert pipeline.run(asked).success
    assert pipeline.rows("SELECT run_id FROM ops.failed_files") == [("another run",)]
    assert not pipeline.check("raw.lab_sessions", "schema").passed


def test_a_failing_check_keeps_what_to_do_apart_from_what_was_found(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01")
    vocareum.put(lab_sessions("2026-11-02")[0], BAD)
    pipeline.tick_and_run()
    failing = pipeline.rows(
        "SELECT name, text, remedy FROM ops.checks WHERE NOT passed AND kind = 'load' ORDER BY 1"
    )
    assert "schema" in [name for name, _, _ in failing]
    for name, text, remedy in failing:
        description = pipeline.check("raw.lab_sessions", name).description
        assert remedy and remedy not in text, name
        assert description.startswith(text) and description.endswith(remedy), (
            "people are told of both"
        )
    assert pipeline.rows(
        "SELECT count(*) FROM ops.checks WHERE passed AND kind = 'load' AND remedy <> ''"
    ) == [(0,)]


def test_a_failing_file_is_retried_with_pauses_then_given_up_and_reported(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    key, _ = lab_sessions("2026-11-02")
    put_sessions(vocareum, "2026-11-01")
    vocareum.put(key, BAD)
    keys = []
    for minutes in (0, 16, 61, 241, 961):
        pipeline.clock.move(minutes=minutes)
        (request,) = pipeline.tick().run_requests
        keys.append(request.run_key.rpartition(":")[2])
        assert not pipeline.run(request).success
        assert "1 waiting" in pipeline.tick().skip_reason.skip_message or len(keys) == 5
    assert keys == [
        "try1",
        "try1",
        "try2",
        "try3",
        "try4",
    ]  # the first one was another set, with a good file too
    pipeline.clock.move(days=40)
    assert "1 given up" in pipeline.tick().skip_reason.skip_message
    check = pipeline.check("raw.lab_sessions", "delivered_is_loaded")
    assert not check.passed
    for part in (
        key,
        "HTML",
        "Failing since",
        "5 attempts",
        "analytics-pipeline sync --dataset lab_sessions",
    ):
        assert part in check.description
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(1,)]

    put_sessions(vocareum, "2026-11-02")
    assert [result.success for result in pipeline.tick_and_run()] == [True]
    assert pipeline.check("raw.lab_sessions", "delivered_is_loaded").passed


def test_a_failed_file_that_is_deleted_upstream_no_longer_fails(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    key, _ = lab_sessions("2026-11-01")
    vocareum.put(key, BAD)
    (failed,) = pipeline.tick_and_run()
    assert not failed.success
    vocareum.delete(key)
    (settling,) = pipeline.tick().run_requests
    assert spans([settling]) == [("2026-11-01", "2026-11-01")]
    assert pipeline.run(settling).success, "an asset whose last run succeeded is no incident"
    assert pipeline.rows("SELECT count(*) FROM ops.failed_files") == [(0,)]
    assert pipeline.check("raw.lab_sessions", "delivered_is_loaded").passed
    assert pipeline.tick().run_requests == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """End each request for an object after its first failure, so that a test does not spend the
    retry budget.
    """
    monkeypatch.setattr("analytics_pipeline.vocareum.retry._ATTEMPTS", 1)
    made = transfer._options
    once = {"max_retries": 0, "retry_timeout": timedelta(seconds=1)}
    monkeypatch.setattr(transfer, "_options", lambda *given: {**made(*given), "retry_config": once})


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_file_whose_transfer_fails_is_retried_until_s3_delivers_it(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    key, _ = lab_sessions("2026-11-02")
    put_sessions(vocareum, "2026-11-02")
    vocareum.refuse(key, 503, "SlowDown")
    for minutes in (0, 16, 61, 241, 961, 1441):
        pipeline.clock.move(minutes=minutes)
        (request,) = pipeline.tick().run_requests
        assert not pipeline.run(request).success
        assert minutes == 1441 or "1 waiting" in pipeline.tick().skip_reason.skip_message
    assert [request.status for request in vocareum.requests if request.operation == "GET"] == [
        503
    ] * 6
    newest, *_ = known_runs(pipeline.instance, ALONE)
    assert (
        set(newest.verdicts["lab_sessions"]) == newest.uncounted["lab_sessions"] == {"2026-11-02"}
    )

    vocareum.accept(key)
    pipeline.clock.move(minutes=1441)
    assert [result.success for result in pipeline.tick_and_run()] == [True]
    assert pipeline.rows("SELECT partition FROM ops.loaded_files") == [("2026-11-02",)]


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_syncs_whose_transfers_fail_leave_the_file_its_attempts(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    key, _ = lab_sessions("2026-11-02")
    put_sessions(vocareum, "2026-11-02")
    vocareum.refuse(key, 503, "SlowDown")
    for _ in range(6):
        todo = make_plan(pipeline.settings, Selection())
        (result,) = sync(pipeline.settings, pipeline.definitions, pipeline.instance, todo).results
        assert result.failure and not result.failure.counts and "SlowDown" in result.failure.reason
    vocareum.accept(key)
    pipeline.clock.move(days=40)
    assert [result.success for result in pipeline.tick_and_run()] == [True]


@pytest.mark.thorough
def test_a_file_that_s3_refuses_alone_is_given_up(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-02")
    vocareum.refuse(lab_sessions("2026-11-02")[0], 403, "AccessDenied")
    for _ in range(5):
        assert [result.success for result in pipeline.tick_and_run()] == [False]
        pipeline.clock.move(days=2)
    assert "1 given up" in pipeline.tick().skip_reason.skip_message
    check = pipeline.check("raw.lab_sessions", "delivered_is_loaded")
    assert not check.passed and "S3 denies access to it (AccessDenied)" in check.description


@pytest.mark.thorough
def test_a_landing_folder_that_cannot_be_written_takes_no_attempt(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-02")
    in_the_way = pipeline.settings.landing_dir / "lab_sessions"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    for _ in range(6):
        (run,) = pipeline.tick_and_run()
        assert not run.success
        assert "it cannot be written: Not a directory" in failure_of(pipeline.instance, run.run_id)
        pipeline.clock.move(days=2)
    assert pipeline.rows("SELECT count(*) FROM ops.failed_files") == [(0,)], (
        "the file is not at fault"
    )
    in_the_way.unlink()
    pipeline.tick_and_load()


@pytest.mark.thorough
def test_a_held_version_waits_for_a_person_and_is_never_given_up(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-02", rows=9)
    pipeline.tick_and_load()
    put_sessions(vocareum, "2026-11-02", rows=1)
    for _ in range(6):
        assert [result.success for result in pipeline.tick_and_run()] == [False]
        pipeline.clock.move(days=2)
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(9,)], "the loaded rows stay"
    assert pipeline.check("raw.lab_sessions", "delivered_is_loaded").passed
    assert not pipeline.check("raw.lab_sessions", "nothing_lost").passed
    close(pipeline.settings, DATASETS["lab_sessions"], "2026-11-02")
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(1,)]


def test_a_scheduled_run_leaves_a_failing_file_to_the_sensor(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    vocareum.put(lab_sessions("2026-11-02")[0], BAD)
    assert not pipeline.tick_and_run()[0].success
    put_sessions(vocareum, "2026-11-03")
    request = pipeline.tick_schedule("load_daily_files", datetime(2026, 11, 4, 6, tzinfo=UTC))
    assert pipeline.run(request, "load_daily").success
    assert pipeline.rows("SELECT attempts FROM ops.failed_files") == [(1,)]
    assert not pipeline.check("raw.lab_sessions", "schema").passed
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(1,)]
