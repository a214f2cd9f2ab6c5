"""A small disk for a test: a tmpfs that is filled until a given space is left, and emptied
again.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE_MB = 128


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small tmpfs on a folder, creating it if needed, inside the block.

    Skip the test if this user may not mount one, but never in CI.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        refused = f"a full disk can't be tried: mounting a tmpfs takes root. {mounted.stderr}"
        assert "CI" not in os.environ, refused
        pytest.skip(refused)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(ballast: Path, room: int) -> None:
    """Fill the disk with a file until about this many bytes are free."""
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free(ballast) - room))


def free(path: Path) -> int:
    """Return the free bytes on the disk of a path."""
    stat = os.statvfs(path if path.exists() else path.parent)
    return stat.f_bavail * stat.f_frsize
