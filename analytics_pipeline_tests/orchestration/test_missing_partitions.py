"""The sensor `missing_partitions`: ticks against the simulated Vocareum, a real instance and a real
warehouse.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import FrameType

import dagster as dg
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.operations.close_partition import close
from analytics_pipeline.orchestration.alerting.sensor import failure_of
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.runs.processes import COMMAND_TAG
from analytics_pipeline.orchestration.runs.run_records import known_runs
from analytics_pipeline.orchestration.sync import make_plan, sync
from analytics_pipeline.storage.processes import place
from analytics_pipeline.vocareum import transfer
from analytics_pipeline_tests.orchestration.conftest import (
    Pipeline,
    StartPipeline,
    lab_sessions,
    reported,
    spans,
)

BAD = b"<html>502 Bad Gateway</html>"


def put(vocareum: DemoVocareum, *days: str, rows: int = 1) -> None:
    for day in days:
        vocareum.put(*lab_sessions(day, rows))


def test_the_sensor_requests_missing_files_and_then_nothing(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-01", "2026-11-05", "2026-10-19")
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
    put(vocareum, *(f"2026-11-{day:02}" for day in range(1, 17)))
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
    put(vocareum, "2026-11-01", "2026-11-02", "2026-11-03")
    pipeline.tick_and_run()
    put(vocareum, "2026-11-02", rows=3)
    (request,) = pipeline.tick().run_requests
    assert spans([request]) == [("2026-11-02", "2026-11-02")]
    assert pipeline.run(request).success
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(5,)]
    assert not pipeline.tick().run_requests


def marked(run: dg.ExecuteInProcessResult) -> set[str]:
    events = run.get_asset_materialization_events()
    return {event.partition for event in events if event.asset_key.path == ["raw", "lab_sessions"]}


def test_a_manual_run_materializes_loaded_partitions_so_that_a_backfill_completes(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-01", "2026-11-02")
    (request,) = pipeline.tick().run_requests
    assert marked(pipeline.run(request)) == {"2026-11-01", "2026-11-02"}
    assert (
        marked(pipeline.run(dg.RunRequest(job_name=request.job_name, tags=request.tags))) == set()
    )
    job = pipeline.definitions.get_repository_def().get_job(request.job_name)
    by_hand = job.execute_in_process(instance=pipeline.instance, tags=request.tags)
    assert marked(by_hand) == {"2026-11-01", "2026-11-02"}


def test_a_run_failed_by_one_file_materializes_the_others(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-01", "2026-11-02", "2026-11-03")
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


def test_a_file_reverted_to_its_loaded_version_no_longer_fails(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-01")
    pipeline.tick_and_run()
    vocareum.put(lab_sessions("2026-11-01")[0], BAD)
    (failed,) = pipeline.tick_and_run()
    assert not failed.success
    assert not pipeline.check("raw.lab_sessions", "schema").passed
    put(vocareum, "2026-11-01")
    within = {
        "dagster/asset_partition_range_start": "2026-11-01",
        "dagster/asset_partition_range_end": "2026-11-01",
    }
    assert pipeline.run(dg.RunRequest(job_name="load_daily", tags=within)).success
    assert pipeline.rows("SELECT count(*) FROM ops.failed_files") == [(0,)]
    assert pipeline.check("raw.lab_sessions", "schema").passed


def test_a_failing_check_keeps_what_to_do_apart_from_what_was_found(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-01")
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


def test_one_tick_makes_one_listing(pipeline: Pipeline, vocareum: DemoVocareum) -> None:
    put(vocareum, "2026-11-01")
    vocareum.clear_requests()
    pipeline.tick()
    assert (vocareum.count("LIST"), vocareum.count("GET")) == (1, 0)


def test_a_run_in_flight_is_known_however_many_runs_ended_since(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-01")
    (request,) = pipeline.tick().run_requests
    job = pipeline.definitions.get_repository_def().get_job(request.job_name)
    states = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.SUCCESS]
    runs = [pipeline.instance.create_run_for_job(job, status=status) for status in states]
    assert {run.run_id for run in known_runs(pipeline.instance, ALONE, most=1)} == {
        runs[0].run_id,
        runs[2].run_id,
    }


def test_a_run_in_flight_is_not_requested_again(pipeline: Pipeline, vocareum: DemoVocareum) -> None:
    put(vocareum, "2026-11-01")
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
    put(vocareum, "2026-11-01")
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


def test_a_failing_file_is_retried_with_pauses_then_given_up_and_reported(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    key, _ = lab_sessions("2026-11-02")
    put(vocareum, "2026-11-01")
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

    put(vocareum, "2026-11-02")
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
    put(vocareum, "2026-11-02")
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
    put(vocareum, "2026-11-02")
    vocareum.refuse(key, 503, "SlowDown")
    for _ in range(6):
        todo = make_plan(pipeline.settings, Selection())
        (result,) = sync(pipeline.settings, pipeline.definitions, pipeline.instance, todo).results
        assert result.failure and not result.failure.counts and "SlowDown" in result.failure.reason
    vocareum.accept(key)
    pipeline.clock.move(days=40)
    assert [result.success for result in pipeline.tick_and_run()] == [True]


def test_a_file_that_s3_refuses_alone_is_given_up(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-02")
    vocareum.refuse(lab_sessions("2026-11-02")[0], 403, "AccessDenied")
    for _ in range(5):
        assert [result.success for result in pipeline.tick_and_run()] == [False]
        pipeline.clock.move(days=2)
    assert "1 given up" in pipeline.tick().skip_reason.skip_message
    check = pipeline.check("raw.lab_sessions", "delivered_is_loaded")
    assert not check.passed and "S3 denies access to it (AccessDenied)" in check.description


def test_a_landing_folder_that_cannot_be_written_takes_no_attempt(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-02")
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


def test_a_held_version_waits_for_a_person_and_is_never_given_up(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    put(vocareum, "2026-11-02", rows=9)
    pipeline.tick_and_load()
    put(vocareum, "2026-11-02", rows=1)
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
    put(vocareum, "2026-11-03")
    request = pipeline.tick_schedule("load_daily_files", datetime(2026, 11, 4, 6, tzinfo=UTC))
    assert pipeline.run(request, "load_daily").success
    assert pipeline.rows("SELECT attempts FROM ops.failed_files") == [(1,)]
    assert not pipeline.check("raw.lab_sessions", "schema").passed
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(1,)]


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
    put(vocareum, "2026-11-01", "2026-11-02")
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
    put(vocareum, "2026-11-01")
    pipeline.tick_and_run()
    pipeline.settings.warehouse_path.unlink()
    pipeline.clock.move(minutes=16)
    assert [run.success for run in pipeline.tick_and_run()] == [True]
    assert pipeline.rows("SELECT count(*) FROM raw.lab_sessions") == [(1,)]


CALLS_PER_KEY = 1_000
"""Three times what a tick needs for a key of a listing; comparing each key with each other one
would take thousands."""


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Count the calls of Python functions in this thread."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[frame.f_code.co_name] += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("known", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_ten_years_of_listing_take_one_listing_and_a_bounded_work_for_each_key(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, known: bool
) -> None:
    """11,000 keys, of which none or all but one are known.

    Work is counted in calls of Python functions, not in seconds.
    """
    pipeline = start_pipeline("2016-01-01")
    days = [f"{date(2016, 1, 1) + timedelta(days=n)}" for n in range(3_667)]
    names = {
        "lab_sessions": "lab_sessions/lab_sessions_{}.csv",
        "aws_cost": "cloud_spend/aws_cost_{}.csv",
        "azure_cost": "cloud_spend/azure/azure_cost_{}.csv",
    }
    keys = {
        (name, day): f"org9001/{form.format(day)}" for name, form in names.items() for day in days
    }
    vocareum.put_many(dict.fromkeys(keys.values(), b"x"))
    if known:
        pipeline.settings.data_dir.mkdir()
        pipeline.settings.warehouse_path.touch()
        for (name, day), key in list(keys.items())[:-1]:
            metadata = {"key": key, "etag": hashlib.md5(b"x").hexdigest(), "bytes": 1}
            mark = dg.AssetMaterialization(["raw", name], partition=day, metadata=metadata)
            pipeline.instance.report_runless_asset_event(mark)
    vocareum.clear_requests()
    with counted_calls() as calls:
        requests = pipeline.tick().run_requests or []
    print(f"{len(keys)} keys, {known=}: {calls.total() / len(keys):.0f} calls for each")
    assert calls.total() < CALLS_PER_KEY * len(keys)
    assert vocareum.count("LIST") == 12  # pages of a thousand keys of one listing
    assert spans(requests)[0][1] == days[-1]
    assert len(requests) == (1 if known else 10)


def test_a_sync_lists_everything_once_and_each_dataset_that_it_loads_once(
    pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    """However many days it loads. A run lists its own prefix and year: the plan may be hours old,
    and a listing tells an S3 that is down from a file that can't be fetched.
    """
    put(vocareum, "2026-11-01", "2026-11-02")
    vocareum.put("org9001/course-asn_mapping/course_mapping.csv", b"not a mapping")
    vocareum.clear_requests()
    todo = make_plan(pipeline.settings, Selection())
    done = sync(pipeline.settings, pipeline.definitions, pipeline.instance, todo)
    assert len(done.results) == 3
    listed = [request.key for request in vocareum.requests if request.operation == "LIST"]
    assert listed[0] == "org9001/"
    assert sorted(listed[1:]) == [
        "org9001/course-asn_mapping/course_mapping.csv",
        "org9001/lab_sessions/lab_sessions_2026",
    ]
