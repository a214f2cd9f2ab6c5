"""A daemon whose runs fail and whose webhook does not respond: everything it stores and prints,
searched byte by byte.
"""

import os
import sys
import time
from dataclasses import astuple
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import TickStatus

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import load_settings
from analytics_pipeline_tests.cli.conftest import YESTERDAY
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.support.live_processes import process_group
from analytics_pipeline_tests.support.planted_secrets import HOOK, files_with, spellings, texts_with

ROOT = Path(__file__).resolve().parents[2]
DAGSTER_DAEMON = Path(sys.executable).with_name("dagster-daemon")
SECONDS = 400


def texts_of(instance: dg.DagsterInstance) -> list[str]:
    """Return the errors of the sensor `alerts`."""
    states = [
        state for state in instance.all_instigator_state() if state.instigator_name == "alerts"
    ]
    ticks = [
        tick
        for state in states
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
    ]
    errors = [tick.error for tick in ticks if tick.status is TickStatus.FAILURE]
    return [error.to_string() for error in errors if error]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_daemon_with_a_failing_webhook_keeps_no_secret(
    demo: DemoVocareum,
    organisation: Organisation,
    environment: dict[str, str],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    secrets, real = {demo.token, HOOK}, demo.api.issue

    def issue():
        issued = real()
        secrets.update(value for value in astuple(issued) if isinstance(value, str))
        return issued

    monkeypatch.setattr(demo.api, "issue", issue)
    demo.put_many(organisation.files())
    demo.put(f"org9001/lab_sessions/lab_sessions_{YESTERDAY}.csv", b"<html>" + b"502 Bad Gateway")
    settings = {**environment, "ALERT_WEBHOOK_URL": f"http://127.0.0.1:9/services/{HOOK}"}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    monkeypatch.setenv("DAGSTER_HOME", "")
    with monkeypatch.context() as here:
        for name, value in settings.items():
            here.setenv(name, value)
        known = load_settings()
        instance, output = open_instance(known), tmp_path / "output"
    workspace, made = ROOT / "workspace.yaml", [data / "report.html", data / "analytics.duckdb"]
    with (
        instance,
        process_group(
            [DAGSTER_DAEMON, "run", "-w", workspace, "--log-level", "debug"],
            output,
            folder=tmp_path,  # where `.env` is, as people have it
            variables={**os.environ, "RUST_LOG": "trace"},
            seconds=60,
        ) as process,
    ):
        deadline = time.monotonic() + SECONDS
        while not any(
            "webhook can't be reached" in reason for reason in texts_of(instance)
        ) or not all(path.exists() for path in made):
            assert process.poll() is None, output.read_text()[-3_000:]
            assert time.monotonic() < deadline, output.read_text()[-3_000:]
            time.sleep(1)

    assert any(run.status is dg.DagsterRunStatus.FAILURE for run in open_instance(known).get_runs())
    kept = [path for path in data.rglob("*") if path.is_file()]
    assert {"runs.db", "schedules.db", "warehouse.duckdb"} <= {path.name for path in kept}
    assert any("compute_logs" in str(path) or path.suffix in (".out", ".err") for path in kept), (
        "computes log, too"
    )
    assert len(secrets) > 4, "the test plants too little"
    assert files_with(secrets, data) == []
    assert texts_with(secrets, [output.read_text()]) == []
    note(
        "Secrets planted (token, one-hour keys, webhook's address), a daemon at DEBUG whose runs"
        " and alerts fail",
        f"{len(secrets)} secrets in {len(spellings(HOOK))} spellings searched for in {len(kept):,}"
        f" files ({sum(path.stat().st_size for path in kept) / 1e6:.0f} MB) and"
        f" {output.stat().st_size / 1e3:.0f} kB of output: none",
    )
