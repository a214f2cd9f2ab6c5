"""Replace a file atomically, by whatever program writes to a path (DuckDB, pyarrow, a copy).

For files with one writer at a time, usually under the warehouse's lock: what is under the temporary
name then belongs to a dead process. `private_files.py` writes files that several processes may
write at once.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analytics_pipeline.storage.disk import name_file_in_errors
from analytics_pipeline.storage.folders import file_mode
from analytics_pipeline.storage.private_files import private_umask


@contextmanager
def replacing(target: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `target`; on success its file replaces `target`.

    A mode that we gave the target (say 0640, to let a group read it) is kept. A first file is 0600,
    or 0640 in a shared folder. Symbolic links are not followed: one at the target is replaced, one
    at the temporary name is removed.

    Args:
        target: the file to replace.
        durable: whether the new file must survive a power failure.

    Raises:
        OSError: the file can't be written. `target` is unchanged.
    """
    folder = target.with_name(f"{target.name}.new")
    fresh = folder / target.name
    try:
        with name_file_in_errors(target), private_umask():
            _remove(folder)
            folder.mkdir(mode=0o700)
            yield fresh
        fresh.chmod(file_mode(target))
        if durable:
            _to_disk(fresh)
        fresh.replace(target)
        if durable:
            _to_disk(target.parent)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a dead process's leftovers: a folder, a file with its log, or a link."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
    folder.with_name(f"{folder.name}.wal").unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
