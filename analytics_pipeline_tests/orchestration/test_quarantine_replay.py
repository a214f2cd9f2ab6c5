"""`quarantine replay` and `close` tell Dagster in the same step, without the network: nothing stays
red until the sensor's next tick. They leave the failures of other files and versions alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import AssetPartitionStatus
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.raw.partitions import partitions_of
from analytics_pipeline.orchestration.replayed import LedgerFeed, record_replayed
from analytics_pipeline.orchestration.runs.run_records import RunState, known_runs
from analytics_pipeline.vocareum.objects import RemoteObject
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import delivery_of, loaded_files
from analytics_pipeline_tests.orchestration.conftest import (
    Pipeline,
    StartPipeline,
    lab_sessions,
    put_sessions,
)

DAY, OTHER = "2026-11-02", "2026-11-03"
KEY = dg.AssetKey(["raw", "lab_sessions"])


@pytest.fixture
def pipeline(start_pipeline: StartPipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Return a pipeline on disk, which commands find by the environment."""
    pipeline = start_pipeline(on_disk=True)
    monkeypatch.setenv("DAGSTER_HOME", str(pipeline.settings.dagster_home))
    return pipeline


def put_unreadable(pipeline: Pipeline, day: str, unreadable: int) -> None:
    """Deliver a file of 100 records, of which some are rejected; 25 are too many."""
    key, body = lab_sessions(day, rows=100)
    header, *rows = body.decode().splitlines()
    rejected = [row.replace(" 9:00:00 am UTC", " at nine") for row in rows[:unreadable]]
    pipeline.vocareum.put(key, "\n".join([header, *rejected, *rows[unreadable:], ""]).encode())


def run_offline(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run a command successfully while Vocareum can't be reached."""
    with monkeypatch.context() as patched:
        patched.setenv("VOCAREUM_API_URL", "http://127.0.0.1:9/api/v2")
        done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output


def problems(pipeline: Pipeline, day: str) -> list[list[tuple[Any, ...]]]:
    """Return the failure of a day, and its quarantined records."""
    return [
        pipeline.rows(f"SELECT * FROM {table} WHERE partition = '{day}' ORDER BY ALL")
        for table in ("ops.failed_files", "quarantine.rejects")
    ]


def partition_status(pipeline: Pipeline) -> AssetPartitionStatus | None:

    partitions = partitions_of(DATASETS["lab_sessions"], pipeline.settings.first_day)
    found = pipeline.instance.get_status_by_partition(KEY, [DAY], partitions)
    assert found is not None
    return found[DAY]


def test_a_replay_turns_partition_check_and_asset_green(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_unreadable(pipeline, DAY, 25)
    (run,) = pipeline.tick_and_run()
    assert not run.success
    assert not pipeline.check("raw.lab_sessions", "rejects_under_limit").passed
    assert partition_status(pipeline) is AssetPartitionStatus.FAILED

    monkeypatch.setattr("analytics_pipeline.ingest.quarantine_limit.MAX_REJECTS", 1_000)
    run_offline(monkeypatch, "quarantine", "replay")
    assert pipeline.rows("SELECT rows, rejects FROM ops.loaded_files") == [(75, 25)]
    assert pipeline.check("raw.lab_sessions", "rejects_under_limit").passed
    assert partition_status(pipeline) is AssetPartitionStatus.MATERIALIZED
    last = next(
        run for run in known_runs(pipeline.instance, ALONE) if "raw.lab_sessions" in run.assets
    )
    assert last.state is RunState.SUCCEEDED, "alerts end with it"
    assert not pipeline.tick().run_requests


@pytest.mark.thorough
def test_a_replay_leaves_the_failures_of_other_files(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_unreadable(pipeline, DAY, 5)
    put_unreadable(pipeline, OTHER, 25)
    pipeline.tick_and_run()
    before = problems(pipeline, OTHER)
    assert [len(rows) for rows in before] == [1, 25]
    run_offline(monkeypatch, "quarantine", "replay", "--file", DAY)
    assert problems(pipeline, OTHER) == before
    assert not pipeline.check("raw.lab_sessions", "rejects_under_limit").passed


@pytest.mark.thorough
def test_the_close_of_a_held_version_leaves_the_failures_of_other_files(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sessions(pipeline.vocareum, DAY, rows=9)
    pipeline.tick_and_load()
    put_sessions(pipeline.vocareum, DAY, rows=1)
    put_unreadable(pipeline, OTHER, 25)
    pipeline.tick_and_run()
    before = problems(pipeline, OTHER)
    run_offline(monkeypatch, "close", "--dataset", "lab_sessions", "--partition", DAY)
    assert pipeline.rows("SELECT rows FROM ops.loaded_files") == [(1,)]
    assert problems(pipeline, OTHER) == before
    assert not pipeline.check("raw.lab_sessions", "rejects_under_limit").passed


@pytest.mark.thorough
def test_a_replay_of_a_loaded_version_leaves_the_failure_of_a_newer_one(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_unreadable(pipeline, DAY, 5)
    pipeline.tick_and_load()
    put_unreadable(pipeline, DAY, 6)
    pipeline.vocareum.refuse(lab_sessions(DAY)[0], 403, "AccessDenied")
    pipeline.tick_and_run()
    failed, _ = problems(pipeline, DAY)
    assert len(failed) == 1
    run_offline(monkeypatch, "quarantine", "replay")
    assert problems(pipeline, DAY)[0] == failed
    assert not pipeline.check("raw.lab_sessions", "schema").passed


def test_a_version_that_was_replaced_since_the_replay_is_not_loaded_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sessions(pipeline.vocareum, DAY)
    pipeline.tick_and_load()
    with open_warehouse(pipeline.settings.warehouse_path) as connection:
        newer = delivery_of(loaded_files(connection)[0])
    older = replace(newer, etag="older", last_modified=newer.last_modified.replace(tzinfo=UTC))

    def listed(_feed: LedgerFeed, _under: str = "") -> Iterator[RemoteObject]:
        yield RemoteObject(older.key, older.etag, older.size, older.last_modified)

    monkeypatch.setattr(LedgerFeed, "list", listed)
    record_replayed(pipeline.settings, pipeline.instance, [older], "replay")
    last, *_ = known_runs(pipeline.instance, ALONE)
    assert (last.asked["lab_sessions"], last.state) == (
        {DAY: older.fingerprint},
        RunState.SUCCEEDED,
    )
    assert pipeline.rows("SELECT etag FROM ops.loaded_files") == [(newer.etag,)]
