"""`status` names each failing and each absent file, and says what happens next."""

from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run, status_json

BROKEN = "org9001/course-asn_mapping/course_mapping.csv"


def test_quiet_leaves_the_reason_why_the_state_is_incomplete(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
) -> None:
    gone = max(key for key in organisation.files() if "/lab_sessions/" in key)
    demo.put(BROKEN, b"<html>")
    demo.delete(gone)
    assert run("sync", "--dataset", "course_mapping").exit_code == 1
    status = run("status", "--quiet")
    assert status.exit_code == 1, status.output
    failing, absent = (
        next(line for line in status.stderr.splitlines() if line.startswith(key))
        for key in (BROKEN, gone)
    )
    assert "HTML" in failing and "Next retry after" in failing
    assert "gone since" in absent
    assert "Incomplete: run `analytics-pipeline sync`." in status.stderr.splitlines()
    assert status.stdout.startswith("dataset\t") and "lab_sessions" in status.stdout


@pytest.mark.thorough
def test_a_failing_file_shows_its_next_retry(run: Run, synced: Path, demo: DemoVocareum):
    demo.put(BROKEN, b"<html>")
    assert run("sync", "--dataset", "course_mapping").exit_code == 1
    code, found = status_json(run)
    (file,) = found["failing_files"]
    assert (code, file["key"], file["attempts"]) == (1, BROKEN, 1)
    assert file["next_attempt"] > file["since"]
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute("UPDATE ops.failed_files SET attempts = 5")
    assert status_json(run)[1]["failing_files"][0]["next_attempt"] is None
    assert "No more automatic retries" in run("status").output


@pytest.mark.thorough
def test_a_held_version_is_never_shown_as_given_up(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
):
    key = max(key for key in organisation.files() if "/grades/" in key)
    demo.put(key, organisation.files()[key].split(b"\n")[0] + b"\n")
    assert run("sync", "--dataset", "grades").exit_code == 1
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute("UPDATE ops.failed_files SET attempts = 9")
    (file,) = status_json(run)[1]["failing_files"]
    assert (file["key"], file["attempts"]) == (key, 9)
    assert file["next_attempt"] > file["since"]
    assert "No more automatic retries" not in run("status").output
    doctor = run("doctor")
    assert (
        doctor.exit_code,
        f"1 file not loaded in the newest version, such as {key}: " in doctor.stderr,
    ) == (1, True), doctor.output
