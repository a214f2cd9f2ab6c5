"""Run Dagster's daemon, at most once per instance and per data folder.

Two daemons on one instance start every run twice. Two on one data folder load every file twice. The
operating system holds the lock, so it ends with the process; the lock file names the holder. A lock
on a deleted file does not keep out another daemon, so the daemon that holds it ends.
"""

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO, NamedTuple

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.dagster_files import DAEMON_LOCK
from analytics_pipeline.orchestration.dagster_private import run_daemon
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.runs.processes import end_dead_runs
from analytics_pipeline.orchestration.workspace import served
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.folders import make_private_folder

CHECK_SECONDS = 30.0
"""How often the daemon checks that its lock files are still in place."""
_STOP_SECONDS = 120.0
"""How long Dagster's daemon may take to stop its threads and code servers. Without their folder
they may hang."""


class DaemonRunning(PipelineError):
    """Another daemon uses this data folder."""


class LockLost(PipelineError):
    """A folder of the running daemon was deleted, moved or replaced."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is no longer the file that this daemon locked: {path.parent} was deleted,"
            " moved or replaced. The daemon stops, because it could load nothing, and its lock"
            " would not keep out a second daemon.",
            "If the folder was moved, move it back. Then start the daemon again, unless a service"
            " manager does. If the folder is gone, the daemon creates a new one and records there"
            " what the warehouse holds.",
        )


class _Lock(NamedTuple):
    """A held lock: its file, and the path that led to it."""

    path: Path
    file: IO[str]

    @property
    def is_lost(self) -> bool:
        """Whether the path leads to no file, or to another one. False if that can't be told."""
        try:
            found, held = self.path.stat(), os.fstat(self.file.fileno())
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return not os.path.samestat(found, held)


@contextmanager
def hold_daemon_lock(settings: Settings) -> Iterator[Sequence[_Lock]]:
    """Hold the locks of the only daemon of an instance, and of each data folder that it serves.

    Raises:
        DaemonRunning: another process holds it; the message names that process.
        OSError: the lock file can't be written.
    """
    homes = {settings.dagster_home: settings.own_dagster_home or settings.data_dir}
    for organisation in served(settings, lambda _: None):  # its code location reports the error
        homes.setdefault(organisation.data_dir.absolute() / "dagster", organisation.data_dir)
    with ExitStack() as held:
        yield [
            held.enter_context(_lock(home / DAEMON_LOCK, folder.absolute()))
            for home, folder in homes.items()
        ]


@contextmanager
def stop_if_lost(locks: Sequence[_Lock]) -> Iterator[None]:
    """Send this process SIGTERM, which ends the block, as soon as one of its locks is lost.

    Raises:
        LockLost: a lock was lost. The block itself would end as a success.
    """
    ended, lost = Event(), list[LockLost]()

    def watch() -> None:
        while not (lost or ended.wait(CHECK_SECONDS)):
            lost.extend(LockLost(lock.path) for lock in locks if lock.is_lost)
        if ended.is_set():
            return
        os.kill(os.getpid(), signal.SIGTERM)
        if not ended.wait(_STOP_SECONDS):
            sys.stderr.write(f"{lost[0]}\n")
            sys.stderr.flush()
            os._exit(1)

    Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        if lost:
            raise lost[0]


@contextmanager
def _lock(path: Path, folder: Path) -> Iterator[_Lock]:
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
        yield _Lock(path, file)


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
    """Run `dagster-daemon` with its own options, unless another one uses this data folder.

    Ends with exit code 1 if it may not run, or if its folder is deleted, moved or replaced.
    """
    try:
        settings = load_settings()
        with hold_daemon_lock(settings) as locks:
            with open_instance(settings) as instance:
                # A power failure leaves runs that occupy queue slots. The daemon starts the runs
                # of every location, so it also ends those of every location.
                end_dead_runs(instance, ALONE)
            with stop_if_lost(locks):
                run_daemon()
    except PipelineError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
