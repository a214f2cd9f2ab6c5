"""`analytics-pipeline report`, from the terminal."""

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from analytics_pipeline.cli.report import report

APP = typer.Typer()
APP.command()(report)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_report_is_written_next_to_the_published_file_or_to_the_given_path(data_dir: Path, published: Path) -> None:
    shutil.copy(published, data_dir / "analytics.duckdb")
    ran = CliRunner().invoke(APP, [])
    assert ran.exit_code == 0, ran.output
    assert (data_dir / "report.html").exists()
    assert CliRunner().invoke(APP, ["--output", str(data_dir / "sub" / "mine.html")]).exit_code == 0
    assert (data_dir / "sub" / "mine.html").exists()


def test_a_missing_published_file_is_reported_with_a_remedy(data_dir: Path) -> None:
    ran = CliRunner().invoke(APP, [])
    assert ran.exit_code == 2
    assert "analytics-pipeline sync" in ran.output + ran.stderr
    assert list(data_dir.iterdir()) == []
