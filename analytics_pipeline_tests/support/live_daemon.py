"""Start the real daemon in a process of its own, and wait for what live processes do."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from analytics_pipeline_tests.cli.conftest import COMMAND


def wait_for(what: Callable[[], bool], seconds: float, output: Path) -> None:
    """Wait until a condition holds; fail with the end of the output if it never does."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, output.read_text()[-4_000:]
        time.sleep(0.2)


def start_daemon(output: Path) -> "subprocess.Popen[bytes]":
    """Start `analytics-pipeline daemon` in a process group of its own."""
    with output.open("a") as out:
        return subprocess.Popen(
            [str(COMMAND), "daemon"], stdout=out, stderr=out, start_new_session=True
        )
