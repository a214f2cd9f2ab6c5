"""The sensor `missing_partitions`: what it requests, and what it says when nothing is missing."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.runs.processes import COMMAND_TAG
from analytics_pipeline.orchestration.runs.run_records import known_runs
from analytics_pipeline.storage.processes import place
from analytics_pipeline_tests.orchestration.conftest import (
    Pipeline,
    StartPipeline,
    marked,
    put_sessions,
    reported,
    spans,
)


def test_the_sensor_requests_missing_files_and_then_nothing(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01", "2026-11-05", "2026-10-19")
    result = pipeline.tick()
    assert spans(result.run_requests) == [("2026-11-01", "2026-11-05")]
    assert pipeline.run(result.run_requests[0]).success
    again = pipeline.tick()
    assert not again.run_requests
    assert "1 outside of all partitions" in again.skip_reason.skip_message
    assert pipeline.rows("SELECT partition FROM ops.loaded_files ORDER BY 1") == [
        ("2026-11-01",),
        ("2026-11-05",),
    ]


def test_fewer_partitions_per_run_spread_a_history_over_more_runs(
    start_pipeline: StartPipeline, vocareum: DemoVocareum
) -> None:
    pipeline = start_pipeline(ANALYTICS_PARTITIONS_PER_RUN="7")
    put_sessions(vocareum, *(f"2026-11-{day:02}" for day in range(1, 17)))
    assert spans(pipeline.tick().run_requests) == [
        ("2026-11-15", "2026-11-16"),
        ("2026-11-08", "2026-11-14"),
        ("2026-11-01", "2026-11-07"),
    ]


@pytest.mark.parametrize(("setting", "most"), [("", 366), ("7", 7)])
def test_a_run_of_a_backfill_has_as_many_partitions_as_the_setting_allows(
    start_pipeline: StartPipeline, setting: str, most: int
) -> None:
    pipeline = start_pipeline(ANALYTICS_PARTITIONS_PER_RUN=setting)
    found = {
        dataset.name: policy and policy.max_partitions_per_run
        for dataset in DATASETS.values()
        for asset in [pipeline.definitions.get_assets_def(pipeline.location.asset_key(dataset))]
        for policy in [asset.backfill_policy]
    }
    assert found == {
        dataset.name: most if dataset.period else None for dataset in DATASETS.values()
    }


def test_the_sensor_requests_only_the_rewritten_file(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01", "2026-11-02", "2026-11-03")
    pipeline.tick_and_run()
    put_sessions(vocareum, "2026-11-02", rows=3)
    (request,) = pipeline.tick().run_requests
    assert spans([request]) == [("2026-11-02", "2026-11-02")]
    assert pipeline.run(request).success
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(5,)]
    assert not pipeline.tick().run_requests


def test_a_manual_run_materializes_loaded_partitions_so_that_a_backfill_completes(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01", "2026-11-02")
    (request,) = pipeline.tick().run_requests
    assert marked(pipeline.run(request)) == {"2026-11-01", "2026-11-02"}
    assert (
        marked(pipeline.run(dg.RunRequest(job_name=request.job_name, tags=request.tags))) == set()
    )
    job = pipeline.definitions.get_repository_def().get_job(request.job_name)
    by_hand = job.execute_in_process(instance=pipeline.instance, tags=request.tags)
    assert marked(by_hand) == {"2026-11-01", "2026-11-02"}


def test_a_run_in_flight_is_known_however_many_runs_ended_since(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01")
    (request,) = pipeline.tick().run_requests
    job = pipeline.definitions.get_repository_def().get_job(request.job_name)
    states = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.SUCCESS]
    runs = [pipeline.instance.create_run_for_job(job, status=status) for status in states]
    assert {run.run_id for run in known_runs(pipeline.instance, ALONE, most=1)} == {
        runs[0].run_id,
        runs[2].run_id,
    }


def test_a_run_in_flight_is_not_requested_again(pipeline: Pipeline, vocareum: DemoVocareum) -> None:
    put_sessions(vocareum, "2026-11-01")
    (request,) = pipeline.tick().run_requests
    job = pipeline.definitions.get_repository_def().get_job(request.job_name)
    waiting = pipeline.instance.create_run_for_job(
        job,
        run_config=request.run_config,
        tags=request.tags,
        asset_selection=frozenset(request.asset_selection),
        status=dg.DagsterRunStatus.STARTED,
    )
    assert "1 in flight" in pipeline.tick().skip_reason.skip_message
    pipeline.instance.report_run_canceled(waiting)
    assert "1 waiting" in pipeline.tick().skip_reason.skip_message
    pipeline.clock.move(minutes=16)
    assert pipeline.tick().run_requests


def test_a_killed_terminal_does_not_block_its_partitions(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01")
    (request,) = pipeline.tick().run_requests
    job = pipeline.definitions.get_repository_def().get_job(request.job_name)
    orphan = pipeline.instance.create_run_for_job(
        job,
        run_config=request.run_config,
        tags={**request.tags, COMMAND_TAG: f"sync@{place()}@boot:1:4194300"},
        asset_selection=frozenset(request.asset_selection),
        status=dg.DagsterRunStatus.STARTED,
    )
    assert "1 waiting" in pipeline.tick().skip_reason.skip_message
    assert pipeline.instance.get_run_by_id(orphan.run_id).status is dg.DagsterRunStatus.FAILURE
    pipeline.clock.move(minutes=16)
    assert pipeline.tick().run_requests


def test_a_new_course_is_found_and_loaded_alone(pipeline: Pipeline, vocareum: DemoVocareum) -> None:
    header = (
        b"userid,courseid,role,name,email,client_key,client_userid,dropped,"
        b"organization_terms_agreed,organization_terms_agreed_date_utc\n"
    )
    vocareum.put(
        "org9001/enrollment/course1/enrollment.csv",
        header + b"1,1,student,A,a@example.org,,,0,1,\n",
    )
    pipeline.tick_and_run()
    assert not pipeline.tick().run_requests
    vocareum.put(
        "org9001/enrollment/course2/enrollment.csv",
        header + b"2,2,student,B,b@example.org,,,0,1,\n",
    )
    (request,) = pipeline.tick().run_requests
    assert request.run_config["ops"]["load_enrollment"]["config"]["only"] == ["2"]
    assert pipeline.run(request).success
    assert not pipeline.tick().run_requests


def test_unknown_files_are_reported_once_and_name_nobody(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    vocareum.put("org9001/cloud_spend/gcp_cost_2026-11-01.csv", b"a\n")
    vocareum.put("org9001/submissions/jane.doe@example.org/essay.pdf", b"a")
    assert reported(pipeline.tick()) == ["cloud_spend/gcp_cost_#-#-#.csv", "submissions/..."]
    vocareum.put("org9001/cloud_spend/gcp_cost_2026-11-02.csv", b"a\n")
    again = pipeline.tick()
    assert again.asset_events == []
    assert "3 unrecognised files" in again.skip_reason.skip_message


def test_a_failing_listing_skips_with_its_reason(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    vocareum.fail_next(20, 403, service="s3", body=b"<Error><Code>AccessDenied</Code></Error>")
    reason = pipeline.tick().skip_reason.skip_message
    assert "could not be listed" in reason and "VOCAREUM_ORG_ID" in reason


def test_missing_settings_skip_with_a_remedy(start_pipeline: StartPipeline) -> None:
    pipeline = start_pipeline(VOCAREUM_API_TOKEN="")
    assert "VOCAREUM_API_TOKEN is not set" in pipeline.tick().skip_reason.skip_message
    answer = pipeline.tick_schedule("load_daily_files", datetime(2026, 11, 4, tzinfo=UTC))
    assert isinstance(answer, dg.SkipReason) and "VOCAREUM_API_TOKEN" in answer.skip_message


def test_a_new_instance_learns_what_is_loaded_without_fetching_it_again(
    pipeline: Pipeline, vocareum: DemoVocareum, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sessions(vocareum, "2026-11-01", "2026-11-02")
    pipeline.tick_and_run()
    with dg.instance_for_test() as empty:
        pipeline.instance, before = empty, pipeline.instance
        vocareum.clear_requests()
        assert [run.success for run in pipeline.tick_and_run()] == [True]
        assert vocareum.count("GET") == 0
        assert not pipeline.tick().run_requests
        pipeline.instance = before


def test_a_warehouse_that_is_gone_is_loaded_again(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put_sessions(vocareum, "2026-11-01")
    pipeline.tick_and_run()
    pipeline.settings.warehouse_path.unlink()
    pipeline.clock.move(minutes=16)
    assert [run.success for run in pipeline.tick_and_run()] == [True]
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(1,)]
