"""A data folder has one daemon: a second one is refused, with the first one's process in the
message. A daemon whose folder was deleted or moved, and so its lock, ends.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


LOSE = """
import sys
from analytics_pipeline.orchestration import daemon
daemon.CHECK_SECONDS = 0.1
sys.argv = ["dagster-daemon", "run", "--empty-workspace"]
daemon.main()
"""


def remove(home: Path) -> None:
    """Delete the folder under the daemon."""
    home.rename(home.with_name("moved"))  # at once: the daemon writes into it


def replace(home: Path) -> None:
    """Put another folder in its place."""
    remove(home)
    home.mkdir()
    (home / "daemon.lock").touch()


@contextmanager
def daemon(code: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a daemon, and kill it if a test leaves it running."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", text: str) -> None:
    """Read the output up to a line with a text."""
    assert process.stdout is not None
    said = []
    while text not in (line := process.stdout.readline()):
        assert line, said
        said.append(line)


def read_to_the_end(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Return the exit code and the rest of the output."""
    assert process.stdout is not None
    said = process.stdout.read()
    return process.wait(), said


@pytest.mark.first_forms(1)
@pytest.mark.parametrize("lose", [remove, replace])
def test_a_daemon_whose_folder_is_lost_ends_with_an_error(
    lose: Callable[[Path], None], data: Path
) -> None:
    with daemon(LOSE) as process:
        read_until(process, "Instance is configured with the following daemons")
        lose(data / "dagster")
        code, said = read_to_the_end(process)
    assert code == 1, said
    assert f"{data / 'dagster' / 'daemon.lock'} is no longer the file that this daemon" in said
    assert "start the daemon again" in said
    assert "Daemon threads shut down" in said


def test_a_daemon_that_hangs_without_its_folder_ends_by_force(data: Path) -> None:
    hangs = LOSE.replace(
        "daemon.main()",
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "daemon._STOP_SECONDS = 0.1\n"
        "daemon.run_daemon = lambda: (print('runs', flush=True), time.sleep(600))\n"
        "daemon.main()",
    )
    with daemon(hangs) as process:
        read_until(process, "runs")
        remove(data / "dagster")
        code, said = read_to_the_end(process)
    assert (code, "was deleted, moved or replaced" in said) == (1, True), said


def test_a_lock_is_lost_only_while_its_path_leads_elsewhere(data: Path) -> None:
    with hold_daemon_lock(load_settings()) as locks:
        assert [lock.is_lost for lock in locks] == [False]
        (data / "dagster" / "daemon.lock").rename(data / "elsewhere")
        assert [lock.is_lost for lock in locks] == [True]
        (data / "elsewhere").rename(data / "dagster" / "daemon.lock")
        assert [lock.is_lost for lock in locks] == [False]
