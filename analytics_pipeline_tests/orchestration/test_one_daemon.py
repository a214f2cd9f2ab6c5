"""A data folder has one daemon: a second one is refused, with the first one's process in the
message.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.orchestration.daemon import hold_daemon_lock
from analytics_pipeline.settings import load_settings

HOLD = """
from analytics_pipeline.orchestration.daemon import hold_daemon_lock
from analytics_pipeline.settings import load_settings
with hold_daemon_lock(load_settings()):
    print("held", flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize("command", ["dev", "daemon"])
def test_a_second_daemon_is_refused_with_the_first_ones_process(command: str, data: Path) -> None:
    with hold_daemon_lock(load_settings()):
        done = CliRunner().invoke(app, [command])
    assert done.exit_code == 2, done.output
    assert f"Another daemon already uses {data}: process {os.getpid()} on " in done.stderr
    assert "Stop it first" in done.stderr


def test_the_program_that_dev_and_the_service_start_is_refused_itself(data: Path) -> None:
    with hold_daemon_lock(load_settings()):
        program = [
            sys.executable,
            "-m",
            "analytics_pipeline.orchestration.daemon",
            "run",
            "--empty-workspace",
        ]
        done = subprocess.run(program, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert f"process {os.getpid()} on " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_killed_daemon_releases_its_lock() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGKILL)
    with hold_daemon_lock(load_settings()):
        pass
