"""Errors of the disk: which file they are about, and a full one, in whatever words the system, DuckDB or SQLite put it.

Nothing here knows what was being written; the doors (`cli/`, `orchestration/failures.py`) show the text.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analytics_pipeline.errors import PipelineError

_ERRORS = (errno.ENOSPC, errno.EDQUOT)
_WORDS = (*map(os.strerror, _ERRORS), "database or disk is full", "'max_temp_directory_size' setting")
"""Of the system, which DuckDB repeats; of SQLite, where Dagster keeps its runs; of DuckDB, which found no room to spill."""
_PERHAPS = "disk I/O error"
"""SQLite says so where there is no room for the memory that its readers share, and where a disk fails."""


class DiskFull(PipelineError):
    """There is no room to write. What was there before is as it was."""


@contextmanager
def room(path: Path | None = None) -> Iterator[None]:
    """Turn an error that means a full disk into one whose text says so, and which disk.

    Args:
        path: what is written inside, named where the error itself names no file; by default the data folder in words.

    Raises:
        DiskFull: some error inside, or one behind it, meant that.
    """
    try:
        yield
    except Exception as error:
        full = next((one for one in _chain(error) if is_full(one)), None)
        if full is None or isinstance(error, DiskFull):
            raise
        state = "is full, or it fails" if _PERHAPS in str(full) else "is full"
        raise DiskFull(
            f"The disk that holds {_file_of(full) or path or 'ANALYTICS_DATA_DIR'} {state}. Nothing is half done: free some "
            "room there and run the same again."
        ) from None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an error name the file that is written inside; the system's own, of a write, names none."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def is_full(error: BaseException) -> bool:
    """Whether this error means that there is no room left on a disk, or in a quota of it."""
    if isinstance(error, OSError):
        return error.errno in _ERRORS
    return any(words in str(error) for words in (*_WORDS, _PERHAPS))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was raised after: a rollback can fail because of what it rolls back."""
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__


def _file_of(error: BaseException) -> str | None:
    """The file that could not be written, where the error names it."""
    if isinstance(error, OSError):
        return error.filename
    found = re.search(r'file "([^"]+)"', str(error))
    return found[1] if found else None
