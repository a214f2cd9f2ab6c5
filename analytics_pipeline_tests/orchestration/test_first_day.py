"""The first partition is the first day that Vocareum delivered.

Runs name days without a file, and backfills over them succeed.
"""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.operations.first_day import learn_before_start
from analytics_pipeline.orchestration import sync as engine
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.settings import load_settings
from analytics_pipeline_tests.orchestration.conftest import (
    Pipeline,
    StartPipeline,
    lab_sessions,
    spans,
)

SESSIONS = dg.AssetKey(["raw", "lab_sessions"])
RANGE = {
    "dagster/asset_partition_range_start": "2026-11-01",
    "dagster/asset_partition_range_end": "2026-11-05",
}


@pytest.fixture
def unlearned(start_pipeline: StartPipeline) -> Pipeline:
    """Return a pipeline without VOCAREUM_START_DATE that has not listed the bucket."""
    pipeline = start_pipeline("")
    assert first_partition() == "2021-01-01"
    return pipeline


def first_partition() -> str:
    """Return the first daily partition of a freshly loaded code location."""
    definitions = build_definitions(load_settings())
    partitions = definitions.resolve_asset_graph().get(SESSIONS).partitions_def
    assert partitions is not None
    return str(partitions.get_first_partition_key())


def test_a_tick_learns_the_first_day_and_the_next_code_location_begins_with_it(
    unlearned: Pipeline,
) -> None:
    unlearned.vocareum.put(*lab_sessions("2024-03-15"))
    unlearned.vocareum.put(*lab_sessions("2024-03-20"))
    assert spans(unlearned.tick().run_requests) == [("2024-03-15", "2024-03-20")], (
        "no tick is lost by learning"
    )
    assert first_partition() == "2024-03-15"


@pytest.mark.thorough
def test_a_first_sync_loads_files_from_before_the_default_first_day(unlearned: Pipeline) -> None:
    unlearned.vocareum.put(*lab_sessions("2019-05-05"))
    todo = engine.make_plan(unlearned.settings, Selection())
    done = engine.sync(
        unlearned.settings, build_definitions(load_settings()), unlearned.instance, todo
    )
    assert ([result.rows for result in done.results], done.early) == ([1], ())
    assert unlearned.instance.get_materialized_partitions(SESSIONS) == {"2019-05-05"}


def test_a_daemon_learns_the_first_day_before_its_first_partitions(unlearned: Pipeline) -> None:
    problems: list[str] = []
    assert learn_before_start(unlearned.settings, problems.append) is None, (
        "nothing is delivered yet"
    )
    unlearned.vocareum.put(*lab_sessions("2024-03-15"))
    assert learn_before_start(unlearned.settings, problems.append) == date(2024, 3, 15)
    unlearned.vocareum.clear_requests()
    assert learn_before_start(unlearned.settings, problems.append) is None
    assert unlearned.vocareum.count("LIST") == 0, "it is known"
    assert problems == []


def test_a_daemon_that_cannot_list_says_which_partitions_it_assumes(unlearned: Pipeline) -> None:
    problems: list[str] = []
    unlearned.vocareum.fail_next(1, 400, body=b'{"status": "error", "message": "Invalid Token"}')
    assert learn_before_start(unlearned.settings, problems.append) is None
    assert len(problems) == 1
    assert str(unlearned.settings.first_day) in problems[0] and "token" in problems[0].lower()


@pytest.mark.parametrize("lost", [False, True], ids=["kept", "lost"])
def test_the_first_day_never_moves_past_loaded_days(lost: bool, unlearned: Pipeline) -> None:
    unlearned.vocareum.put(*lab_sessions("2024-03-15"))
    unlearned.tick_and_run()
    unlearned.vocareum.clear()
    unlearned.vocareum.put(*lab_sessions("2024-05-01"))
    if lost:
        unlearned.settings.first_day_path.unlink()
    unlearned.tick()
    assert first_partition() == "2024-03-15"
    if lost:
        unlearned.settings.first_day_path.unlink()
    engine.make_plan(unlearned.settings, Selection())
    assert first_partition() == "2024-03-15"


def test_a_wrong_year_in_a_file_name_adds_no_thousands_of_partitions(unlearned: Pipeline) -> None:
    for day in ("0202-11-01", "2024-03-15"):
        key, body = lab_sessions("2024-03-15")
        unlearned.vocareum.put(key.replace("2024-03-15", day), body)
    unlearned.tick()
    assert first_partition() == "2024-03-15"


def test_the_setting_overrides_the_learned_first_day(
    start_pipeline: StartPipeline, vocareum: DemoVocareum
) -> None:
    pipeline = start_pipeline("2026-10-20")
    vocareum.put(*lab_sessions("2024-03-15"))
    assert "1 outside of all partitions" in (pipeline.tick().skip_reason.skip_message or "")
    assert first_partition() == "2026-10-20"
    assert not Path(pipeline.settings.first_day_path).exists()


def messages(pipeline: Pipeline, run_id: str) -> str:
    return "\n".join(entry.message for entry in pipeline.instance.all_logs(run_id))


def test_a_run_names_each_day_without_a_file_and_leaves_it_unmarked(pipeline: Pipeline) -> None:
    for day in ("2026-11-01", "2026-11-03", "2026-11-04"):
        pipeline.vocareum.put(*lab_sessions(day))
    run = pipeline.run(dg.RunRequest(job_name="load_daily", tags=RANGE))
    assert "lab_sessions: no file is delivered for 2026-11-02, 2026-11-05." in messages(
        pipeline, run.run_id
    )
    assert pipeline.instance.get_materialized_partitions(SESSIONS) == {
        "2026-11-01",
        "2026-11-03",
        "2026-11-04",
    }


def test_a_backfill_marks_days_without_files_and_a_late_delivery_still_loads(
    pipeline: Pipeline,
) -> None:
    pipeline.vocareum.put(*lab_sessions("2026-11-01"))
    run = pipeline.run(
        dg.RunRequest(job_name="load_daily", tags={**RANGE, "dagster/backfill": "made-by-hand"})
    )
    assert run.success
    assert len(pipeline.instance.get_materialized_partitions(SESSIONS)) == 5
    of_the_day = dg.AssetRecordsFilter(SESSIONS, asset_partitions=["2026-11-05"])
    newest = (
        pipeline.instance.fetch_materializations(of_the_day, limit=1)
        .records[0]
        .asset_materialization
    )
    assert newest is not None
    assert (newest.partition, newest.description) == (
        "2026-11-05",
        "No file is delivered. Rows loaded earlier stay.",
    )
    pipeline.vocareum.put(*lab_sessions("2026-11-05"))
    assert spans(pipeline.tick().run_requests) == [("2026-11-05", "2026-11-05")]
