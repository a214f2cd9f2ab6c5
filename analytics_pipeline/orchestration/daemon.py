"""Dagster's daemon as a program that runs once for each data folder.

Two daemons on one instance start every run twice. The lock is the system's, so that it ends with its process; the name of its
holder stands in the file.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.runs.run_records import end_dead_runs
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.private_files import make_private_folder


class DaemonRunning(PipelineError):
    """Another daemon works on this data folder."""


@contextmanager
def hold_daemon_lock(settings: Settings) -> Iterator[None]:
    """Hold the place of the one daemon of a data folder.

    Raises:
        DaemonRunning: another process holds it; the text names it.
        OSError: the lock file can't be written.
    """
    path = settings.dagster_home / "daemon.lock"
    make_private_folder(path.parent)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DaemonRunning(
                f"A daemon works on {settings.data_dir.absolute()} already: {_holder(file.read())}.",
                "End it first, or set ANALYTICS_DATA_DIR to another folder.",
            ) from None
        file.truncate()
        file.write(f"{socket.gethostname()}:{os.getpid()}")
        file.flush()
        yield


def _holder(text: str) -> str:
    """Name a process for people: its number, machine and, where the system tells it, its command."""
    host, _, pid = text.rpartition(":")
    if not host:
        return "a process that is just starting"
    command = b""
    if host == socket.gethostname():
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").strip()
    return f"process {pid} on {host}" + (f" ({command.decode(errors='replace')})" if command else "")


def main() -> None:
    """Run `dagster-daemon` with its own options, while no other does on this data folder."""
    from dagster._daemon.cli import main as run_dagster

    try:
        settings = load_settings()
        with hold_daemon_lock(settings):
            with open_instance(settings) as instance:
                end_dead_runs(instance)  # a power cut leaves runs that hold the places of others
            run_dagster()
    except PipelineError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
