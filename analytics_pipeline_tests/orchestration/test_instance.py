"""The dagster.yaml in the data folder: ours is kept up to date, an operator's is kept."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from analytics_pipeline.orchestration import instance
from analytics_pipeline.orchestration.dagster_yaml import signed
from analytics_pipeline.orchestration.instance import prepare_home
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.folders import FolderUnusable

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    return load_settings()


def test_a_first_start_writes_the_projects_settings(settings: Settings) -> None:
    written = yaml.safe_load((prepare_home(settings) / "dagster.yaml").read_text())
    assert written["telemetry"] == {"enabled": False}
    assert written["run_retries"]["max_retries"] == 2


@pytest.mark.parametrize(
    "edit", ["telemetry: {enabled: false}\n", "{ours}# mine\n"], ids=["written", "edited"]
)
def test_a_file_that_an_operator_wrote_is_kept_and_logged(
    settings: Settings, edit: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = prepare_home(settings) / "dagster.yaml"
    theirs = edit.replace("{ours}", file.read_text())
    file.write_text(theirs)
    with caplog.at_level(logging.INFO, instance.__name__):
        prepare_home(settings)
    assert file.read_text() == theirs
    assert f"{file} was not written by the pipeline" in caplog.text


def test_an_instance_elsewhere_keeps_the_mode_of_its_folder_and_makes_no_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    home.chmod(0o755)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ANALYTICS_DAGSTER_HOME", str(home))
    assert prepare_home(load_settings()) == home
    assert home.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    assert not (tmp_path / "data").exists()


def _closed(folder: Path) -> Callable[[Path, int], bool]:
    return lambda path, mode: path != folder


@pytest.mark.parametrize("closed", [".", "history"])
def test_a_folder_of_records_that_we_may_not_use_is_named_with_the_remedy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """It is read-only, or of another user; SQLite says only that a file can't be opened."""
    folder = prepare_home(settings) / closed
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(os, "access", _closed(folder))
    with pytest.raises(FolderUnusable, match="give it to your user") as raised:
        prepare_home(settings)
    assert f"{folder} can't be read and written" in str(raised.value)


def test_a_read_only_folder_with_an_operators_settings_is_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records are elsewhere, as in Kubernetes."""
    home = prepare_home(settings)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setattr(os, "access", _closed(home))
    assert prepare_home(settings) == home


def test_a_file_of_an_earlier_release_is_replaced(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = prepare_home(settings) / "dagster.yaml"
    now = file.read_bytes()
    file.write_bytes(signed(b"telemetry: {enabled: false}\n"))
    prepare_home(settings)
    assert file.read_bytes() == now


def test_an_unsigned_file_of_an_earlier_release_is_replaced(settings: Settings) -> None:
    file = prepare_home(settings) / "dagster.yaml"
    now = file.read_text()
    first = (
        "# Dagster's instance. It is copied to ANALYTICS_DATA_DIR/dagster at every start: edit it"
        " here.\n"
    )
    earlier = Path(__file__).with_name("unsigned_dagster.yaml").read_text()
    assert earlier.startswith(first)
    file.write_text(earlier)
    prepare_home(settings)
    assert file.read_text() == now


def test_dagster_finds_no_settings_of_an_instance_in_a_checkout() -> None:
    assert not (ROOT / "dagster.yaml").exists()
