"""Disk errors: add the file name that the system omits, and recognise a full disk.

The system, DuckDB and SQLite each word a full disk differently. The callers (`cli/`,
`orchestration/runs/step_failures.py`) show the text.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analytics_pipeline.errors import PipelineError

_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
_TEXTS = (
    *map(os.strerror, _ERRNOS),
    "database or disk is full",
    "'max_temp_directory_size' setting",
)
"""The system's text, which DuckDB repeats; SQLite's (Dagster's run storage); DuckDB's, when it
cannot spill."""
_AMBIGUOUS = "disk I/O error"
"""SQLite says this when it cannot extend its shared memory on a full disk, and also when a disk
fails."""


class DiskFull(PipelineError):
    """The disk is full. Existing files are unchanged."""


@contextmanager
def translate_disk_full(path: Path | None = None) -> Iterator[None]:
    """Translate a disk-full error into `DiskFull`, which names the disk.

    Args:
        path: file or folder to name when the error names none; by default ANALYTICS_DATA_DIR.

    Raises:
        DiskFull: an error inside the block, or one that it was raised from, means a full disk.
    """
    try:
        yield
    except Exception as error:
        full = next((cause for cause in _chain(error) if is_full(cause)), None)
        if full is None or isinstance(error, DiskFull):
            raise
        state = "is full, or it fails" if _AMBIGUOUS in str(full) else "is full"
        raise DiskFull(
            f"The disk that holds {_file_of(full) or path or 'ANALYTICS_DATA_DIR'} {state}. Nothing"
            " is half done: free some space there and run the same command again."
        ) from None


@contextmanager
def name_file_in_errors(path: Path) -> Iterator[None]:
    """Add the file's name to an OSError that has none, as errors of write() do."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def file_error_text(error: OSError) -> str:
    """Return the text for people of an error of a file or folder, with the remedy."""
    file = error.filename or "unknown file"
    return f"{error.strerror or error}: {file}. Check the disk and the permissions."


def is_full(error: BaseException) -> bool:
    """Return whether the error means a full disk or an exhausted quota."""
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    return any(text in str(error) for text in (*_TEXTS, _AMBIGUOUS))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes: a full disk can also make the rollback fail."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _file_of(error: BaseException) -> str | None:
    """Return the file that could not be written, if the error names one."""
    if isinstance(error, OSError):
        return error.filename2 or error.filename  # the second one is the target of a copy
    match = re.search(r'file "([^"]+)"', str(error))
    return match[1] if match else None
