"""The real thing: `analytics-pipeline dev` with its daemon and web server on loopback, and a
browser.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import dagster as dg
import psutil
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import load_settings
from analytics_pipeline.sql_models import load_project
from analytics_pipeline_tests.cli.conftest import COMMAND
from analytics_pipeline_tests.support.foreign_page import ATTACK, foreign_page, mutation
from analytics_pipeline_tests.support.live_processes import free_port, process_group, wait_for
from analytics_pipeline_tests.support.monitoring_service import SECRET, Monitor, monitoring_service
from analytics_pipeline_tests.support.open_ports import listening

PROJECT = load_project()
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(900)  # 40 s on an idle machine; others may use this one


@dataclass
class Running:
    """A running `analytics-pipeline dev`."""

    url: str
    process: psutil.Process
    instance: dg.DagsterInstance
    output: Path
    monitor: Monitor

    def wait_for(self, what: Callable[[], bool], seconds: float = 400) -> None:
        """Wait until a condition holds; fail with the end of the output if it never does."""
        wait_for(what, seconds, self.output)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`analytics-pipeline dev` over an organisation without any loaded file."""
    folder = tmp_path_factory.mktemp("dev")
    with (
        pytest.MonkeyPatch.context() as patch,
        DemoVocareum() as vocareum,
        monitoring_service() as monitor,
    ):
        vocareum.put_many(Organisation(OrganisationSpec.small()).files())
        port = free_port()
        for name, value in vocareum.environment.items():
            patch.setenv(name, value)
        patch.setenv("ANALYTICS_DATA_DIR", str(folder / "data"))
        patch.setenv("VOCAREUM_START_DATE", "2026-10-20")
        patch.setenv("ALERT_WEBHOOK_URL", "")
        patch.setenv("PING_URL", monitor.url)
        command, output = [COMMAND, "dev", "--port", str(port)], folder / "output"
        with (
            open_instance(load_settings()) as instance,
            process_group(command, output, folder=folder) as process,
        ):
            url = f"http://127.0.0.1:{port}"
            yield Running(url, psutil.Process(process.pid), instance, output, monitor)


def days(running: Running, asset: str) -> set[str]:
    return running.instance.get_materialized_partitions(dg.AssetKey(["raw", asset]))


def answers(running: Running) -> bool:
    """Return whether the web server has started."""
    try:
        return urlopen(running.url).status == 200
    except URLError:
        return False


def is_quiet(running: Running) -> bool:
    return not running.instance.get_runs(
        dg.RunsFilter(
            statuses=[
                dg.DagsterRunStatus.QUEUED,
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.STARTED,
            ]
        )
    )


def test_the_sensor_alone_fills_an_empty_warehouse(running: Running) -> None:
    running.wait_for(
        lambda: (
            len(days(running, "lab_sessions")) == 11 and len(days(running, "service_spend")) == 2
        )
    )
    running.wait_for(
        lambda: (
            running.instance.get_latest_materialization_event(dg.AssetKey(["raw", "grades"]))
            is not None
        )
    )
    assert {
        run.status for run in running.instance.get_runs() if run.job_name.startswith("load_")
    } <= {
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.STARTED,
    }


def test_the_daemon_evaluates_every_test_of_the_models_that_it_builds(running: Running) -> None:
    """Alerts and alarms read these results; Dagster evaluates only the checks that a run names."""
    checks = [
        dg.AssetCheckKey(ALONE.model_key(PROJECT.home_of(test)), test.name)
        for test in PROJECT.tests.values()
    ]
    found = running.instance.event_log_storage.get_latest_asset_check_execution_by_key

    def unevaluated() -> list[str]:
        results = found(checks)
        return [
            check.name
            for check in checks
            if check not in results or results[check].status.value == "PLANNED"
        ]

    running.wait_for(lambda: not unevaluated())


def test_a_daemon_that_works_pings_the_monitoring_service(running: Running) -> None:
    running.wait_for(lambda: running.monitor.requested == [SECRET])
    assert SECRET not in running.output.read_text()


def test_the_ui_and_the_daemon_are_reachable_only_from_this_machine(running: Running) -> None:
    running.wait_for(lambda: answers(running))
    processes = [running.process, *running.process.children(recursive=True)]
    assert len(processes) > 2, "the webserver and the daemon are processes of their own"
    addresses = listening(processes)
    assert (
        "127.0.0.1",
        int(running.url.rsplit(":", 1)[1]),
    ) in addresses, "the UI's address is not among those found"
    assert {host for host, _ in addresses} <= {"127.0.0.1", "::1"}, addresses


@pytest.mark.slow
def test_a_browser_finds_the_graph_the_partitions_the_checks_and_the_plot(
    running: Running, browser: Any
) -> None:
    shots = ROOT / ".artifacts"
    shots.mkdir(exist_ok=True)
    running.wait_for(lambda: len(days(running, "lab_sessions")) == 11)
    running.wait_for(lambda: is_quiet(running))
    running.wait_for(lambda: answers(running))
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.set_default_timeout(60_000)

    page.goto(f"{running.url}/asset-groups?expanded=global%40global%3Araw")
    page.get_by_text("lab_sessions").first.wait_for()
    page.get_by_text("vocareum").first.wait_for()
    page.wait_for_timeout(2_000)
    page.screenshot(path=shots / "ui_graph.png")

    page.goto(f"{running.url}/assets/raw/lab_sessions?view=partitions&partition=2026-11-06")
    page.get_by_text("2026-11-06").first.wait_for()
    page.screenshot(path=shots / "ui_partitions.png")

    page.goto(f"{running.url}/assets/raw/lab_sessions?view=checks&checkDetail=volume_as_usual")
    page.get_by_text("newest_is_loaded").first.wait_for()
    page.get_by_text("Show Markdown").first.click()
    plot = page.locator("img[src^='data:image/png']").first
    plot.wait_for()
    assert plot.evaluate("image => image.naturalWidth") > 100
    page.wait_for_timeout(1_000)  # the dialog fades in
    page.screenshot(path=shots / "ui_checks.png")

    page.goto(f"{running.url}/assets/raw/lab_sessions?view=overview")
    page.get_by_text("team:data-engineering").or_(
        page.get_by_text("data-engineering")
    ).first.wait_for()
    page.wait_for_timeout(2_000)
    page.screenshot(path=shots / "ui_asset.png")

    page.goto(f"{running.url}/automation")
    page.get_by_text("missing_partitions").first.wait_for()
    page.screenshot(path=shots / "ui_automation.png")
    page.close()


def launched(running: Running) -> set[str]:
    """Return who launched runs with the foreign page's mutation."""
    return {run.tags[ATTACK] for run in running.instance.get_runs() if ATTACK in run.tags}


def ask(running: Running, method: str = "GET", path: str = "/", **headers: str) -> int:
    """Send a request like a program; return the status."""
    host, port = running.url.removeprefix("http://").split(":")
    with closing(HTTPConnection(host, int(port), timeout=60)) as connection:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status


def test_a_foreign_page_launches_no_run_and_sees_nothing(running: Running, browser: Any) -> None:
    running.wait_for(lambda: answers(running))
    page = browser.new_page()
    page.set_default_timeout(60_000)
    with foreign_page(running.url) as address:
        page.goto(address)
        page.wait_for_function("window.outcome")
        outcome = page.evaluate("window.outcome")
        frame = next(
            frame
            for frame in page.frames
            if frame.url.startswith(running.url) or "chrome-error" in frame.url
        )
        assert "Overview" not in frame.content(), "the UI is not shown in a frame"
    assert outcome["image"] == outcome["script"] == outcome["socket"] == "error"
    assert (outcome["simple"], outcome["json"]) == (
        "opaque 0",
        "TypeError",
    ), "sent, and nothing may be read"
    # The same mutation is accepted when the UI's own page sends it as JSON.
    page.goto(running.url)
    send = """query => fetch("/graphql", {
        method: "POST", headers: {"content-type": "application/json"},
        body: JSON.stringify({query})}).then(answer => answer.text())"""
    assert "LaunchRunSuccess" in page.evaluate(send, mutation("own"))
    overridden = {
        "resources": {
            "feed": {"config": {"api_url": "http://127.0.0.1:9", "api_token": {"env": "HOME"}}}
        }
    }
    assert "RunConfigValidationInvalid" in page.evaluate(send, mutation("overridden", overridden))
    page.close()
    assert launched(running) == {"own"}


def test_the_ui_answers_only_to_its_names_and_accepts_no_mutation_by_get(running: Running) -> None:
    running.wait_for(lambda: answers(running))
    assert ask(running) == ask(running, Host="localhost:1") == 200
    assert ask(running, Host="rebound.evil.example") == HTTPStatus.MISDIRECTED_REQUEST
    assert ask(running, path="/graphql?query={version}") == HTTPStatus.METHOD_NOT_ALLOWED
    plain = {"Content-Type": "text/plain"}
    assert (
        ask(running, "POST", "/graphql?query={version}", **plain)
        == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    )


@pytest.mark.slow
def test_a_backfill_over_a_day_that_was_never_delivered_ends_well(running: Running) -> None:
    running.wait_for(lambda: answers(running))
    running.wait_for(lambda: len(days(running, "lab_sessions")) == 11)
    wanted = [f"2026-10-{day}" for day in range(26, 32)] + ["2026-11-01"]
    assert len(days(running, "lab_sessions") & set(wanted)) == 6, "one of these days has no file"
    query = f"""mutation {{ launchPartitionBackfill(backfillParams: {{
        assetSelection: [{{path: ["raw", "lab_sessions"]}}],
        partitionNames: {json.dumps(wanted)}}}) {{
        __typename ... on LaunchBackfillSuccess {{ backfillId }} }} }}"""
    asked = Request(
        f"{running.url}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    backfill = json.load(urlopen(asked))["data"]["launchPartitionBackfill"]["backfillId"]

    def status() -> str:
        found = running.instance.get_backfill(backfill)
        assert found is not None
        return str(found.status.value)

    running.wait_for(lambda: status().startswith("COMPLETED"))
    assert status() == "COMPLETED_SUCCESS"
    assert days(running, "lab_sessions") >= set(wanted)


@pytest.mark.slow
def test_the_ui_follows_runs_over_its_websocket(running: Running, browser: Any) -> None:
    running.wait_for(lambda: answers(running))
    running.wait_for(lambda: bool(running.instance.get_runs()))
    page, frames = browser.new_page(), list[object]()
    page.set_default_timeout(60_000)
    # Registered before the page opens its socket: of a finished run no frame may follow later.
    # Playwright takes no built-in method as a handler.
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)),
    )
    page.goto(f"{running.url}/runs/{running.instance.get_runs()[-1].run_id}")
    running.wait_for(lambda: page.wait_for_timeout(100) or bool(frames))
    page.close()
