"""`analytics-pipeline report`, from the terminal."""

import shutil
from pathlib import Path

import duckdb
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


def test_the_report_is_written_next_to_the_published_file_or_to_the_given_path(
    data_dir: Path, published: Path
) -> None:
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


@pytest.mark.thorough
def test_a_course_alone_is_a_file_of_its_own(data_dir: Path, published: Path) -> None:
    shutil.copy(published, data_dir / "analytics.duckdb")
    with duckdb.connect(str(published), read_only=True) as connection:
        (course,) = connection.execute(
            "SELECT max(course_id) FROM marts.spend_days"
        ).fetchone() or (None,)
    assert CliRunner().invoke(APP, ["--course", str(course)]).exit_code == 0
    assert [path.name for path in data_dir.glob("*.html")] == [f"report-course-{course}.html"]
    ran = CliRunner().invoke(APP, ["--course", "1"])
    assert ran.exit_code == 2 and "Course 1 has no spend" in ran.output + ran.stderr


@pytest.mark.thorough
def test_an_unknown_time_zone_is_reported_before_anything_is_written(
    data_dir: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(published, data_dir / "analytics.duckdb")
    for name in ("Europe/Atlantis", "../../etc/passwd", "+02:00"):
        monkeypatch.setenv("REPORT_TIMEZONE", name)
        ran = CliRunner().invoke(APP, [])
        assert ran.exit_code == 2
        assert (
            "REPORT_TIMEZONE" in ran.output + ran.stderr
            and "Europe/Berlin" in ran.output + ran.stderr
        )
    assert list(data_dir.glob("*.html")) == []
    monkeypatch.setenv("REPORT_TIMEZONE", "Asia/Kolkata")
    assert CliRunner().invoke(APP, []).exit_code == 0
    assert "Hour of the day (Asia/Kolkata)" in (data_dir / "report.html").read_text()
