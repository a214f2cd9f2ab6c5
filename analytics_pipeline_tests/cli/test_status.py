"""`status`: the overall state from the disk alone, without a write, with the age of the data."""

import shlex
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.sidecar import REPLACED, replaced_at
from analytics_pipeline_tests.cli.conftest import Run, status_json
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


def test_the_shape_of_the_json_is_the_documented_one(run: Run, synced: Path):
    code, found = status_json(run)
    assert (code, set(found)) == (0, FIELDS)
    assert {row["dataset"] for row in found["datasets"]} == set(DATASETS)
    for name in FIELDS:
        assert (
            f"`{name}`" in Path(__file__).parents[2].joinpath("docs", "operations.md").read_text()
        ), f"{name} is not documented"


def test_the_json_says_what_the_published_file_lacks(run: Run, synced: Path) -> None:
    published = status_json(run)[1]["published"]
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
    published = status_json(run)[1]["published"]
    assert (published["emptied"], published["older_files"]) == ({column: 2}, 3)


def test_without_the_bucket_the_disk_answers(run: Run, synced: Path):
    before = days_since_yesterday()
    code, found = status_json(run, **DOWN)
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
    code, found = status_json(run)
    assert (code, found["source"], found["complete"]) == (0, "published", True)


def test_status_and_doctor_report_an_older_warehouse_that_was_put_back(run: Run, synced: Path):
    warehouse, older = synced / "warehouse.duckdb", synced / "older"
    assert status_json(run)[1]["replaced"] == {"now": False, "found": None}
    shutil.copy(warehouse, older)
    with open_warehouse(warehouse) as connection:
        connection.execute("UPDATE ops.loaded_files SET loaded_at = loaded_at + INTERVAL 1 SECOND")
    shutil.copy(older, warehouse)
    code, found = status_json(run)
    assert (code, found["complete"]) == (1, False)
    assert found["replaced"] == {"now": True, "found": None}
    assert REPLACED in run("status").output
    assert replaced_at(warehouse) == 0, "status writes nothing"
    assert REPLACED in run("doctor").output
    assert replaced_at(warehouse) > 0
    found = status_json(run)[1]["replaced"]
    assert (found["now"], found["found"][:4]) == (
        False,
        f"{datetime.fromtimestamp(replaced_at(warehouse), UTC):%Y}",
    )
    for command in ("status", "doctor"):
        assert "last found replaced from outside at" in run(command).output


def test_status_and_doctor_report_an_operators_dagster_yaml(run: Run, synced: Path):
    assert status_json(run)[1]["own_dagster_yaml"] is None
    assert "dagster.yaml is maintained by the pipeline" in run("doctor").output
    file = synced / "dagster" / "dagster.yaml"
    file.write_text("telemetry: {enabled: false}\n")
    assert status_json(run)[1]["own_dagster_yaml"] == str(file)
    assert f"Dagster's settings are your own: {file}." in run("status").output
    assert f"{file} is your own and is never replaced" in run("doctor").output
    assert file.read_text() == "telemetry: {enabled: false}\n"


def test_a_stale_model_is_named(run: Run, synced: Path):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET loaded_at = loaded_at + INTERVAL 1 DAY WHERE dataset ="
            " 'grades'"
        )
    code, found = status_json(run)
    assert (code, "marts.assignment_scores" in found["stale_models"]) == (1, True)
    assert "marts.lab_sessions" not in found["stale_models"]


def test_a_warehouse_of_an_earlier_release_is_read_as_it_is(run: Run, synced: Path):
    with duckdb.connect(str(synced / "warehouse.duckdb")) as connection:
        connection.execute("DROP TABLE ops.checks; DROP TABLE ops.absences")
    (synced / "warehouse.duckdb.state").unlink()
    code, found = status_json(run)
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
