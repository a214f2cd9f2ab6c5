"""Files appear when complete; temporary ones are removed when their process is dead."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from analytics_pipeline.storage import atomic_write
from analytics_pipeline.storage.atomic_write import (
    NotAFile,
    private_file,
    remove_stale_parts,
    replacing,
)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_parts_of_dead_processes_are_removed_and_those_of_living_ones_kept(tmp_path: Path):
    below = tmp_path / "grades" / "course1"
    below.mkdir(parents=True)
    stale = [tmp_path / f".part-{dead_pid()}-abc", below / f".part-{dead_pid()}-x_1"]
    kept = [
        below / f".part-{os.getpid()}-abc",
        tmp_path / ".part-1-abc",
        tmp_path / ".part-",
        below / "grades.csv",
    ]
    for path in stale + kept:
        path.touch()
    assert remove_stale_parts(tmp_path) == 2
    assert not any(path.exists() for path in stale)
    assert all(path.exists() for path in kept)


def test_a_missing_folder_has_no_stale_parts(tmp_path: Path):
    assert remove_stale_parts(tmp_path / "missing") == 0


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path):
    target = tmp_path / "new" / "a.csv"
    with private_file(target) as file:
        file.write(b"half")
        assert not target.exists()
    assert target.read_bytes() == b"half"


def test_a_failure_while_writing_leaves_the_old_file_and_no_part(tmp_path: Path):
    target = tmp_path / "a.csv"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="power"), private_file(target) as file:
        file.write(b"half")
        raise RuntimeError("power")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The calls of fsync and rename, with the inode of their file or folder."""
    steps: list[tuple[str, int]] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        steps.append(("fsync", os.fstat(handle).st_ino))
        sync(handle)

    def replaced(fresh: Path, name: Path) -> Path:
        steps.append(("replace", fresh.stat().st_ino))
        return replace(fresh, name)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    return steps


@pytest.mark.parametrize("way", ["path", "open file"])
@pytest.mark.parametrize("durable", [True, False])
def test_bytes_are_on_disk_before_the_rename_and_the_name_after_it(
    tmp_path: Path, steps: list[tuple[str, int]], way: str, durable: bool
) -> None:
    """A power failure in between must not leave an empty file under the name of the one before."""
    target = tmp_path / "analytics.duckdb"
    if way == "path":
        with replacing(target, durable=durable) as fresh:
            fresh.write_bytes(b"new")
    else:
        with private_file(target, durable=durable) as file:
            file.write(b"new")
    inode, folder = target.stat().st_ino, tmp_path.stat().st_ino
    renamed = ("replace", inode)
    assert steps == ([("fsync", inode), renamed, ("fsync", folder)] if durable else [renamed])


@pytest.mark.parametrize("write", [replacing, private_file])
@pytest.mark.parametrize("name", ["pipe", "link to it"])
def test_a_pipe_or_device_is_never_replaced_by_a_file(
    tmp_path: Path, write: Callable[[Path], AbstractContextManager[object]], name: str
) -> None:
    """As root, `--output /dev/null` would otherwise take it from all programs."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link to it").symlink_to(pipe)
    with pytest.raises(NotAFile, match="Give the path of a file"), write(tmp_path / name):
        pass
    assert pipe.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link to it", "pipe"]


def test_a_link_among_the_devices_is_never_replaced_by_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/stdout leads to a file if the output of the command does."""
    monkeypatch.setattr(atomic_write, "_DEVICES", tmp_path)
    (tmp_path / "output.csv").touch()
    link = tmp_path / "stdout"
    link.symlink_to(tmp_path / "output.csv")
    with pytest.raises(NotAFile), replacing(link):
        pass
    assert link.is_symlink()
