"""`quarantine replay` tells Dagster in the same step, without the network: nothing stays red until
the sensor's next tick.
"""

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import AssetPartitionStatus
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.raw.partitions import partitions_of
from analytics_pipeline.orchestration.runs.run_records import RunState, known_runs
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions

DAY = "2026-11-02"
KEY = dg.AssetKey(["raw", "lab_sessions"])


def partition_status(pipeline: Pipeline) -> AssetPartitionStatus | None:

    partitions = partitions_of(DATASETS["lab_sessions"], pipeline.settings.first_day)
    found = pipeline.instance.get_status_by_partition(KEY, [DAY], partitions)
    assert found is not None
    return found[DAY]


def test_a_replay_turns_partition_check_and_asset_green(
    start_pipeline: StartPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = start_pipeline(on_disk=True)
    monkeypatch.setenv("DAGSTER_HOME", str(pipeline.settings.dagster_home))
    key, body = lab_sessions(DAY, rows=100)
    header, *rows = body.decode().splitlines()
    unreadable = [row.replace(" 9:00:00 am UTC", " at nine") for row in rows[:25]]
    pipeline.vocareum.put(key, "\n".join([header, *unreadable, *rows[25:], ""]).encode())
    (run,) = pipeline.tick_and_run()
    assert not run.success
    assert not pipeline.check("raw.lab_sessions", "rejects_under_limit").passed
    assert partition_status(pipeline) is AssetPartitionStatus.FAILED

    monkeypatch.setattr("analytics_pipeline.ingest.quarantine_limit.MAX_REJECTS", 1_000)
    monkeypatch.setenv("VOCAREUM_API_URL", "http://127.0.0.1:9/api/v2")
    done = CliRunner().invoke(app, ["quarantine", "replay"])
    assert done.exit_code == 0, done.output
    assert pipeline.rows("SELECT rows, rejects FROM ops.loaded_files") == [(75, 25)]
    assert pipeline.check("raw.lab_sessions", "rejects_under_limit").passed
    assert partition_status(pipeline) is AssetPartitionStatus.MATERIALIZED
    last = next(
        run for run in known_runs(pipeline.instance, ALONE) if "raw.lab_sessions" in run.assets
    )
    assert last.state is RunState.SUCCEEDED, "alerts end with it"
    monkeypatch.setenv("VOCAREUM_API_URL", pipeline.vocareum.environment["VOCAREUM_API_URL"])
    assert not pipeline.tick().run_requests
