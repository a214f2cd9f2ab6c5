"""Run Dagster's daemon, at most once per instance and per data folder.

Two daemons on one instance start every run twice, two on one data folder load every file twice. The
operating system holds the lock, so it ends with the process; the lock file names the holder.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.dagster_private import run_daemon
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.runs.processes import end_dead_runs
from analytics_pipeline.orchestration.workspace import served
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.folders import make_private_folder


class DaemonRunning(PipelineError):
    """Another daemon uses this data folder."""


@contextmanager
def hold_daemon_lock(settings: Settings) -> Iterator[None]:
    """Hold the locks of the only daemon of an instance, and of each data folder that it serves.

    Raises:
        DaemonRunning: another process holds it; the message names that process.
        OSError: the lock file can't be written.
    """
    homes = {settings.dagster_home: settings.own_dagster_home or settings.data_dir}
    for organisation in served(settings, lambda _: None):  # its code location reports the error
        homes.setdefault(organisation.data_dir.absolute() / "dagster", organisation.data_dir)
    with ExitStack() as held:
        for home, folder in homes.items():
            held.enter_context(_lock(home / "daemon.lock", folder.absolute()))
        yield


@contextmanager
def _lock(path: Path, folder: Path) -> Iterator[None]:
    """Hold one lock; `folder` is the one that its message names."""
    make_private_folder(path.parent)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DaemonRunning(
                f"Another daemon already uses {folder}: {_holder(file.read())}.",
                "Stop it first, or set ANALYTICS_DATA_DIR to another folder.",
            ) from None
        file.truncate()
        file.write(f"{socket.gethostname()}:{os.getpid()}")
        file.flush()
        yield


def _holder(text: str) -> str:
    """Describe a process for people: pid, host and, if known, its command."""
    host, _, pid = text.rpartition(":")
    if not host:
        return "a process that is just starting"
    command = b""
    if host == socket.gethostname():
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").strip()
    return f"process {pid} on {host}" + (
        f" ({command.decode(errors='replace')})" if command else ""
    )


def main() -> None:
    """Run `dagster-daemon` with its own options, unless another one uses this data folder."""
    try:
        settings = load_settings()
        with hold_daemon_lock(settings):
            with open_instance(settings) as instance:
                # A power failure leaves runs that occupy queue slots. The daemon starts the runs
                # of every location, so it also ends those of every location.
                end_dead_runs(instance, ALONE)
            run_daemon()
    except PipelineError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
