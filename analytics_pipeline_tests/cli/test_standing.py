"""`status`, `doctor` and `quarantine`: the current state, problems, and reloading after a fix."""

import json
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from analytics_pipeline.cli import console
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import YESTERDAY, Run

COURSES = "org9001/course-asn_mapping/course_mapping.csv"
HEADER = "org_id, org_name, course_id, course_name, create_method, parent_course_id\n"


def standing(run: Run) -> tuple[int, dict, dict[str, dict]]:
    result = run("status", "--json")
    found = json.loads(result.output)
    return result.exit_code, found, {row["dataset"]: row for row in found["datasets"]}


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


def test_files_that_sync_skips_do_not_stay_missing(
    run: Run, demo: DemoVocareum, organisation: Organisation
):
    """Days before the first one, which belongs to no loaded month, and the day that is not over."""
    days = {key: body for key, body in organisation.files().items() if "lab_sessions_" in key}
    today = YESTERDAY + timedelta(days=1)
    demo.put_many(days | {f"org9001/lab_sessions/lab_sessions_{today}.csv": days[max(days)]})
    start = min(day for n in (3, 4) if (day := YESTERDAY - timedelta(days=n)).day > 1).isoformat()
    assert run("sync", VOCAREUM_START_DATE=start).exit_code == 0
    found = run("status", VOCAREUM_START_DATE=start)
    assert (found.exit_code, "Complete." in found.output) == (0, True), found.output
    assert (
        json.loads(run("status", "--json", VOCAREUM_START_DATE=start).output)["datasets"][0][
            "missing"
        ]
        == 0
    )


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


def test_a_failed_version_that_was_withdrawn_does_not_fail_for_ever(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
):
    demo.put(COURSES, b"<html>")
    assert run("sync", "--dataset", "course_mapping").exit_code == 1
    demo.put(COURSES, organisation.files()[COURSES])
    assert run("sync", "--dataset", "course_mapping").exit_code == 0
    code, found, by_name = standing(run)
    assert (code, by_name["course_mapping"]["failed"]) == (0, 0), found


def test_doctor_passes_every_check(run: Run, demo: DemoVocareum):
    demo.put(COURSES, HEADER.encode())
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.output.splitlines()] == [
        f"ok   {line}"
        for line in (
            "disk",
            "published folder",
            "DuckDB",
            "Dagster's settings",
            "settings",
            "token and credentials",
            "bucket",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "verdict", "remedy"),
    [
        ({"VOCAREUM_API_TOKEN": "wrong"}, "FAIL token and credentials", "VOCAREUM_API_TOKEN"),
        ({"VOCAREUM_ORG_ID": None}, "FAIL settings", ".env"),
        ({"VOCAREUM_BUCKET": "nobodys"}, "FAIL bucket", "VOCAREUM_BUCKET"),
        ({}, "FAIL bucket", "VOCAREUM_ORG_ID"),
    ],
)
def test_doctor_names_the_problem_and_the_remedy(
    run: Run, demo: DemoVocareum, changes: dict, verdict: str, remedy: str
):
    result = run("doctor", **changes)
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("FAIL")]
    assert line.startswith(verdict)
    assert remedy in result.output


def test_doctor_closes_a_folder_that_others_may_read_and_reports_it(
    run: Run, demo: DemoVocareum, data: Path
):
    demo.put(COURSES, HEADER.encode())
    data.mkdir()
    data.chmod(0o755)
    result = run("doctor")
    assert (
        result.exit_code,
        "open to other users (mode 755). Its mode is now 700" in result.output,
    ) == (0, True), result.output
    assert data.stat().st_mode & 0o777 == 0o700


def test_doctor_sees_a_warehouse_that_another_program_keeps_open(
    run: Run, demo: DemoVocareum, data: Path, spawn
):
    import subprocess
    import sys

    with open_warehouse(data / "warehouse.duckdb"):
        pass
    hold = (
        f"import duckdb; c = duckdb.connect({str(data / 'warehouse.duckdb')!r}); print('open',"
        " flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        result = run("doctor")
        holder.communicate("\n")
    assert result.exit_code == 2, result.output
    assert "FAIL DuckDB" in result.output
    assert "Close it there" in result.output


def test_quarantine_lists_rejects_by_dataset_reason_and_file(
    run: Run, synced: Path, organisation: Organisation
):
    everything = run("quarantine", "list", "--limit", "500")
    assert everything.exit_code == 0
    for planted in organisation.truth.planted:
        assert planted.key.rsplit("/", 1)[1] in everything.output, planted
    assert "course" in everything.output, "that it is a grades.csv does not say which"
    few = run("quarantine", "list", "--limit", "2")
    assert "more than 2 lines" in few.output and "more than" not in everything.output
    some = run(
        "quarantine", "list", "--dataset", "azure_cost", "--reason", "from 1 to 12", "--records"
    )
    assert "13" in some.output
    assert "lab_sessions" not in some.output


def test_a_replay_after_a_fixed_rule_loads_the_rejected_records(
    run: Run,
    synced: Path,
    demo: DemoVocareum,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
):
    """The planted negative cost becomes valid; without a fix, a replay changes nothing."""
    before = costs(synced)
    assert run("quarantine", "replay", "--dataset", "aws_cost").exit_code == 0
    assert costs(synced) == before
    cost = DATASETS["aws_cost"].schema.columns["cost"]
    monkeypatch.setattr(cost, "checks", [])
    result = run("quarantine", "replay", "--dataset", "aws_cost")
    assert result.exit_code == 0, result.output
    assert costs(synced) == (before[0] + 1, before[1] - 1)
    with duckdb.connect(str(synced / "analytics.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM raw.aws_cost").fetchone() == (
            before[0] + 1,
        ), "not published"
    assert demo.count("GET") == 0, "it reads the landing folder"


def costs(data: Path) -> tuple[int, int]:
    """Return the rows and rejects of aws_cost."""
    with open_warehouse(data / "warehouse.duckdb") as connection:
        sql = (
            "SELECT (SELECT count(*) FROM raw.aws_cost), (SELECT count(*) FROM quarantine.rejects"
            " WHERE dataset = 'aws_cost')"
        )
        found = connection.execute(sql).fetchone()
    assert found is not None
    return found


def test_a_replay_of_a_missing_file_keeps_its_rows_and_names_the_remedy(run: Run, synced: Path):
    before = costs(synced)
    for path in (synced / "landing" / "aws_cost").iterdir():
        path.unlink()
    result = run("quarantine", "replay", "--dataset", "aws_cost")
    assert result.exit_code == 1, result.output
    assert "sync --full" in result.output
    assert costs(synced) == before
    assert run("quarantine", "replay", "--dataset", "asn_mapping").exit_code == 0


def test_a_replay_with_nothing_to_do_reports_it(run: Run, demo: DemoVocareum, data: Path):
    with open_warehouse(data / "warehouse.duckdb"):
        pass  # one that holds nothing
    result = run("quarantine", "replay")
    assert (result.exit_code, "Nothing to replay" in result.output) == (0, True), result.output


def test_an_unknown_dataset_is_refused_everywhere(run: Run, demo: DemoVocareum):
    for command in (("quarantine", "list"), ("quarantine", "replay")):
        result = run(*command, "--dataset", "grade")
        assert result.exit_code == 2, result.output
        assert "lab_sessions" in result.output


def test_the_published_file_has_no_quarantine(synced: Path):
    with duckdb.connect(str(synced / "analytics.duckdb"), read_only=True) as connection:
        names = {
            row[0]
            for row in connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
            ).fetchall()
        }
    assert "quarantine.rejects" not in names
    assert names
