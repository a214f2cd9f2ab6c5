"""`analytics-pipeline publish`, from the terminal."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.settings import Settings


def test_publish_writes_the_file_and_reports_path_and_content(settings: Settings) -> None:
    done = CliRunner().invoke(app, ["publish"])
    assert done.exit_code == 0, done.output
    assert settings.published_path.exists()
    assert str(settings.published_path) in done.output
    assert "without personal data" in done.output


def test_publish_exports_the_marts_to_parquet_on_request(
    settings: Settings, tmp_path: Path
) -> None:
    done = CliRunner().invoke(app, ["publish", "--parquet", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "daily_cloud_spend.parquet").exists()


def test_a_missing_warehouse_is_reported_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(app, ["publish"])
    assert done.exit_code == 2
    assert "analytics-pipeline sync" in done.output
    assert list(tmp_path.iterdir()) == [], "nothing is made"
