"""Private files that appear under their name only when they are complete.

Nothing here knows what is written; students' data passes through, so only the owner may read it.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from analytics_pipeline.storage.disk import naming

_PART_NAME = re.compile(r"\.part-(?P<pid>\d+)-")


@contextmanager
def private_file(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that becomes `target` when the block ends well, and is removed when it does not.

    The file has mode 0600 and every folder made on the way 0700, whatever the umask.

    Raises:
        OSError: it can't be written; it names the file, and `target` is as it was.
    """
    with naming(target):
        yield from _private_file(target)


def _private_file(target: Path) -> Iterator[BinaryIO]:
    make_private_folder(target.parent)
    handle, name = tempfile.mkstemp(prefix=f".part-{os.getpid()}-", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            yield file
        # No fsync: a file lost to a power cut is fetched again.
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def make_private_folder(folder: Path) -> None:
    """Make the folder and its missing parents with mode 0700; folders that exist keep theirs."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return  # another thread was faster
    folder.chmod(0o700)


def remove_stale_parts(folder: Path) -> int:
    """Remove temporary files that dead processes left anywhere under the folder; return how many."""
    stale = [path for path in folder.rglob(".part-*") if (pid := _pid(path)) is not None and not is_alive(pid)]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _pid(path: Path) -> int | None:
    match = _PART_NAME.match(path.name)
    return int(match["pid"]) if match else None


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)  # signal 0 is sent to nobody: it only asks
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # someone else's process
    return True


def process_identity(pid: int) -> str:
    """Name a process such that no later one has the same name: boot, number and start; empty if it is gone.

    After a reboot, or when numbers come round, another process has the number. Where the system has no /proc, the number
    alone is the name.
    """
    if not is_alive(pid):
        return ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The name in brackets may hold blanks; the start, in ticks since the boot, is the 20th field after it (proc(5)).
        start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return f"::{pid}" if is_alive(pid) else ""
    return f"{boot}:{start}:{pid}"
