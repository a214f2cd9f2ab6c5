"""Hand-written files in the terminal: checks, loads by content, history, and visible errors."""

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run

HEADER = "scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat\n"
ALL = "organisation,,All,2026-09-01,2026-12-31,{},USD,,,none\n"
COURSES = (
    b"org_id, org_name, course_id, course_name, create_method, parent_course_id\n9001, O, 45686, C,"
    b" New,\n"
)


@pytest.fixture
def budgets(tmp_path: Path, demo: DemoVocareum, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of BUDGETS_FILE with one budget, in an organisation with one course."""
    demo.put("org9001/course-asn_mapping/course_mapping.csv", COURSES)
    path = tmp_path / "budgets.csv"
    path.write_text(HEADER + ALL.format(500))
    monkeypatch.setenv("BUDGETS_FILE", str(path))
    return path


@pytest.fixture(scope="module")
def first_sync(vocareum: DemoVocareum, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder after a first sync of that organisation with one budget."""
    folder = tmp_path_factory.mktemp("first sync with a budget")
    (folder / "budgets.csv").write_text(HEADER + ALL.format(500))
    vocareum.clear()
    vocareum.put("org9001/course-asn_mapping/course_mapping.csv", COURSES)
    settings = {
        **vocareum.environment,
        "ANALYTICS_DATA_DIR": str(folder / "data"),
        "BUDGETS_FILE": str(folder / "budgets.csv"),
        "DAGSTER_HOME": "",
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name, value in settings.items():
            patched.setenv(name, value)
        result = CliRunner().invoke(app, ["sync"])
    vocareum.clear()
    assert result.exit_code == 0, result.output
    return folder / "data"


@pytest.fixture
def synced(first_sync: Path, budgets: Path, data: Path) -> Path:
    """Return a copy of that folder; BUDGETS_FILE holds what it loaded."""
    shutil.copytree(first_sync, data)
    return data


def query(data: Path, sql: str) -> list:
    with open_warehouse(data / "warehouse.duckdb") as connection:
        return connection.execute(sql).fetchall()


def test_a_file_is_loaded_by_content_and_a_raised_budget_stays_visible(
    run: Run, budgets: Path, synced: Path
):
    assert query(synced, "SELECT name, amount::INTEGER FROM raw.budgets") == [("All", 500)]

    os.utime(budgets, (2_000_000_000, 2_000_000_000))
    assert "Nothing to do" in run("sync").output, "a new mtime is not a new version"

    budgets.write_text(HEADER + ALL.format(700))
    os.utime(budgets, (2_000_000_000, 2_000_000_000))
    assert run("sync").exit_code == 0
    states = "SELECT amount::INTEGER, valid_to IS NULL FROM history.budgets ORDER BY ALL"
    assert query(synced, states) == [(500, False), (700, True)]
    assert query(
        synced, "SELECT amount_before::INTEGER, amount::INTEGER FROM marts.budget_status"
    ) == [(500, 700)]


@pytest.mark.thorough
def test_a_missing_file_fails_alone_with_a_message(run: Run, budgets: Path, synced: Path):
    budgets.unlink()
    result = run("sync")
    assert result.exit_code == 1
    assert "BUDGETS_FILE" in result.output and "no readable file" in result.output
    assert query(synced, "SELECT count(*) FROM raw.budgets") == [(1,)], "rows loaded earlier stay"
    doctor = run("doctor")
    assert "FAIL hand-written files" in doctor.output and doctor.exit_code == 2
    checked = run("budgets", "check")
    assert (checked.exit_code, "can't be read" in checked.output) == (1, True)


@pytest.mark.slow
def test_unsetting_a_file_is_reported_until_it_is_closed(run: Run, budgets: Path, synced: Path):
    result = run("sync", BUDGETS_FILE=None)
    assert "analytics-pipeline close --dataset budgets --partition organisation" in result.output
    closed = run("close", "--dataset", "budgets", "--partition", "organisation", BUDGETS_FILE=None)
    assert closed.exit_code == 0, closed.output
    assert query(synced, "SELECT count(*) FROM marts.budget_status") == [(0,)]


def test_check_names_rejected_lines_and_unknown_ids(run: Run, budgets: Path, synced: Path):
    budgets.write_text(
        HEADER
        + ALL.format(500)
        + "course,45686,One,2026-09-01,2026-12-31,20,USD,,,\n"
        + "course,77,None,2026-09-01,2026-12-31,20,USD,,,\n"
        + "department,CS,Science,2026-09-01,2026-12-31,20,USD,,,\n"
    )
    result = run("budgets", "check")
    assert result.exit_code == 0, result.output
    assert "no course 77 is known" in result.output
    assert "no department CS is known" in result.output
    assert "no course 45686" not in result.output
    doctor = run("doctor").output
    assert "ok   hand-written files: budgets: 4 rows. budgets: no course 77 is known" in doctor
    assert "no department CS is known" in doctor
    budgets.write_text(HEADER + ALL.format(500).replace("USD", "EUR"))
    rejected = run("budgets", "check")
    assert rejected.exit_code == 1
    assert "BUDGETS_FILE, line 2, currency: it must be USD" in rejected.output
    assert query(synced, "SELECT count(*) FROM raw.budgets WHERE currency = 'USD'") == [(1,)], (
        "check loads nothing"
    )
    budgets.write_text(HEADER)
    emptied = run("budgets", "check")
    assert (emptied.exit_code, "BUDGETS_FILE: the new version has no rows" in emptied.output) == (
        1,
        True,
    ), emptied.output
    assert "FAIL hand-written files" in run("doctor").output
    budgets.write_text("")
    emptied = run("budgets", "check")
    assert "it is empty: not even a header. Correct the file and save it." in emptied.output


@pytest.mark.slow
def test_a_rejected_line_is_reported_until_it_is_corrected(run: Run, budgets: Path, data: Path):
    budgets.write_text(
        HEADER + ALL.format(500) + "course,45686,One,2026-09-01,2026-12-31,20,EUR,,,\n"
    )
    for command in ("sync", "sync", "status", "doctor"):
        result = run(command)
        assert result.exit_code in (1, 2), (command, result.output)
        assert "budgets check" in result.output, (command, result.output)
    assert query(data, "SELECT name FROM raw.budgets") == [("All",)], "the other lines load"
    budgets.write_text(HEADER + ALL.format(500))
    assert run("sync").exit_code == 0
    assert run("status").exit_code == 0


@pytest.mark.slow
def test_a_version_without_budgets_is_held_back(run: Run, budgets: Path, data: Path):
    budgets.write_text(
        HEADER + ALL.format(500) + "".join(ALL.format(9).replace("All", f"B{n}") for n in range(4))
    )
    assert run("sync").exit_code == 0
    budgets.write_text(HEADER + ALL.format(500))
    assert run("sync").exit_code == 0, "a person may remove rows on purpose"
    assert query(data, "SELECT name FROM raw.budgets") == [("All",)]
    budgets.write_text(HEADER)
    held = run("sync")
    assert held.exit_code == 1
    assert "if not, correct the file and save it" in held.output
    assert query(data, "SELECT name FROM raw.budgets") == [("All",)]


def test_without_files_check_has_nothing_to_read(run: Run):
    result = run("budgets", "check")
    assert result.exit_code == 2
    assert "Neither BUDGETS_FILE nor COURSE_LABELS_FILE is set" in result.output
