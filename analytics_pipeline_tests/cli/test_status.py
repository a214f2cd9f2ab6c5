"""`status`: the overall state from the disk alone, without a write, with the age of the data."""

import json
import shlex
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.age import age, silence
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.sidecar import REPLACED, replaced_at
from analytics_pipeline_tests.cli.conftest import YESTERDAY, Run
from analytics_pipeline_tests.support.today import days_since_yesterday

DOWN = {"VOCAREUM_API_URL": "http://127.0.0.1:9/api/v2"}
BROKEN = "org9001/course-asn_mapping/course_mapping.csv"
FIELDS = {
    *(
        "complete",
        "at",
        "organisation",
        "source",
        "bucket",
        "datasets",
        "failing_files",
        "checks",
        "silent",
        "absent",
    ),
    *("stale_models", "published", "daemon", "unknown", "replaced", "own_dagster_yaml"),
    *("not_stored", "outdated", "unfinished_erasures", "late", "lost", "damaged", "left_out"),
    "own_files",
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics_pipeline.cli.status.RETRY_SECONDS", 0.2)


def answer(run: Run, **changes: str) -> tuple[int, dict]:
    result = run("status", "--json", **changes)
    return result.exit_code, json.loads(result.output.splitlines()[0])


def test_the_shape_of_the_json_is_the_documented_one(run: Run, synced: Path):
    code, found = answer(run)
    assert (code, set(found)) == (0, FIELDS)
    assert {row["dataset"] for row in found["datasets"]} == set(DATASETS)
    for name in FIELDS:
        assert (
            f"`{name}`" in Path(__file__).parents[2].joinpath("docs", "operations.md").read_text()
        ), f"{name} is not documented"


def test_the_json_says_what_the_published_file_lacks(run: Run, synced: Path) -> None:
    published = answer(run)[1]["published"]
    assert set(published) == {"at", "kept", "left_out", "emptied", "older_files"}
    assert (published["emptied"], published["older_files"]) == ({}, 0)
    column = "raw.enrollment.client_key"
    with duckdb.connect(str(synced / "analytics.duckdb")) as connection:
        connection.execute(
            "UPDATE ops.published SET older_files = 3, emptied = [{'column': ?, 'cells': 2}]",
            [column],
        )
    text = run("status").stderr
    assert "for 3 files it holds less" in text and f"{column} (2)" in text, text
    published = answer(run)[1]["published"]
    assert (published["emptied"], published["older_files"]) == ({column: 2}, 3)


def test_without_the_bucket_the_disk_answers(run: Run, synced: Path):
    before = days_since_yesterday()
    code, found = answer(run, **DOWN)
    assert (code, found["source"], found["bucket"]["reached"]) == (2, "warehouse", False)
    assert "was not usable" in found["bucket"]["error"]
    by_name = {row["dataset"]: row for row in found["datasets"]}
    assert before <= by_name["lab_sessions"]["age_days"] <= days_since_yesterday()
    assert not by_name["lab_sessions"]["is_late"]
    assert by_name["lab_sessions"]["loaded"] > 0 and by_name["lab_sessions"]["delivered"] is None
    text = run("status", **DOWN)
    assert (text.exit_code, "Complete" in text.output, "lab_sessions" in text.output) == (
        2,
        False,
        True,
    ), text.output


def test_status_writes_nothing_and_takes_no_lock(run: Run, synced: Path, demo: DemoVocareum):
    demo.put(BROKEN, b"<html>")
    assert run("sync", "--dataset", "course_mapping").exit_code == 1
    demo.put(BROKEN, b"org_id, org_name, course_id, course_name, create_method, parent_course_id\n")
    (synced / "warehouse.duckdb.lock").unlink()

    def state() -> dict:
        return {
            path: (path.stat().st_mtime_ns, path.stat().st_size)
            for path in synced.rglob("*")
            if path.is_file()
        }

    before = state()
    run("status")
    assert state() == before


def test_while_a_run_writes_status_reads_the_published_file(
    run: Run, synced: Path, monkeypatch: pytest.MonkeyPatch
):
    busy = "analytics_pipeline.warehouse.file.read_warehouse"

    def refused(path: Path, wait_seconds: float) -> object:
        from analytics_pipeline.warehouse.connection import WarehouseBusy

        raise WarehouseBusy(f"{path} is being written.")

    monkeypatch.setattr(busy, refused)
    code, found = answer(run)
    assert (code, found["source"], found["complete"]) == (0, "published", True)


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
    code, found = answer(run)
    (file,) = found["failing_files"]
    assert (code, file["key"], file["attempts"]) == (1, BROKEN, 1)
    assert file["next_attempt"] > file["since"]
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute("UPDATE ops.failed_files SET attempts = 5")
    assert answer(run)[1]["failing_files"][0]["next_attempt"] is None
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
    (file,) = answer(run)[1]["failing_files"]
    assert (file["key"], file["attempts"]) == (key, 9)
    assert file["next_attempt"] > file["since"]
    assert "No more automatic retries" not in run("status").output


def test_status_and_report_say_that_the_feed_has_stopped(run: Run, synced: Path):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET period = period - INTERVAL 982 DAY WHERE length(partition)"
            " = 10"
        )
    code, found = answer(run)
    newest = YESTERDAY - timedelta(days=982)
    assert code == 0 and f"since {newest.day} {newest:%b %Y}:" in found["silent"], found["silent"]
    text = run("status").output
    assert "Nothing has been delivered since" in text and "Complete." not in text, text
    verdict = "Everything delivered is loaded, but nothing has been delivered since"
    assert f"{verdict} {newest.day} {newest:%b %Y}.\n" in text, text
    synced_again = run("sync")
    assert "Nothing has been delivered since" in synced_again.output, synced_again.output
    assert run("publish").exit_code == 0
    assert run("report").exit_code == 0
    assert "Nothing has been delivered since" in (synced / "report.html").read_text()


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("days", "code", "late", "verdict"),
    [
        (2, 0, ["aws_cost"], "Everything delivered is loaded, but aws_cost is late."),
        (9, 1, ["aws_cost"], "Incomplete: "),
        (90, 0, [], "Complete."),
    ],
    ids=["late", "stopped", "no longer delivered"],
)
def test_a_dataset_that_stopped_is_reported_without_the_daemon(
    run: Run, synced: Path, days: int, code: int, late: list[str], verdict: str
):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute(
            f"UPDATE ops.loaded_files SET period = period - INTERVAL {days} DAY"
            " WHERE dataset = 'aws_cost'"
        )
    for synced_again in (False, True):
        if synced_again:
            result = run("sync")
            assert (result.exit_code, "Nothing to do" in result.output) == (code, True)
            assert ("should be loaded by now" in result.output) == bool(late), result.output
        found = answer(run)
        assert (found[0], found[1]["complete"], found[1]["late"]) == (code, not code, late)
        text = run("status").output
        assert ("should be loaded by now" in text) == bool(late), text
        assert any(line.startswith(verdict) for line in text.splitlines()), text
    assert ("Complete." in text.splitlines()) == (verdict == "Complete.")
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        recorded = connection.execute(
            "SELECT passed, severity FROM ops.checks WHERE name = 'newest_is_loaded'"
            " AND subject = 'raw.aws_cost'"
        ).fetchall()
    assert recorded == [(not late, "ERROR" if code else "WARN")]


def test_a_snapshot_that_is_written_again_without_a_change_is_not_late(run: Run, synced: Path):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET last_modified = last_modified - INTERVAL 9 DAY"
            " WHERE dataset = 'grades'"
        )
    result = run("sync")
    assert (result.exit_code, "Nothing to do" in result.output) == (0, True), result.output
    assert "late" not in result.output
    code, found = answer(run)
    assert (code, found["late"]) == (0, [])


def test_one_dataset_may_end_while_another_continues():
    now = datetime(2026, 11, 25, 13, tzinfo=UTC)
    ended, alive = (
        age("azure_cost", date(2024, 3, 18), now),
        age("aws_cost", date(2026, 11, 24), now),
    )
    assert (ended.is_late, alive.is_late, silence([ended, alive])) == (True, False, None)
    late = age("aws_cost", date(2024, 3, 19), now)
    said = silence([ended, late, age("grades", date(2026, 11, 25), now)])
    assert said and said.startswith("Nothing has been delivered since 19 Mar 2024"), said
    assert late.days == 981
    assert not age("aws_cost", date(2026, 11, 23), now.replace(hour=11)).is_late, (
        "the grace period is not over"
    )
    assert silence([]) is None


def test_status_and_doctor_report_an_older_warehouse_that_was_put_back(run: Run, synced: Path):
    warehouse, older = synced / "warehouse.duckdb", synced / "older"
    assert answer(run)[1]["replaced"] == {"now": False, "found": None}
    shutil.copy(warehouse, older)
    with open_warehouse(warehouse) as connection:
        connection.execute("UPDATE ops.loaded_files SET loaded_at = loaded_at + INTERVAL 1 SECOND")
    shutil.copy(older, warehouse)
    code, found = answer(run)
    assert (code, found["complete"]) == (1, False)
    assert found["replaced"] == {"now": True, "found": None}
    assert REPLACED in run("status").output
    assert replaced_at(warehouse) == 0, "status writes nothing"
    assert REPLACED in run("doctor").output
    assert replaced_at(warehouse) > 0
    found = answer(run)[1]["replaced"]
    assert (found["now"], found["found"][:4]) == (
        False,
        f"{datetime.fromtimestamp(replaced_at(warehouse), UTC):%Y}",
    )
    for command in ("status", "doctor"):
        assert "last found replaced from outside at" in run(command).output


def test_status_and_doctor_report_an_operators_dagster_yaml(run: Run, synced: Path):
    assert answer(run)[1]["own_dagster_yaml"] is None
    assert "dagster.yaml is maintained by the pipeline" in run("doctor").output
    file = synced / "dagster" / "dagster.yaml"
    file.write_text("telemetry: {enabled: false}\n")
    assert answer(run)[1]["own_dagster_yaml"] == str(file)
    assert f"Dagster's settings are your own: {file}." in run("status").output
    assert f"{file} is your own and is never replaced" in run("doctor").output
    assert file.read_text() == "telemetry: {enabled: false}\n"


def test_a_stale_model_is_named(run: Run, synced: Path):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET loaded_at = loaded_at + INTERVAL 1 DAY WHERE dataset ="
            " 'grades'"
        )
    code, found = answer(run)
    assert (code, "marts.assignment_scores" in found["stale_models"]) == (1, True)
    assert "marts.lab_sessions" not in found["stale_models"]


def test_a_warehouse_of_an_earlier_release_is_read_as_it_is(run: Run, synced: Path):
    with duckdb.connect(str(synced / "warehouse.duckdb")) as connection:
        connection.execute("DROP TABLE ops.checks; DROP TABLE ops.absences")
    (synced / "warehouse.duckdb.state").unlink()
    code, found = answer(run)
    assert (code, found["checks"], found["absent"]) == (0, [], [])


def test_the_query_of_the_warnings_can_be_pasted_and_shows_each(run: Run, synced: Path):
    lines = run("status").output.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("Warnings ("))
    names = lines[at].partition("): ")[2].partition(". For")[0].split(", ")
    program, *arguments = shlex.split(lines[at + 1])
    assert (program, bool(names)) == ("analytics-pipeline", True)
    shown = run(*arguments).output
    for name in names:
        subject, _, check = name.partition(" ")
        assert subject in shown
        assert check in shown
    assert len(names) == shown.count("remedy"), shown
