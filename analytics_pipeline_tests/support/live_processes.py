"""Start commands in process groups of their own, wait for what they do, and end them."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


def wait_for(condition: Callable[[], bool], seconds: float, output: Path) -> None:
    """Wait until a condition holds; fail with the end of the output if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, output.read_text()[-4_000:]
        time.sleep(0.2)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def process_group(
    command: Sequence[str | Path],
    output: Path,
    *,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    end_signal: signal.Signals = signal.SIGINT,
    seconds: float = 30,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command until the block ends; then end it and all processes that it has started.

    Args:
        command: the command.
        output: file to which its output is appended.
        folder: its working folder.
        variables: its environment; by default this process's.
        end_signal: sent to the group when the block ends.
        seconds: until SIGKILL follows.
    """
    with output.open("a") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, end_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
