"""Schedules: ranges for each cadence, on by default."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from analytics_pipeline.datasets import Cadence
from analytics_pipeline.orchestration.alerting.sensor import failure_of
from analytics_pipeline.orchestration.raw.schedules import scheduled_range
from analytics_pipeline.orchestration.sensor_faults import OFF, WORK
from analytics_pipeline.settings.simulated import mark_simulated
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.orchestration.conftest import (
    Pipeline,
    StartPipeline,
    lab_sessions,
    put_sessions,
    spans,
)


@pytest.mark.parametrize(
    ("cadence", "now", "start", "expected"),
    [
        (Cadence.DAILY, "2026-11-23 00:20", "2020-01-01", ("2026-11-16", "2026-11-22")),
        (Cadence.DAILY, "2026-03-01 18:20", "2026-02-22", ("2026-02-22", "2026-02-28")),
        (Cadence.DAILY, "2026-11-23 00:20", "2026-11-20", ("2026-11-20", "2026-11-22")),
        (Cadence.MONTHLY, "2026-11-01 00:30", "2026-10-31", ("2026-10", "2026-11")),
        (Cadence.MONTHLY, "2026-01-31 18:30", "2020-01-01", ("2025-12", "2026-01")),
        (Cadence.MONTHLY, "2026-11-23 00:30", "2026-11-20", ("2026-11", "2026-11")),
        (Cadence.SNAPSHOT, "2026-11-23 03:40", "2026-11-20", None),
    ],
)
def test_a_schedule_covers_these_partitions(
    cadence: Cadence, now: str, start: str, expected: tuple[str, str] | None
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert scheduled_range(cadence, moment, date.fromisoformat(start)) == expected


def test_schedules_and_sensors_run_by_default_in_utc_and_have_descriptions(
    pipeline: Pipeline,
) -> None:
    repository = pipeline.definitions.get_repository_def()
    for schedule in repository.schedule_defs:
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        assert schedule.execution_timezone == "UTC"
        assert len(schedule.description or "") > 40
    for sensor in repository.sensor_defs:
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert sensor.description
    assert {schedule.name for schedule in repository.schedule_defs} == OFF.keys() - WORK.keys()
    assert {schedule.cron_schedule for schedule in repository.schedule_defs} == {
        "20 */6 * * *",
        "30 */6 * * *",
        "40 3 * * *",
    }


def test_a_file_that_does_not_exist_yet_is_no_failure(pipeline: Pipeline) -> None:
    request = pipeline.tick_schedule("load_daily_files", datetime(2026, 11, 23, 6, tzinfo=UTC))
    assert spans([request]) == [("2026-11-16", "2026-11-22")]
    assert pipeline.run(request, "load_daily").success
    assert pipeline.check(
        "raw.azure_cost", "newest_is_loaded"
    ).passed  # an organisation without Azure
    assert (
        pipeline.instance.get_materialized_partitions(dg.AssetKey(["raw", "lab_sessions"])) == set()
    )


def test_a_schedule_requests_no_partition_before_the_first(start_pipeline: StartPipeline) -> None:
    pipeline = start_pipeline("2026-11-21")
    request = pipeline.tick_schedule("load_daily_files", datetime(2026, 11, 23, 6, tzinfo=UTC))
    assert spans([request]) == [("2026-11-21", "2026-11-22")]
    assert pipeline.run(request, "load_daily").success
    early = pipeline.tick_schedule("load_daily_files", datetime(2026, 11, 21, 6, tzinfo=UTC))
    assert isinstance(early, dg.SkipReason)
    assert "the first day (2026-11-21)" in str(early.skip_message)


def test_a_schedule_notices_that_a_file_of_an_older_year_is_gone(
    start_pipeline: StartPipeline,
) -> None:
    pipeline = start_pipeline("2023-12-01")
    put_sessions(pipeline.vocareum, "2023-12-30", "2026-11-22")
    pipeline.tick_and_load()
    pipeline.vocareum.delete(lab_sessions("2023-12-30")[0])
    request = pipeline.tick_schedule("load_daily_files", datetime(2026, 11, 23, 6, tzinfo=UTC))
    assert pipeline.run(request, "load_daily").success
    check = pipeline.check("raw.lab_sessions", "nothing_lost")
    assert (check.passed, "lab_sessions_2023-12-30.csv" in check.description) == (False, True)


def test_a_setting_that_is_lost_after_the_first_load_fails_the_scheduled_run(
    start_pipeline: StartPipeline,
) -> None:
    at = datetime(2026, 11, 23, 6, tzinfo=UTC)
    pipeline = start_pipeline("2026-11-21", VOCAREUM_API_TOKEN="")
    skipped = pipeline.tick_schedule("load_daily_files", at)
    assert "VOCAREUM_API_TOKEN is not set" in str(getattr(skipped, "skip_message", ""))
    with open_warehouse(pipeline.settings.warehouse_path):
        pass
    run = pipeline.run(pipeline.tick_schedule("load_daily_files", at), "load_daily")
    assert not run.success
    assert "VOCAREUM_API_TOKEN is not set" in failure_of(pipeline.instance, run.run_id)
    mark_simulated(pipeline.settings)
    assert isinstance(pipeline.tick_schedule("load_daily_files", at), dg.SkipReason)
