"""Permissions of the data folder, the published folder, and the files in them.

The data folder is always private. The published folder may be shared with a group: the
administrator runs `chgrp analysts` and `chmod 2750` on it, and files written there follow that
mode.
"""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import is_full

logger = logging.getLogger(__name__)

FOLDER_USE = os.R_OK | os.W_OK | os.X_OK
PRIVATE, SHARED = 0o700, 0o2750
_PRIVATE_FILE, _SHARED_FILE = 0o600, 0o640
_OTHERS = 0o077
_SHARING = stat.S_ISGID | stat.S_IRGRP | stat.S_IXGRP


class FolderUnusable(PipelineError):
    """A folder can't be created or entered. The message names it and the remedy."""


class FolderOpen(PipelineError):
    """Other users may enter or write a folder, and we can't change its mode.

    The message gives the remedy.
    """


def refuse_file(folder: Path, variable: str) -> None:
    """Check that a folder's path, and those above it, are not files.

    Args:
        folder: path of the folder, which may not exist yet.
        variable: setting that names it.

    Raises:
        FolderUnusable: the folder, or one above it, is a file.
    """
    for path in (folder, *folder.parents):
        if path.is_file():
            raise FolderUnusable(
                f"The folder {folder} can't be used: {path} is a file.",
                f"Set {variable} to a folder that you can write to.",
            )


def keep_private(folder: Path, choose: str = "Set ANALYTICS_DATA_DIR to") -> str | None:
    """Create the folder if it is missing, and remove other users' access if we own it.

    Args:
        folder: a folder for personal data.
        choose: what a person does to choose another folder, for the remedy.

    Returns:
        A message for people about the mode that was corrected; None if the folder was private.

    Raises:
        FolderOpen: other users may enter or write the folder, and another user owns it.
        FolderUnusable: the folder can't be created.
        OSError: the disk is full.
    """
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        if is_full(error):
            raise
        reason = (
            f"{error.filename} is a file" if isinstance(error, FileExistsError) else error.strerror
        )
        raise FolderUnusable(
            f"The folder {folder} can't be used: {reason}.",
            f"{choose} a folder that you may write, or give this one to your user.",
        ) from None
    state = folder.stat()
    mode = stat.S_IMODE(state.st_mode)
    if not mode & _OTHERS:
        return None
    if state.st_uid != os.geteuid():
        raise FolderOpen(
            f"{folder} holds personal data, other users may enter it (mode {mode:o}), and it"
            f" belongs to another user. {choose} a folder of yours."
        )
    folder.chmod(PRIVATE)
    warning = (
        f"{folder} holds personal data and was open to other users (mode {mode:o}). Its mode is now"
        " 700."
    )
    logger.warning(warning)
    return warning


def closed_to_us(folder: Path) -> Path | None:
    """Return the folder, or one directly in it, if we can't read and write there; else None.

    A link that leads nowhere is such a folder; a missing one is not.
    """
    if not os.path.lexists(folder):
        return None
    if not os.access(folder, FOLDER_USE):
        return folder
    below = sorted(filter(Path.is_dir, folder.iterdir()))
    return next((each for each in below if not os.access(each, FOLDER_USE)), None)


def is_shared(folder: Path) -> bool:
    """Return whether the folder is ours and its group may read it but not write (2750)."""
    state = folder.stat()
    shared = state.st_mode & _SHARING == _SHARING and not state.st_mode & (
        _OTHERS & ~(stat.S_IRGRP | stat.S_IXGRP)
    )
    return shared and state.st_uid == os.geteuid()


def file_mode(target: Path) -> int:
    """Return the mode for a file that replaces `target`: its own if ours, else the folder's.

    A symbolic link, or a file of another user, does not pass its mode on. Nor does a file with the
    mode of a private folder's files: its folder may be shared since.
    """
    try:
        state = target.lstat()
    except FileNotFoundError:
        state = None
    if state and stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid():
        mode = stat.S_IMODE(state.st_mode) & 0o777
        if mode != _PRIVATE_FILE:
            return mode
    return _SHARED_FILE if is_shared(target.parent) else _PRIVATE_FILE


def hidden_from_group(file: Path) -> bool:
    """Return whether the group of a shared folder can't read a file in it."""
    state, folder = file.stat(), file.parent.stat()
    return state.st_gid != folder.st_gid or not state.st_mode & stat.S_IRGRP


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
        folder.mkdir(mode=PRIVATE)
    except FileExistsError:
        return  # another thread was faster
    folder.chmod(PRIVATE)


def make_export_folder(folder: Path) -> None:
    """Create a folder for exports with its parents: private, or shared if its parent is shared."""
    if folder.exists():
        return
    make_export_folder(folder.parent)
    folder.mkdir(mode=PRIVATE)
    folder.chmod(SHARED if is_shared(folder.parent) else PRIVATE)
