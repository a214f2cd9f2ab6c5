"""Who may enter the pipeline's two folders: nobody else the data folder, a group the published one if that is wished.

The wish is the folder's own mode: `chgrp analysts` and `chmod 2750` hand what is published to that group.
"""

import logging
import os
import stat
from pathlib import Path

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import is_full

logger = logging.getLogger(__name__)

PRIVATE, SHARED = 0o700, 0o2750
_OTHERS = 0o077
_SHARING = stat.S_ISGID | stat.S_IRGRP | stat.S_IXGRP


class FolderUnusable(PipelineError):
    """A folder can't be made or entered; the text names it and says what to do."""


class FolderOpen(PipelineError):
    """Other users may enter or write a folder, and we can't change that; the text says what to do."""


def keep_private(folder: Path) -> str | None:
    """Make the folder if need be, and close it to other users if it is ours.

    Returns:
        What was mended, for people; None if the folder was private.

    Raises:
        FolderOpen: other users may enter or write it, and it belongs to another user.
        FolderUnusable: it can't be made.
        OSError: the disk is full.
    """
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        if is_full(error):
            raise
        reason = f"{error.filename} is a file" if isinstance(error, FileExistsError) else error.strerror
        raise FolderUnusable(
            f"The data folder {folder} can't be used: {reason}.",
            "Set ANALYTICS_DATA_DIR to a folder that you may write, or give this one to your user.",
        ) from None
    state = folder.stat()
    mode = stat.S_IMODE(state.st_mode)
    if not mode & _OTHERS:
        return None
    if state.st_uid != os.geteuid():
        raise FolderOpen(
            f"{folder} holds personal data, other users may enter it (mode {mode:o}), and it belongs to another user. Set "
            "ANALYTICS_DATA_DIR to a folder of yours."
        )
    folder.chmod(PRIVATE)
    mended = f"{folder} holds personal data and was open to other users (mode {mode:o}): it is 700 now."
    logger.warning(mended)
    return mended


def is_shared(folder: Path) -> bool:
    """Return whether the folder hands its files to its group: ours, mode 2750, so that the group can't write."""
    state = folder.stat()
    shared = state.st_mode & _SHARING == _SHARING and not state.st_mode & (_OTHERS & ~(stat.S_IRGRP | stat.S_IXGRP))
    return shared and state.st_uid == os.geteuid()


def file_mode(target: Path) -> int:
    """Return the mode of a file that replaces `target`: that of a file of ours, else what the folder hands out.

    A link, and a file of another user, pass nothing on.
    """
    try:
        state = target.lstat()
    except FileNotFoundError:
        state = None
    if state and stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid():
        return stat.S_IMODE(state.st_mode) & 0o777
    return 0o640 if is_shared(target.parent) else 0o600


def make_below(folder: Path) -> None:
    """Make a folder for exports: private, or shared as the folder it stands in."""
    if folder.exists():
        return
    make_below(folder.parent)
    folder.mkdir(mode=PRIVATE)
    folder.chmod(SHARED if is_shared(folder.parent) else PRIVATE)
