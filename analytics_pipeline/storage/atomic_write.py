"""Write files that appear under their name only when complete.

The pipeline writes in no other way. The only exception: on a full disk the warehouse's sidecar is
overwritten in place.

`replacing` yields a path, for whatever program writes there (DuckDB, pyarrow, a copy). It is for
files with one writer at a time, usually under the warehouse's lock: what is under the temporary
name then belongs to a dead process. `private_file` yields an open file, and several threads and
processes may write at once.
"""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.database_log import is_database, remove_logs, sync_to_disk
from analytics_pipeline.storage.disk import name_file_in_errors
from analytics_pipeline.storage.folders import file_mode, make_private_folder, private_umask
from analytics_pipeline.storage.processes import is_alive

_PART_NAME = re.compile(r"\.part-(?P<pid>\d+)-")
_DEVICES = Path("/dev")


class NotAFile(PipelineError):
    """A device, a pipe or a socket has the name of the file to write."""


@contextmanager
def replacing(target: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `target`; on success its file replaces `target`.

    A mode that we gave the target (say 0644) is kept. A first file, and one that was 0600, is 0600,
    or 0640 in a shared folder. Symbolic links are not followed: one at the target is replaced, one
    at the temporary name is removed. A write-ahead log beside the target is removed before a DuckDB
    file is put there, which would take the log for its own.

    Args:
        target: the file to replace.
        durable: whether the new file must survive a power failure.

    Raises:
        NotAFile: `target` is a device, a pipe or a socket.
        OSError: the file can't be written. `target` is unchanged.
    """
    _require_file(target)
    folder = target.with_name(f"{target.name}.new")
    fresh = folder / target.name
    try:
        with name_file_in_errors(target), private_umask():
            _remove(folder)
            folder.mkdir(mode=0o700)
            yield fresh
        _put_in_place(fresh, target, file_mode(target), durable=durable)
    finally:
        _remove(folder)


@contextmanager
def private_file(
    target: Path, *, durable: bool = True, keeps_mode: bool = False
) -> Iterator[BinaryIO]:
    """Open a temporary file; on success it replaces `target`, on failure it is deleted.

    The file has mode 0600, and every folder created for it 0700, whatever the umask.

    Args:
        target: the file to write.
        durable: whether the new file must survive a power failure.
        keeps_mode: give the new file the mode that `replacing` would.

    Raises:
        NotAFile: `target` is a device, a pipe or a socket.
        OSError: the file can't be written. The error names it, and `target` is unchanged.
    """
    _require_file(target)
    with name_file_in_errors(target):
        make_private_folder(target.parent)
        handle, name = tempfile.mkstemp(prefix=f".part-{os.getpid()}-", dir=target.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            mode = file_mode(target) if keeps_mode else 0o600
            _put_in_place(part, target, mode, durable=durable)
        finally:
            part.unlink(missing_ok=True)


def remove_stale_parts(folder: Path, *, below: bool = True) -> int:
    """Delete temporary files left by dead processes in the folder; return how many.

    Args:
        folder: the folder.
        below: whether to look in the folders below it, too.
    """
    stale = [
        path
        for path in (folder.rglob if below else folder.glob)(".part-*")
        if (pid := _pid(path)) is not None and not is_alive(pid)
    ]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _pid(path: Path) -> int | None:
    match = _PART_NAME.match(path.name)
    return int(match["pid"]) if match else None


def _require_file(target: Path) -> None:
    """Refuse to replace a device, such as /dev/null, which all programs of a machine share.

    A link in /dev, such as /dev/stdout, is refused even if it leads to a file.
    """
    try:
        mode = target.stat().st_mode
    except OSError:
        return  # there is none, or writing it says what is wrong
    if target.parent == _DEVICES or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise NotAFile(
            f"{target} is a device, a pipe or a socket, and writing would replace it by a file.",
            "Give the path of a file.",
        )


def _put_in_place(written: Path, target: Path, mode: int, *, durable: bool) -> None:
    written.chmod(mode)
    if durable:
        sync_to_disk(written)
    if is_database(written):  # a kill after this leaves the old file, without another's changes
        remove_logs(target)
    written.replace(target)
    if durable:
        sync_to_disk(target.parent)


def _remove(folder: Path) -> None:
    """Remove a dead process's leftovers: a folder, a file with its log, or a link."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
    folder.with_name(f"{folder.name}.wal").unlink(missing_ok=True)
