"""Private files that appear under their name only when complete.

They hold students' data, so only the owner may read them.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from analytics_pipeline.storage.disk import name_file_in_errors

_PART_NAME = re.compile(r"\.part-(?P<pid>\d+)-")


@contextmanager
def private_file(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file; rename it to `target` on success, delete it on failure.

    The file has mode 0600, and every folder created for it 0700, whatever the umask.

    Raises:
        OSError: the file can't be written. The error names it, and `target` is unchanged.
    """
    with name_file_in_errors(target):
        yield from _private_file(target)


def _private_file(target: Path) -> Iterator[BinaryIO]:
    make_private_folder(target.parent)
    handle, name = tempfile.mkstemp(prefix=f".part-{os.getpid()}-", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            yield file
        # No fsync: a file lost in a power failure is fetched again.
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def private_umask() -> Iterator[None]:
    """Create files inside the block with mode 0600 and folders with 0700, whatever the umask."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def make_private_folder(folder: Path) -> None:
    """Create the folder and its missing parents with mode 0700; leave existing ones as is."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return  # another thread was faster
    folder.chmod(0o700)


def remove_stale_parts(folder: Path) -> int:
    """Delete temporary files left by dead processes anywhere under the folder; return how many."""
    stale = [
        path
        for path in folder.rglob(".part-*")
        if (pid := _pid(path)) is not None and not is_alive(pid)
    ]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _pid(path: Path) -> int | None:
    match = _PART_NAME.match(path.name)
    return int(match["pid"]) if match else None


def is_alive(pid: int) -> bool:
    """Return whether a process with this id exists."""
    try:
        os.kill(pid, 0)  # signal 0 only checks that the process exists
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # someone else's process
    return True


def process_identity(pid: int) -> str:
    """Return an identity that no later process shares (boot id, start, pid); empty if gone.

    Process ids are reused after a reboot and when they wrap around. Without /proc the pid alone is
    the identity.
    """
    if not is_alive(pid):
        return ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The name in brackets may hold blanks; the start time, in ticks since boot, is field 20
        # after it (proc(5)).
        start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return f"::{pid}" if is_alive(pid) else ""
    return f"{boot}:{start}:{pid}"
