"""`sync` and `status` name the courses whose snapshot Vocareum no longer writes, also offline."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import Run, query, status_json

CHECK = "every_course_is_rewritten"
VERDICT = "Everything delivered is loaded, but some courses' snapshots are left behind."


def test_a_course_whose_file_is_no_longer_written_is_a_warning_until_it_is_written_again(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
):
    key = next(key for key in organisation.files() if "/grades/" in key)
    course, body = key.split("/")[2], organisation.files()[key]
    written = datetime.now(UTC) - timedelta(days=9)
    demo.put(key, body, written)
    said = f"{course.replace('course', 'course ')} on {written:%Y-%m-%d %H:%M} UTC."
    found = run("status")
    assert (found.exit_code, said in found.output) == (0, True), found.output
    assert VERDICT in found.output.splitlines()

    synced_again = run("sync")
    assert (synced_again.exit_code, said in synced_again.output) == (0, True), synced_again.output
    assert "Nothing to do" in synced_again.output, "the same version is not loaded again"
    offline = run("status", VOCAREUM_API_TOKEN=None)
    assert (offline.exit_code, said in offline.output) == (2, True), offline.output
    sql = (
        "SELECT subject, passed FROM ops.checks WHERE name = 'every_course_is_rewritten' ORDER BY 1"
    )
    assert query(synced, sql) == [("raw.enrollment", True), ("raw.grades", False)]
    checks = status_json(run)[1]["checks"]
    assert [
        check["subject"] for check in checks if check["name"] == "every_course_is_rewritten"
    ] == ["raw.grades"]

    demo.put(key, body)
    again = run("status")
    assert said not in again.output and "Complete." in again.output.splitlines()
