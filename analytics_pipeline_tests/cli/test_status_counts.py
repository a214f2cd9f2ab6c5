"""`status`: its counts of delivered, loaded, missing, changed and failed files."""

from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from analytics_pipeline.cli import console
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import YESTERDAY, Run, status_json
from analytics_pipeline_tests.support.today import days_since_yesterday

COURSES = "org9001/course-asn_mapping/course_mapping.csv"
HEADER = "org_id, org_name, course_id, course_name, create_method, parent_course_id\n"


def standing(run: Run) -> tuple[int, dict, dict[str, dict]]:
    code, found = status_json(run)
    return code, found, {row["dataset"]: row for row in found["datasets"]}


def test_status_of_a_complete_warehouse_counts_what_the_generator_wrote(
    run: Run, synced: Path, organisation: Organisation
):
    code, found, by_name = standing(run)
    assert (code, found["complete"], set(by_name)) == (0, True, set(DATASETS))
    truth = organisation.truth
    for name, row in by_name.items():
        keys = [key for key in truth.rows if DATASETS[name].match(key.removeprefix("org9001/"))]
        assert (row["delivered"], row["loaded"], row["missing"], row["changed"], row["failed"]) == (
            len(keys),
            len(keys),
            0,
            0,
            0,
        )
        assert row["rows"] == sum(truth.rows[key] for key in keys)
        assert row["rejects"] == sum(planted.key in keys for planted in truth.planted)
    assert sorted(found["unknown"]) == sorted(
        oddity.key for oddity in truth.oddities if oddity.key not in truth.rows
    )


def test_a_narrow_terminal_cuts_no_figure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    rows = [
        (
            "lab_sessions",
            12_345_678,
            "2026-11-26",
            "a reason of some words that may be broken over lines",
        )
    ] * 2
    for width in (20, 40, 80):
        monkeypatch.setattr(console, "out", Console(width=width, force_terminal=True))
        console.table("Figures", ["dataset", "rows", "newest", "reason"], rows)
        shown = capsys.readouterr().out
        assert (
            shown.count("12,345,678")
            == shown.count("lab_sessions")
            == shown.count("2026-11-26")
            == 2
        ), shown


@pytest.mark.thorough
def test_files_that_sync_skips_do_not_stay_missing(
    run: Run, demo: DemoVocareum, organisation: Organisation
):
    """Days before the first one, which belongs to no loaded month, and the day that is not over."""
    days = {key: body for key, body in organisation.files().items() if "lab_sessions_" in key}
    today = YESTERDAY + timedelta(days=days_since_yesterday())
    demo.put_many(days | {f"org9001/lab_sessions/lab_sessions_{today}.csv": days[max(days)]})
    start = min(day for n in (3, 4) if (day := YESTERDAY - timedelta(days=n)).day > 1).isoformat()
    loading = run("sync", VOCAREUM_START_DATE=start)
    assert (loading.exit_code, "outside the partitions" in loading.output) == (
        0,
        True,
    ), loading.output
    found = run("status", VOCAREUM_START_DATE=start)
    assert (found.exit_code, "Complete." in found.output) == (0, True), found.output
    assert status_json(run, VOCAREUM_START_DATE=start)[1]["datasets"][0]["missing"] == 0


def test_status_distinguishes_missing_changed_and_failed_files(
    run: Run, synced: Path, demo: DemoVocareum
):
    demo.put(COURSES, b"<html>")
    assert run("sync").exit_code == 1
    demo.put("org9001/course-asn_mapping/asn_mapping.csv", b"changed")
    demo.put("org9001/grades/course77/grades.csv", b"new")
    code, found, by_name = standing(run)
    assert (code, found["complete"]) == (1, False)
    assert (
        by_name["course_mapping"]["failed"],
        by_name["asn_mapping"]["changed"],
        by_name["grades"]["missing"],
    ) == (
        1,
        1,
        1,
    )
    text = run("status")
    assert text.exit_code == 1
    assert f"{COURSES}: it is not CSV" in text.output
    assert "analytics-pipeline sync" in text.output


def test_status_before_any_sync_is_incomplete_and_not_an_error(run: Run, demo: DemoVocareum):
    demo.put(COURSES, HEADER.encode())
    code, _, by_name = standing(run)
    assert (code, by_name["course_mapping"]["missing"], by_name["course_mapping"]["loaded"]) == (
        1,
        1,
        0,
    )


@pytest.mark.slow
def test_a_failed_version_that_was_withdrawn_does_not_fail_for_ever(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
):
    demo.put(COURSES, b"<html>")
    assert run("sync", "--dataset", "course_mapping").exit_code == 1
    demo.put(COURSES, organisation.files()[COURSES])
    assert run("sync", "--dataset", "course_mapping").exit_code == 0
    code, found, by_name = standing(run)
    assert (code, by_name["course_mapping"]["failed"]) == (0, 0), found
