"""Checks of a run over a range of partitions: each is planned once, and its history in the UI has
one entry per run.
"""

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus as Status,
)

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.runs.history import delete_planned_checks
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions

RANGE = {
    "dagster/asset_partition_range_start": "2026-11-01",
    "dagster/asset_partition_range_end": "2026-11-09",
}


def history(pipeline: Pipeline, name: str = "schema") -> list[tuple[str, Status]]:
    """Return the UI's entries of a check, newest first: run and status."""
    key = dg.AssetCheckKey(dg.AssetKey(["raw", "lab_sessions"]), name)
    records = pipeline.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    return [(record.run_id, record.status) for record in records]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(RANGE, id="a range"),
        pytest.param(
            {"dagster/partition": "2026-11-01"}, id="one partition", marks=pytest.mark.slow
        ),
    ],
)
def test_the_ten_newest_entries_of_a_check_are_ten_runs_and_none_is_planned(
    tags: dict[str, str], pipeline: Pipeline, vocareum: DemoVocareum
) -> None:
    vocareum.put(*lab_sessions("2026-11-01"))
    runs = [pipeline.run(dg.RunRequest(job_name="load_daily", tags=tags)) for _ in range(11)]
    newest_first = [(run.run_id, Status.SUCCEEDED) for run in reversed(runs)]
    assert history(pipeline) == newest_first[:10]
    assert history(pipeline, "volume_as_usual") == newest_first[:10]


def test_a_check_that_its_run_did_not_reach_is_planned_once(
    pipeline: Pipeline, vocareum: DemoVocareum, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocareum.api, "token", "a later one")
    run = pipeline.run(dg.RunRequest(job_name="load_daily", tags=RANGE))
    assert not run.success
    assert history(pipeline) == [(run.run_id, Status.PLANNED)]


@pytest.mark.thorough
def test_the_clean_up_deletes_planned_checks_of_earlier_releases(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = start_pipeline(on_disk=True)
    vocareum.put(*lab_sessions("2026-11-01"))
    with monkeypatch.context() as earlier:
        earlier.setattr(
            "analytics_pipeline.orchestration.resources.plan_checks_once", lambda *_: None
        )
        run = pipeline.run(dg.RunRequest(job_name="load_daily", tags=RANGE))
    newest = pipeline.run(dg.RunRequest(job_name="load_daily", tags=RANGE))
    assert history(pipeline).count((run.run_id, Status.PLANNED)) == 9 - 1
    delete_planned_checks(pipeline.instance, [run.run_id])
    assert history(pipeline) == [(newest.run_id, Status.SUCCEEDED), (run.run_id, Status.SUCCEEDED)]
