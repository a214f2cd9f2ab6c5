"""`doctor`: a verdict and a remedy for everything that a run needs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run

COURSES = "org9001/course-asn_mapping/course_mapping.csv"
HEADER = "org_id, org_name, course_id, course_name, create_method, parent_course_id\n"


def test_doctor_passes_every_check_and_leaves_the_folder_empty(
    run: Run, demo: DemoVocareum, data: Path
):
    demo.put(COURSES, HEADER.encode())
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "no warehouse yet: the first `sync` makes it" in result.output
    assert list(data.iterdir()) == [], "`demo` refuses a folder that holds files"
    assert [line.split(":")[0] for line in result.output.splitlines()] == [
        f"ok   {line}"
        for line in (
            "disk",
            "published folder",
            "DuckDB",
            "Dagster's settings",
            "settings",
            "alerts",
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


def test_quiet_leaves_what_fails_with_its_name_and_remedy(run: Run, demo: DemoVocareum) -> None:
    result = run("doctor", "--quiet", VOCAREUM_API_TOKEN="wrong")
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    failed, skipped = result.stderr.splitlines()
    assert failed.startswith("FAIL token and credentials: ") and "VOCAREUM_API_TOKEN" in failed
    assert skipped.strip() == "Skipping the remaining checks until this is fixed."
    demo.put(COURSES, HEADER.encode())
    assert (run("doctor", "--quiet").output, run("doctor").stderr) == ("", "")


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


@pytest.mark.parametrize("closed", ["landing", "landing/grades", "dagster", "dagster/storage"])
def test_doctor_names_a_folder_of_ours_that_a_run_may_not_use(
    run: Run, demo: DemoVocareum, data: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """A run of root made it, for instance."""
    demo.put(COURSES, HEADER.encode())
    for folder in ("landing/grades", "dagster/storage"):
        (data / folder).mkdir(parents=True)
    data.chmod(0o700)
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: path != data / closed and access(path, mode)
    )
    result = run("doctor")
    assert result.exit_code == 2, result.output
    assert f"FAIL disk: {data / closed} can't be read and written. Give it to" in result.output
    (data / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    own = run("doctor")  # an operator's settings may keep the records elsewhere
    assert (own.exit_code == 0) == closed.startswith("dagster"), own.output


def test_doctor_names_a_link_to_a_landing_folder_that_is_not_there(
    run: Run, demo: DemoVocareum, data: Path
) -> None:
    """As when the disk that it leads to is not mounted."""
    demo.put(COURSES, HEADER.encode())
    data.mkdir(mode=0o700)
    (data / "landing").symlink_to(data / "not mounted")
    result = run("doctor")
    assert (result.exit_code, f"FAIL disk: {data / 'landing'} leads nowhere." in result.output) == (
        2,
        True,
    ), result.output


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


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"VOCAREUM_ORG_ID": "org9001"}, "give only the id, 9001"),
        (
            {"VOCAREUM_START_DATE": "2090-01-01"},
            "VOCAREUM_START_DATE is 2090-01-01, which is after today",
        ),
        ({"VOCAREUM_ORG_ID": "7"}, "This warehouse holds the files of org9001"),
    ],
)
def test_doctor_reports_the_same_error_as_sync(
    run: Run, synced: Path, changes: dict[str, str], says: str
):
    result = run("doctor", **changes)
    assert (result.exit_code, says in result.output, "FAIL settings" in result.output) == (
        2,
        True,
        True,
    ), result.output


def test_a_wrong_organisation_is_not_blamed_on_the_token(run: Run, demo: DemoVocareum):
    result = run("doctor", VOCAREUM_API_TOKEN="t0ken-of-an-org-admin-other-scope")
    assert (result.exit_code, "Check VOCAREUM_ORG_ID" in result.output) == (2, True), result.output


def test_doctor_reports_its_retries_and_gives_up(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("analytics_pipeline.cli.doctor.RETRY_SECONDS", 2.0)
    result = run("doctor", VOCAREUM_API_URL="http://127.0.0.1:9/api/v2")
    assert result.exit_code == 2, result.output
    assert "retrying" in result.output and "was not usable for 2 seconds" in result.output, (
        result.output
    )


@pytest.mark.parametrize(
    ("lose", "wrong"),
    [
        (Path.unlink, "is missing"),
        (lambda path: path.write_bytes(b"not a database"), "cannot be read"),
    ],
    ids=["deleted", "damaged"],
)
def test_doctor_says_as_status_does_that_the_published_file_must_be_published_again(
    run: Run, synced: Path, lose: Callable[[Path], object], wrong: str
):
    assert run("doctor").exit_code == 0
    lose(synced / "analytics.duckdb")
    for command in ("status", "doctor"):
        result = run(command)
        told = f"{synced / 'analytics.duckdb'} {wrong}. `analytics-pipeline sync` publishes it"
        assert (result.exit_code, told in result.output) == (1, True), (command, result.output)


def test_doctor_names_variables_of_the_env_file_that_are_no_setting_but_no_value(
    run: Run, demo: DemoVocareum, tmp_path: Path
):
    demo.put(COURSES, HEADER.encode())
    (tmp_path / ".env").write_text(
        "ALERT_URL=s3cret\nBUDGET_FILE=s3cret.csv\nANALYTICS_PUBLISH_PII=true\nAWS_ACCESS_KEY_ID=s3\n"
        "alert_urls=\nTELESCOPE=s3cret\nc2Vjcm=s3cret\n"
    )
    result = run("doctor")
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("warn")]
    assert line == (
        "warn names of settings: the pipeline has no setting ALERT_URL (do you mean ALERT_URLS?),"
        " ANALYTICS_PUBLISH_PII (do you mean PUBLISH_PII?), BUDGET_FILE (do you mean"
        f" BUDGETS_FILE?), TELESCOPE. Correct it in {tmp_path / '.env'} or the environment, or"
        " leave it if another program reads it"
    )
    assert (result.exit_code, "s3cret" in result.output) == (0, False), result.output


def test_doctor_names_only_variables_of_the_environment_with_a_prefix_of_ours(
    run: Run, demo: DemoVocareum
):
    demo.put(COURSES, HEADER.encode())
    assert "warn" not in run("doctor", BUDGET_FILE="b.csv").output
    found = run("doctor", VOCAREUM_TOKEN="s3cret", analytics_folder="s3cret", ALERT_URL="s3cret")
    assert (
        "no setting VOCAREUM_TOKEN (do you mean VOCAREUM_API_TOKEN?), analytics_folder. Correct it"
        " in the environment, or leave it"
    ) in found.output
    assert "ALERT_URL (" not in found.output and "s3cret" not in found.output


def test_doctor_names_a_mistyped_setting_whose_right_name_is_missing(run: Run, tmp_path: Path):
    (tmp_path / ".env").write_text("VOCAREUM_ORGID=9001\n")
    result = run("doctor", VOCAREUM_ORG_ID=None)
    assert result.exit_code == 2
    assert "VOCAREUM_ORGID (do you mean VOCAREUM_ORG_ID?)" in result.output
    assert "VOCAREUM_ORG_ID is not set" in result.output


def test_doctor_says_how_many_people_receive_alerts(run: Run, demo: DemoVocareum):
    demo.put(COURSES, HEADER.encode())
    assert "alerts: none set: failures are shown only in the UI and by `status`. Set ALERT" in (
        run("doctor").output
    )
    addresses = {
        "ALERT_URLS": "ntfys://ntfy.example.org/t0pic jsons://hooks.example.org/t0pic",
        "ALERT_WEBHOOK_URL": "https://hooks.example.org/t0pic",
    }
    ping = {"PING_URL": "https://ping.example.org/t0pic"}
    said = "ok   alerts: 3 recipients are set"
    unset = ". PING_URL is not set: nobody is told if the daemon or this machine stops"
    for settings, end in ((addresses, unset), (addresses | ping, "")):
        result = run("doctor", **settings)
        assert (result.exit_code, f"{said}{end}\n" in result.output) == (0, True), result.output
        assert "t0pic" not in result.output


def test_doctor_says_why_it_cannot_read_the_checks_of_a_warehouse_that_opens(
    run: Run, synced: Path
) -> None:
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute("ALTER TABLE ops.checks DROP COLUMN alarms")
    result = run("doctor")
    assert result.exit_code == 1, result.output
    assert "The checks of the warehouse can't be read: " in result.output
    assert 'Referenced column "alarms" not found' in result.output
