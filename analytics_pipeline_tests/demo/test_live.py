"""`demo --live`: what is delivered while time passes, and the real command with its daemon, sensors
and alerts.
"""

import os
import signal
import subprocess
from datetime import date
from itertools import islice
from pathlib import Path

import duckdb
import httpx
import pytest

from analytics_pipeline.cli.demo_live import LIVE_DAYS
from analytics_pipeline.cli.feed_notice import feed_notice
from analytics_pipeline.demo.live import ERROR_PAGE, steps, webhook
from analytics_pipeline.settings import Settings
from analytics_pipeline.settings.simulated import mark_simulated
from analytics_pipeline_tests.cli.conftest import COMMAND
from analytics_pipeline_tests.support.live_processes import free_port
from analytics_pipeline_tests.support.today import yesterday

DAYS = {
    date(2026, 11, day): {f"a_{day}": b"head\n1\n2\n", f"b_{day}": b"head\n1\n"}
    for day in (1, 2, 3)
}


def test_each_day_comes_once_and_whole_and_one_file_is_broken_for_a_while() -> None:
    bucket: dict[str, bytes] = {}
    seen = []
    for step in islice(steps(DAYS), 4):
        bucket |= step.files
        seen.append(dict(bucket))
    assert seen[1] == DAYS[date(2026, 11, 1)] | DAYS[date(2026, 11, 2)]
    assert [name for name, body in seen[2].items() if body == ERROR_PAGE] == ["a_2"]
    assert seen[3] == {key: body for files in DAYS.values() for key, body in files.items()}


def test_the_last_day_is_rewritten_for_ever() -> None:
    written = [step.files["a_3"] for step in islice(steps(DAYS), 4, 8)]
    assert written == [b"head\n1\n", b"head\n1\n2\n"] * 2


def test_the_webhook_receives_the_text_of_each_alert() -> None:
    told: list[str] = []
    with webhook(told.append) as url:
        assert httpx.post(url, json={"text": "It failed."}).status_code == 200
    assert told == ["It failed."]


def test_dev_says_why_nothing_is_loaded(tmp_path: Path) -> None:
    nothing = Settings(ANALYTICS_DATA_DIR=str(tmp_path))
    assert "VOCAREUM_ORG_ID is not set" in feed_notice(nothing)
    real = Settings(
        ANALYTICS_DATA_DIR=str(tmp_path), VOCAREUM_ORG_ID="7", VOCAREUM_API_TOKEN="t0ken"
    )
    assert feed_notice(real) == ""
    mark_simulated(nothing)
    assert "simulated Vocareum is not running" in feed_notice(nothing)
    assert "demo --live" in feed_notice(nothing)
    assert "simulated Vocareum is not running" in feed_notice(real)
    served = Settings(
        ANALYTICS_DATA_DIR=str(tmp_path),
        VOCAREUM_ORG_ID="9001",
        VOCAREUM_API_TOKEN="demo-token",
        VOCAREUM_API_URL="http://127.0.0.1:1/api/v2",
    )
    assert feed_notice(served) == ""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_new_days_are_loaded_a_broken_file_is_an_alert_and_its_end_too(tmp_path: Path) -> None:
    settings = {
        "ANALYTICS_DATA_DIR": str(tmp_path / "data"),
        "VOCAREUM_ORG_ID": "",
        "VOCAREUM_API_TOKEN": "",
    }
    before = yesterday()
    process = subprocess.Popen(
        [str(COMMAND), "demo", "--live", "--days", "14", "--port", str(free_port())],
        cwd=tmp_path,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said: list[str] = []

    def read_until(*words: str) -> str:
        for line in process.stdout or ():
            said.append(line)
            if all(word in line for word in words):
                return line
        return pytest.fail(f"ended without {words}:\n{''.join(said[-60:])}")

    try:
        read_until("files delivered.")
        newest_days = {before, yesterday()}
        broken = read_until("is an error page").split("/")[-1].partition("_2")[0]
        read_until("ALERT", f"raw.{broken} (", "failed")
        read_until("it is not CSV but HTML")
        read_until("ALERT", "Resolved", f"raw.{broken}")
        read_until("is rewritten with all of its rows")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=120)
    assert any("ALERT" in line for line in said)
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb"), read_only=True) as connection:
        newest = connection.execute("SELECT max(file_date) FROM raw.lab_sessions").fetchone()
    assert newest and newest[0] in newest_days, f"the {LIVE_DAYS} late days are not all loaded"
