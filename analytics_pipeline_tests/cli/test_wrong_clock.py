"""A sync while the machine's clock is ahead, and those after it: the numbers follow each load."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.cli.dataset_status import next_attempt
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.ledger import FailedFile
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.clocks import machine_ahead


def published_sessions(data: Path) -> int:
    with duckdb.connect(str(data / "analytics.duckdb"), read_only=True) as published:
        [(count,)] = published.execute("SELECT count(*) FROM marts.lab_sessions").fetchall()
    return int(count)


@pytest.mark.thorough
def test_a_load_after_a_sync_whose_clock_was_ahead_reaches_the_published_file(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
) -> None:
    files = organisation.files()
    key = max((key for key in files if "lab_sessions_" in key), key=lambda key: len(files[key]))
    lines = files[key].splitlines(keepends=True)

    def sync(lost: int) -> int:
        demo.put(key, b"".join(lines[:-lost]))
        done = run("sync")
        assert (done.exit_code, "Published: " in done.output) == (0, True), done.output
        assert "older warehouse" not in done.output
        return published_sessions(synced)

    before = published_sessions(synced)
    with machine_ahead(days=40):
        ahead = sync(lost=2)
    assert ahead < before
    assert sync(lost=4) < ahead, "the models were not rebuilt"
    said = run("status")
    assert (said.exit_code, "Complete." in said.output) == (0, True), said.output
    assert "Nothing to do" in run("sync").output


@pytest.mark.parametrize(
    ("failed", "attempt"),
    [
        (timedelta(hours=-1), timedelta(minutes=-45)),
        (timedelta(minutes=-5), timedelta(minutes=10)),
        (timedelta(minutes=10), timedelta(minutes=25)),
        (timedelta(days=40), timedelta()),
    ],
)
def test_no_retry_waits_for_the_date_of_a_wrong_clock(
    failed: timedelta, attempt: timedelta
) -> None:
    now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    at = now.replace(tzinfo=None) + failed
    file = FailedFile(
        "aws_cost", "2026-11-22", "key", "etag", 1, at, None, "", "", None, 0, 0, at, at, 1
    )
    assert next_attempt(file, [], now) == now.replace(tzinfo=None) + attempt
