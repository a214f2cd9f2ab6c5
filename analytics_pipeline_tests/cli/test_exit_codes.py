"""Something is missing, wrong or down: one message with a remedy, and the right exit code."""

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from analytics_pipeline.demo.api_server import SHAPES
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.clocks import Clock

COURSES = (
    b"org_id, org_name, course_id, course_name, create_method, parent_course_id\n9001, O, 1, C,"
    b" New,\n"
)
KEY = "org9001/course-asn_mapping/course_mapping.csv"
NETWORKED = (("sync",), ("status",), ("status", "--json"))


def test_each_missing_setting_is_named_with_where_to_get_it(run: Run):
    for command in NETWORKED:
        result = run(*command, VOCAREUM_ORG_ID=None, VOCAREUM_API_TOKEN=" ")
        assert result.exit_code == 2, result.output
        assert re.search(
            r"VOCAREUM_ORG_ID is not set.*\nVOCAREUM_API_TOKEN is not set.*\n.*\.env", result.output
        ), result.output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"VOCAREUM_API_TOKEN": "wrong-t0ken"},
            ["Invalid Token", "VOCAREUM_API_TOKEN", "Org Admin"],
        ),
        (
            {"VOCAREUM_API_TOKEN": "t0ken-of-an-org-admin-other-scope"},
            ["permission denied", "VOCAREUM_API_TOKEN"],
        ),
        ({"VOCAREUM_ORG_ID": "90/../01"}, ["VOCAREUM_ORG_ID"]),
        ({"VOCAREUM_ORG_ID": "7"}, ["VOCAREUM_ORG_ID"]),
        ({"VOCAREUM_API_URL": "http://api.example.org"}, ["VOCAREUM_API_URL"]),
        ({"AWS_ENDPOINT_URL_S3": "http://s3.example.org"}, ["AWS_ENDPOINT_URL_S3"]),
        ({"VOCAREUM_BUCKET": "nobodys-bucket"}, ["nobodys-bucket", "VOCAREUM_BUCKET"]),
        ({"VOCAREUM_START_DATE": "yesterday"}, ["VOCAREUM_START_DATE"]),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else None,
)
def test_a_wrong_setting_ends_with_2_and_its_remedy(
    run: Run, changes: dict[str, str], words: list[str]
):
    for command in NETWORKED:
        result = run(*command, **changes)
        assert result.exit_code == 2, (command, result.output)
        assert not [word for word in words if word not in result.output], (command, result.output)
        assert "Traceback" not in result.output
        assert "wrong-t0ken" not in result.output


def test_an_api_that_is_down_ends_in_bounded_time(
    run: Run, monkeypatch: pytest.MonkeyPatch, budgets_spent: list
):
    real = VocareumApi.__init__
    monkeypatch.setattr(
        VocareumApi, "__init__", lambda self, url, token, **_: real(self, url, token, budget=2)
    )
    result = run("sync", VOCAREUM_API_URL="http://127.0.0.1:9/api/v2")
    assert result.exit_code == 2, result.output
    assert "was not usable" in result.output
    assert len(budgets_spent) == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_every_shape_of_credentials_opens_the_bucket(
    run: Run, demo: DemoVocareum, shape: str, content_type: str
):
    demo.put(KEY, COURSES)
    demo.api.shape, demo.api.content_type = shape, content_type
    result = run("status", "--json")
    assert result.exit_code == 1, result.output
    standing = json.loads(result.output)
    assert {row["dataset"]: row["missing"] for row in standing["datasets"]}["course_mapping"] == 1


@pytest.mark.slow
def test_credentials_that_expire_all_the_time_do_not_matter(
    run: Run, demo: DemoVocareum, data: Path
):
    demo.put_many(
        {f"org9001/grades/course{at}/grades.csv": b"<html>" + b"%d" % at for at in range(5)}
    )
    demo.put(KEY, COURSES)
    demo.lifetime, demo.clock = (
        timedelta(minutes=1),
        Clock(step=timedelta(seconds=40)),
    )  # good for one request
    result = run("sync", "--dataset", "course_mapping")
    assert result.exit_code == 0, result.output
    with open_warehouse(data / "warehouse.duckdb") as connection:
        assert connection.execute("SELECT course_id FROM raw.course_mapping").fetchall() == [(1,)]


def test_an_unknown_dataset_is_refused_with_the_known_names(run: Run, demo: DemoVocareum):
    result = run("sync", "--dataset", "grade")
    assert result.exit_code == 2
    assert "no dataset 'grade'" in result.output
    assert "lab_sessions" in result.output
    assert demo.requests == [], "a typing error costs no request"


def test_a_warehouse_of_another_organisation_is_not_mixed(
    run: Run, synced: Path, demo: DemoVocareum
):
    demo.api.org_id = "7"
    try:
        for command in NETWORKED:
            result = run(*command, VOCAREUM_ORG_ID="7")
            assert result.exit_code == 2, result.output
    finally:
        demo.api.org_id = "9001"
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        assert connection.execute(
            "SELECT DISTINCT split_part(source_key, '/', 1) FROM ops.loaded_files"
        ).fetchall() == [("org9001",)]


def test_a_warehouse_of_a_later_release_is_refused_and_unchanged(run: Run, data: Path):
    path = data / "warehouse.duckdb"
    with open_warehouse(path) as connection:
        connection.execute("INSERT INTO ops.schema_version VALUES (999, 'later', now()::TIMESTAMP)")
    before = path.read_bytes()
    opening = (
        "sync",
        "status",
        "quarantine list",
        "quarantine replay",
        "doctor",
        "publish",
        "erase --user-id 1 --dry-run",
        "erase --user-id 1 --yes",
    )
    for command in map(str.split, opening):
        result = run(*command)
        assert result.exit_code == 2, (command, result.output)
        assert "later release" in result.output
        assert "Traceback" not in result.output
    assert path.read_bytes() == before


def test_a_file_that_is_not_a_database_is_reported(run: Run, data: Path):
    data.mkdir(mode=0o700)
    (data / "warehouse.duckdb").write_bytes(b"not a database" * 1_000)
    for command in (("sync",), ("status",), ("quarantine", "list"), ("doctor",)):
        result = run(*command)
        assert result.exit_code == 2, (command, result.output, result.exception)
        assert "warehouse.duckdb" in result.output
        assert "Traceback" not in result.output
    assert (data / "warehouse.duckdb").read_bytes() == b"not a database" * 1_000


def test_a_data_folder_that_cannot_be_made_is_named(run: Run, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    for command in (("sync",), ("status",), ("quarantine", "list"), ("doctor",)):
        result = run(*command, ANALYTICS_DATA_DIR=str(tmp_path / "file" / "data"))
        assert result.exit_code == 2, (command, result.output, result.exception)
        assert str(tmp_path / "file") in result.output, result.output


@pytest.mark.parametrize("command", ["sync", "status", "doctor", "dev", "daemon"])
def test_a_file_in_place_of_the_data_folder_is_named_with_the_setting_to_change(
    run: Run, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    result = run(command, ANALYTICS_DATA_DIR=str(file))
    assert result.exit_code == 2, (result.output, result.exception)
    assert str(file) in result.output
    assert "ANALYTICS_DATA_DIR" in result.output


@pytest.mark.parametrize("value", ["0", "-5", "0.5", "nan", "a minute"])
def test_a_bad_pace_of_the_live_demo_is_named_with_what_is_allowed(run: Run, value: str) -> None:
    result = run("demo", "--live", "--every", value)
    assert result.exit_code == 2, result.output
    assert f"{value!r} is not allowed: give a whole number, 1 or more." in result.output


def test_a_bad_option_ends_with_2(run: Run):
    assert run("sync", "--since", "yesterday").exit_code == 2
    assert run("nonsense").exit_code == 2


@pytest.mark.thorough
def test_an_interrupt_ends_a_sync_at_once_and_the_next_one_completes_it(
    run: Run, demo: DemoVocareum, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
):
    names = ("azure_cost_", "_mapping")  # several runs, of which the second must not start
    demo.put_many(
        {key: body for key, body in organisation.files().items() if any(n in key for n in names)}
    )

    def press(*_: object) -> Iterator[object]:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait()  # forever: only the interrupt ends it
        yield from ()

    with monkeypatch.context() as pressed:
        pressed.setattr(Loader, "load", press)
        stopped = run("sync")
    assert (stopped.exit_code, "Interrupted" in stopped.output) == (130, True), stopped.output
    assert "Rebuilding" not in stopped.output
    assert "Traceback" not in stopped.output and "Stack Trace" not in stopped.output
    assert run("sync").exit_code == 0


def test_a_port_in_use_is_reported_before_anything_starts(run: Run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("dev", "--port", str(taken.getsockname()[1]))
    assert (result.exit_code, "--port" in result.output) == (2, True), result.output


def test_settings_in_utf_16_are_reported(run: Run, tmp_path: Path):
    (tmp_path / ".env").write_text("VOCAREUM_ORG_ID=9001\n", encoding="utf-16")
    result = run("status")
    assert (result.exit_code, ".env is not UTF-8" in result.output) == (2, True), result.output


@pytest.mark.parametrize("arguments", [("list",), ("replay",)])
def test_a_folder_without_a_warehouse_is_not_mistaken_for_one_without_rejects(
    run: Run, data: Path, arguments: tuple[str]
):
    result = run("quarantine", *arguments)
    assert (result.exit_code, "There is no warehouse" in result.output) == (2, True), result.output
    assert not data.exists()


def test_doctor_looks_at_the_webhook_before_an_alert_is_due(run: Run):
    result = run("doctor", ALERT_WEBHOOK_URL="http://hooks.example.org/T0K3N")
    assert (result.exit_code, "ALERT_WEBHOOK_URL" in result.output) == (2, True), result.output
    assert "T0K3N" not in result.output


def test_a_folder_may_begin_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ANALYTICS_DATA_DIR", "~/data")
    assert Settings().data_dir == tmp_path / "data"
