"""The heartbeats of Dagster's daemon, also those that a wrong clock dated in the future."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster._daemon.types import DaemonHeartbeat

from analytics_pipeline.cli.heartbeat import dated_ahead, is_recent, nearest
from analytics_pipeline.orchestration.dagster_files import recorded_heartbeats
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import load_settings
from analytics_pipeline_tests.cli.conftest import Run

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
AHEAD = timedelta(days=40)
DOWN = {"VOCAREUM_API_URL": "http://127.0.0.1:9/api/v2"}


@pytest.mark.parametrize(
    ("away", "alive", "ahead"),
    [
        (timedelta(), True, False),
        (timedelta(minutes=-4), True, False),
        (timedelta(minutes=-5), False, False),
        (timedelta(minutes=4), True, False),
        (timedelta(minutes=5), False, True),
        (AHEAD, False, True),
    ],
)
def test_a_heartbeat_counts_for_five_minutes_before_and_after_it(
    away: timedelta, alive: bool, ahead: bool
) -> None:
    assert is_recent(NOW + away, NOW) is alive
    assert ("in the future" in dated_ahead(NOW + away, NOW)) is ahead


def test_a_heartbeat_in_the_future_does_not_hide_a_present_one() -> None:
    assert nearest([NOW + AHEAD, NOW - timedelta(seconds=20)], NOW) == NOW - timedelta(seconds=20)
    assert nearest([], NOW) is None
    assert not is_recent(None, NOW)
    assert dated_ahead(None, NOW) == ""


def test_status_says_that_a_heartbeat_is_dated_in_the_future(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics_pipeline.cli.status.RETRY_SECONDS", 0.2)
    settings = load_settings()
    with open_instance(settings) as instance:
        for kind, at in (("SENSOR", AHEAD), ("SCHEDULER", timedelta(days=-1))):
            beat = DaemonHeartbeat(time.time() + at.total_seconds(), kind, "id", [])
            instance.add_daemon_heartbeat(beat)
    assert len(recorded_heartbeats(settings.dagster_home)) == 2
    said = run("status", **DOWN).output
    assert "Dagster's daemon: not running" in said
    assert "in the future" not in said, "the nearest heartbeat is an old one"
    with open_instance(settings) as instance:
        beat = DaemonHeartbeat(time.time() + AHEAD.total_seconds(), "SCHEDULER", "id", [])
        instance.add_daemon_heartbeat(beat)
    result = run("status", **DOWN)
    assert "Dagster's daemon: not running" in result.output
    assert "in the future: the clock of its machine was or is ahead" in result.output
    found = json.loads(run("status", "--json", **DOWN).output.splitlines()[0])
    assert found["daemon"]["alive"] is False
