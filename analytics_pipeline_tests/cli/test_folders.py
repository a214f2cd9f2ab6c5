"""Two folders: the private one stays closed; a group reads the published one if its mode allows
it.
"""

import os
import re
import stat
from pathlib import Path

import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.folders import FolderOpen, is_shared, keep_private
from analytics_pipeline_tests.cli.conftest import Run

SOMEBODY = 54_321


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.lstat().st_mode):o}"


@pytest.fixture
def published(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ANALYTICS_PUBLISHED_DIR, which its group may read; the data folder holds a loaded
    organisation.
    """
    folder = tmp_path / "published"
    folder.mkdir()
    folder.chmod(0o2750)
    monkeypatch.setenv("ANALYTICS_PUBLISHED_DIR", str(folder))
    return folder


@pytest.mark.thorough
def test_the_folders_group_reads_published_files_and_nobody_reads_private_ones(
    run: Run, settings: Settings, published: Path
) -> None:
    for command in ("publish --parquet", "report"):
        options = [str(published / "exports" / "today")] if "--parquet" in command else []
        assert run(*command.split(), *options).exit_code == 0
    written = {path: mode(path) for path in published.rglob("*")}
    assert {path.name for path in written} >= {
        "analytics.duckdb",
        "report.html",
        "course_summary.parquet",
    }
    assert {mode for path, mode in written.items() if path.is_file()} == {"640"}
    assert {mode for path, mode in written.items() if path.is_dir()} == {"2750"}
    assert mode(settings.data_dir) == "700"
    assert not (settings.data_dir / "analytics.duckdb").exists()
    assert run("query", "SELECT count(*) FROM marts.course_summary").exit_code == 0


def test_files_of_a_private_published_folder_are_private(
    run: Run, settings: Settings, published: Path
) -> None:
    published.chmod(0o700)
    assert run("publish").exit_code == 0
    assert mode(published / "analytics.duckdb") == "600"


def test_a_folder_that_is_shared_later_shares_its_files_at_the_next_publication(
    run: Run, settings: Settings, published: Path
) -> None:
    published.chmod(0o700)
    for command in ("publish", "report"):
        assert run(command).exit_code == 0
    published.chmod(0o2750)
    for name, command in (("analytics.duckdb", "publish"), ("report.html", "report")):
        file = published / name
        told = f"FAIL published folder: {published} is readable by its group, but {file} is not"
        assert f"{told} (mode 600). Run: chmod 640 {file}" in run("doctor").output
        assert run(command).exit_code == 0
        assert mode(file) == "640"
    assert f"ok   published folder: {published}, readable by its group" in run("doctor").output
    for name, command in (("analytics.duckdb", "publish"), ("report.html", "report")):
        (published / name).chmod(0o644)
        assert run(command).exit_code == 0
        assert mode(published / name) == "644", "somebody chose it"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file any group")
def test_doctor_names_a_published_file_of_another_group(
    run: Run, settings: Settings, published: Path
) -> None:
    assert run("publish").exit_code == 0
    os.chown(published / "analytics.duckdb", -1, SOMEBODY)
    told = f"but {published / 'analytics.duckdb'} is not: it has another group. Run `analytics-"
    assert told in run("doctor").output
    assert run("publish").exit_code == 0
    assert told not in run("doctor").output


@pytest.mark.parametrize("shared", [0o2770, 0o2755, 0o750, 0o700, 0o2740])
def test_a_folder_is_shared_by_exactly_one_mode(tmp_path: Path, shared: int) -> None:
    tmp_path.chmod(shared)
    assert not is_shared(tmp_path)
    tmp_path.chmod(0o2750)
    assert is_shared(tmp_path)
    tmp_path.chmod(0o700)


def test_a_data_folder_that_others_may_enter_is_closed_and_reported(
    run: Run, settings: Settings
) -> None:
    settings.data_dir.chmod(0o777)
    result = run("doctor")
    assert "ok   disk" in result.output
    assert "was open to other users (mode 777). Its mode is now 700" in result.output
    assert mode(settings.data_dir) == "700"
    settings.data_dir.chmod(0o755)
    assert run("publish").exit_code == 0
    assert mode(settings.data_dir) == "700"


def test_another_users_data_folder_that_others_may_enter_is_refused(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.data_dir.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    before = (settings.data_dir / "warehouse.duckdb").stat().st_mtime_ns
    with pytest.raises(FolderOpen, match="belongs to another user"):
        keep_private(settings.data_dir)
    result = run("publish")
    assert (result.exit_code, "Set ANALYTICS_DATA_DIR to a folder of yours" in result.output) == (
        2,
        True,
    )
    assert (settings.data_dir / "warehouse.duckdb").stat().st_mtime_ns == before
    monkeypatch.undo()
    settings.data_dir.chmod(0o700)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (0o2770, "can be written by others"),
        (0o755, "entered by everybody"),
        (0o2750, "readable by its group"),
        (0o700, "published folder: .*private"),
    ],
)
def test_doctor_looks_at_the_published_folder(
    run: Run, settings: Settings, published: Path, change: int, found: str
):
    published.chmod(change)
    (settings.data_dir / "analytics.duckdb").unlink(missing_ok=True)
    output = run("doctor").output
    line = next(line for line in output.splitlines() if "published folder" in line)
    assert re.search(found, line), output
    assert line.startswith("FAIL") == (change in (0o2770, 0o755))


def test_doctor_advises_no_mode_for_a_published_folder_that_is_read_only(
    run: Run, settings: Settings, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != published and access(path, mode))
    output = run("doctor").output
    line = next(line for line in output.splitlines() if "published folder" in line)
    assert line.startswith("FAIL") and "its file system is read-only" in line
    assert "chmod" not in line


def test_doctor_names_an_old_published_file_in_the_private_folder(
    run: Run, settings: Settings, published: Path
):
    left = settings.data_dir / "analytics.duckdb"
    left.touch()
    assert f"FAIL published folder: {left} is an older published file" in run("doctor").output


@pytest.mark.slow
def test_outputs_take_no_mode_from_a_file_of_somebody_else_and_write_through_no_link(
    run: Run, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("publish").exit_code == 0
    victim = tmp_path / "victim"
    out = tmp_path / "out"
    out.mkdir()
    commands = {
        "report.html": ("report", "--output", str(out / "report.html")),
        "course_summary.parquet": ("publish", "--parquet", str(out)),
        "dictionary.md": ("dictionary", "--output", str(out / "dictionary.md")),
    }
    for name, command in commands.items():
        victim.write_text("mine")
        victim.chmod(0o666)
        for linked in (out / name, out / f"{name}.new"):
            linked.unlink(missing_ok=True)
            linked.symlink_to(victim)
        assert run(*command).exit_code == 0, name
        assert victim.read_text() == "mine", name
        assert (out / name).is_file() and not (out / name).is_symlink()
        assert mode(out / name) == "600", "not the mode of what the link led to"
        (out / name).chmod(0o640)
        assert run(*command).exit_code == 0
        assert mode(out / name) == "640", "the mode of a file of ours is kept"
        if os.geteuid() == 0:
            os.chown(out / name, SOMEBODY, -1)
            (out / name).chmod(0o666)
            assert run(*command).exit_code == 0
            assert (mode(out / name), (out / name).stat().st_uid) == ("600", 0)
