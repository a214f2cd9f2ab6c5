"""The real thing: one `analytics-pipeline dev` that serves two organisations by a workspace."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.dagster_private import AssetCheckExecutionRecordStatus
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.runs.run_records import known_runs
from analytics_pipeline.settings import load_settings
from analytics_pipeline_tests.cli.conftest import COMMAND
from analytics_pipeline_tests.orchestration.test_alerts import BAD
from analytics_pipeline_tests.orchestration.test_alerts import SECOND as BEFORE_YESTERDAY
from analytics_pipeline_tests.orchestration.test_alerts import THIRD as YESTERDAY
from analytics_pipeline_tests.support.live_processes import free_port, process_group, wait_for
from analytics_pipeline_tests.support.organisations import deliver, write_env_file
from analytics_pipeline_tests.support.webhook import Webhook

pytestmark = pytest.mark.timeout(900)  # two minutes on an idle machine; others may use this one
ONE, OTHER = Location("org9417"), Location("org9418")


@dataclass
class Served:
    """A running `analytics-pipeline dev`, its instance, and the simulated organisations."""

    organisations: list[DemoVocareum]
    instance: dg.DagsterInstance
    output: Path

    def wait_for(self, what: Callable[[], bool], seconds: float = 600) -> None:
        """Wait until a condition holds; fail with the end of the output if it never does."""
        wait_for(what, seconds, self.output)

    def days(self, location: Location) -> set[str]:
        return self.instance.get_materialized_partitions(location.model_key("raw.lab_sessions"))

    def schema(self, location: Location) -> bool:
        """Return the last verdict of a check; a run in flight has planned the next."""
        key = dg.AssetCheckKey(location.model_key("raw.lab_sessions"), "schema")
        status = {
            AssetCheckExecutionRecordStatus.SUCCEEDED,
            AssetCheckExecutionRecordStatus.FAILED,
        }
        [last] = self.instance.event_log_storage.get_asset_check_execution_history(
            key, limit=1, status=status
        )
        return last.status is AssetCheckExecutionRecordStatus.SUCCEEDED

    def is_published(self, location: Location) -> bool:
        return self.instance.get_latest_materialization_event(location.published) is not None


@pytest.fixture
def served(tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    # Dagster itself gives the variables of this file to each code location.
    decoy = "VOCAREUM_ORG_ID=1\nVOCAREUM_API_TOKEN=decoy\nANALYTICS_DATA_DIR=decoy\n"
    (tmp_path / ".env").write_text(f"{decoy}ANALYTICS_DAGSTER_HOME={tmp_path / 'dagster'}\n")
    (tmp_path / ".env").chmod(0o600)
    monkeypatch.setenv("ANALYTICS_DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    with ExitStack() as stack:
        organisations = []
        for org in ("9417", "9418"):
            vocareum = stack.enter_context(DemoVocareum(org))
            deliver(vocareum, BEFORE_YESTERDAY, rows=int(org) - 9416)
            deliver(vocareum, YESTERDAY)
            file = write_env_file(
                tmp_path, vocareum, ALERT_WEBHOOK_URL=webhook.url, FEED_POLL_SECONDS="30"
            )
            subprocess.run([str(COMMAND), "workspace", "add", file.name], cwd=tmp_path, check=True)
            organisations.append(vocareum)
        instance = stack.enter_context(open_instance(load_settings()))
        command, output = [COMMAND, "dev", "--port", str(free_port())], tmp_path / "output"
        stack.enter_context(process_group(command, output, folder=tmp_path))
        yield Served(organisations, instance, output)


@pytest.mark.slow
def test_one_daemon_serves_two_organisations_that_do_not_see_each_other(
    served: Served, webhook: Webhook, tmp_path: Path
) -> None:
    both = (ONE, OTHER)
    served.wait_for(lambda: all(served.days(it) == {BEFORE_YESTERDAY, YESTERDAY} for it in both))
    served.wait_for(lambda: all(served.is_published(it) for it in both))
    assert {key.path[0] for key in served.instance.get_asset_keys()} == {"org9417", "org9418"}
    assert not (tmp_path / "decoy").exists()
    ours, theirs = ({run.run_id for run in known_runs(served.instance, it)} for it in both)
    everything = {run.run_id for run in served.instance.get_runs()}
    assert ours and theirs and not ours & theirs
    assert everything <= {run.run_id for it in both for run in known_runs(served.instance, it)}, (
        "each run belongs to one of them"
    )
    texts = len(webhook.texts)
    deliver(served.organisations[0], BEFORE_YESTERDAY, body=BAD)
    served.wait_for(lambda: not served.schema(ONE))
    served.wait_for(lambda: len(webhook.texts) > texts)
    assert webhook.texts[texts].startswith(":red_circle: org9417: raw.lab_sessions")
    assert BEFORE_YESTERDAY in webhook.texts[texts]
    assert served.schema(OTHER)
    assert not [text for text in webhook.texts if "org9418" in text]
