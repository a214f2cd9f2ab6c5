"""Two organisations in one Dagster instance, as one code location each: neither sees the other's
history, runs or marks.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration import daemon
from analytics_pipeline.orchestration.asset_keys import Location, LocationMisnamed
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.runs.processes import WORKER_TAG, living_runs
from analytics_pipeline.orchestration.runs.retention import delete_old_runs
from analytics_pipeline.orchestration.runs.run_records import RunState, known_runs
from analytics_pipeline.settings import Settings, SettingsError, load_settings
from analytics_pipeline_tests.orchestration.conftest import Pipeline, lab_sessions
from analytics_pipeline_tests.orchestration.test_alerts import BAD
from analytics_pipeline_tests.orchestration.test_alerts import THIRD as YESTERDAY
from analytics_pipeline_tests.support.clocks import Clock
from analytics_pipeline_tests.support.today import TODAY
from analytics_pipeline_tests.support.webhook import Webhook

FIRST, SECOND = "2026-11-01", "2026-11-02"
LATE = f"{TODAY - timedelta(days=10)}"
"""Long enough ago to be late, and too recent to be taken for the end of the feed."""


@dataclass
class Pair:
    """Two organisations with a data folder each, and the Dagster instance that they share."""

    one: Pipeline
    other: Pipeline

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.one.instance

    def deliver(self, to: Pipeline, day: str, rows: int = 1, body: bytes = b"") -> None:
        """Deliver lab sessions of a day to one of them."""
        key, good = lab_sessions(day, rows)
        to.vocareum.put(key.replace("org9001", to.location.prefix), body or good)


@pytest.fixture
def pair(tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setenv("DAGSTER_HOME", "")
    with ExitStack() as stack:
        pipelines = []
        for org in ("9417", "9418"):
            vocareum = stack.enter_context(DemoVocareum(org))
            with monkeypatch.context() as patch:
                for name, value in {
                    **vocareum.environment,
                    "ANALYTICS_DATA_DIR": str(tmp_path / org),
                    "ANALYTICS_DAGSTER_HOME": str(tmp_path / "dagster"),
                    "ANALYTICS_KEY_PREFIX": "true",
                    "VOCAREUM_START_DATE": "2026-10-20",
                    "ALERT_WEBHOOK_URL": webhook.url,
                }.items():
                    patch.setenv(name, value)
                settings, clock = load_settings(), Clock()
            definitions = build_definitions(settings, clock=clock)
            if not pipelines:
                instance = stack.enter_context(open_instance(settings))
            pipelines.append(Pipeline(vocareum, settings, instance, definitions, clock))
        yield Pair(*pipelines)


def keys(settings: Settings) -> set[str]:
    """Return every asset key that the definitions name: of assets, upstream ones, and checks."""
    graph = build_definitions(settings).get_repository_def().asset_graph
    found = {key for node in graph.asset_nodes for key in (node.key, *node.parent_keys)}
    return {
        key.to_user_string()
        for key in found | {check.asset_key for check in graph.asset_check_keys}
    }


def test_asset_keys_have_no_prefix_unless_it_is_set(tmp_path: Path) -> None:
    plain = keys(Settings(ANALYTICS_DATA_DIR=str(tmp_path), VOCAREUM_ORG_ID="9417"))
    assert {"vocareum/bucket", "raw/lab_sessions", "raw/budgets", "published/analytics"} <= plain
    assert {key.split("/")[0] for key in plain} == {
        *("vocareum", "ops", "raw", "staging", "marts", "published"),
    }
    assert Location().run_tags == {}
    prefixed = keys(
        Settings(
            ANALYTICS_DATA_DIR=str(tmp_path), VOCAREUM_ORG_ID="9417", ANALYTICS_KEY_PREFIX="true"
        )
    )
    assert prefixed == {f"org9417/{key}" for key in plain}


def test_a_prefix_without_an_organisation_is_refused_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANALYTICS_KEY_PREFIX", "true")
    monkeypatch.setenv("VOCAREUM_ORG_ID", "")
    with pytest.raises(SettingsError, match="VOCAREUM_ORG_ID is not set"):
        load_settings()


def test_each_loads_its_own_file_of_the_same_day_and_sees_only_its_own_runs(pair: Pair) -> None:
    pair.deliver(pair.one, FIRST, rows=1)
    pair.deliver(pair.other, FIRST, rows=2)
    pair.one.tick_and_load()
    assert (
        pair.other.instance.get_materialized_partitions(
            pair.other.location.model_key("raw.lab_sessions")
        )
        == set()
    )
    pair.other.tick_and_load()
    assert pair.one.rows("SELECT count(*) FROM raw.lab_sessions") == [(1,)]
    assert pair.other.rows("SELECT count(*) FROM raw.lab_sessions") == [(2,)]
    [ours], [theirs] = (
        known_runs(pair.instance, pipeline.location) for pipeline in (pair.one, pair.other)
    )
    assert (ours.assets, theirs.assets) == ({"raw.lab_sessions"}, {"raw.lab_sessions"})
    assert ours.run_id != theirs.run_id
    assert pair.one.tick().run_requests == [] and pair.other.tick().run_requests == []


@pytest.mark.thorough
def test_a_bad_file_of_one_turns_only_its_check_red_and_the_alert_names_it(
    pair: Pair, webhook: Webhook
) -> None:
    for pipeline in (pair.one, pair.other):
        pair.deliver(pipeline, FIRST)  # late at each time of day
        pipeline.tick_and_load()
    pair.deliver(pair.one, YESTERDAY, body=BAD)
    pair.deliver(pair.other, YESTERDAY)
    [run] = pair.one.tick_and_run()
    assert not run.success
    pair.other.tick_and_load()
    assert schema_and_newest(pair.one) == [False, False]
    assert schema_and_newest(pair.other) == [True, True]
    pair.other.tick("alerts")
    assert webhook.texts == []
    pair.one.tick("alerts")
    failed, late = webhook.texts
    assert failed.startswith(f":red_circle: org9417: raw.lab_sessions ({YESTERDAY}) failed")
    assert late.startswith(":red_circle: org9417: raw.lab_sessions newest_is_loaded failed")
    assert "org9418" not in failed + late
    pair.deliver(pair.one, YESTERDAY)
    pair.one.tick_and_load()
    pair.one.tick("alerts")
    [resolved] = webhook.texts[2:]
    both = "raw.lab_sessions, raw.lab_sessions newest_is_loaded"
    assert resolved.startswith(f":white_check_mark: org9417: Resolved: {both}")


def test_a_late_file_of_one_turns_only_its_check_red_and_the_alert_names_it(
    pair: Pair, webhook: Webhook
) -> None:
    pair.deliver(pair.one, YESTERDAY)
    pair.deliver(pair.other, LATE)
    for pipeline in (pair.one, pair.other):
        pipeline.tick_and_load()
        pipeline.tick("alerts")
    assert schema_and_newest(pair.one) == [True, True]
    assert schema_and_newest(pair.other) == [True, False]
    [text] = webhook.texts
    assert text.startswith(":red_circle: org9418: raw.lab_sessions newest_is_loaded failed")


def schema_and_newest(pipeline: Pipeline) -> list[bool]:
    return [
        pipeline.check("raw.lab_sessions", name).passed for name in ("schema", "newest_is_loaded")
    ]


@pytest.mark.thorough
def test_a_backfill_of_one_does_not_mark_the_others_partitions(pair: Pair) -> None:
    pair.deliver(pair.one, FIRST)
    pair.deliver(pair.other, FIRST)
    backfill = dg.RunRequest(
        asset_selection=[pair.one.location.model_key("raw.lab_sessions")],
        tags={
            "dagster/asset_partition_range_start": FIRST,
            "dagster/asset_partition_range_end": "2026-11-05",
            "dagster/backfill": "all of them",
        },
    )
    assert pair.one.run(backfill, "load_daily").success
    days = [
        pair.instance.get_materialized_partitions(pipeline.location.model_key("raw.lab_sessions"))
        for pipeline in (pair.one, pair.other)
    ]
    assert days == [{f"2026-11-0{day}" for day in range(1, 6)}, set()]
    assert [request.partition_key for request in pair.other.tick().run_requests or []] == [None]
    assert pair.instance.get_asset_keys() and {
        key.path[0] for key in pair.instance.get_asset_keys()
    } == {"org9417"}


@pytest.mark.thorough
def test_retention_in_one_keeps_the_runs_and_the_events_of_the_other(pair: Pair) -> None:
    for pipeline in (pair.one, pair.other):
        for day in (FIRST, SECOND):
            pair.deliver(pipeline, day)
            pipeline.tick_and_load()
            for _ in range(2):  # the newest is always kept
                event = dg.AssetMaterialization(
                    pipeline.location.model_key("raw.lab_sessions"), partition=day
                )
                pair.instance.report_runless_asset_event(event)

    def left(pipeline: Pipeline) -> tuple[int, int]:
        events = pair.instance.fetch_materializations(
            pipeline.location.model_key("raw.lab_sessions"), limit=100
        )
        return len(known_runs(pair.instance, pipeline.location)), len(events.records)

    before = left(pair.other)
    assert left(pair.one) == before
    assert before[0] == 2 and before[1] > 5, "a run and two events outside of runs for each day"
    much_later = datetime.now(UTC) + timedelta(days=100)
    deleted = delete_old_runs(
        pair.instance, pair.one.location, much_later, timedelta(days=1), attempts=5
    )
    assert deleted == 1
    assert left(pair.one) == (1, 3), (
        "the newest run with its event, and the newest event of each day"
    )
    assert left(pair.other) == before


def test_each_ends_its_own_dead_runs_and_the_daemons_start_those_of_all(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {}
    for pipeline in (pair.one, pair.other):
        job = pipeline.definitions.get_repository_def().get_job("load_daily")
        run = pair.instance.create_run_for_job(
            job, status=dg.DagsterRunStatus.STARTED, tags=dict(pipeline.location.run_tags)
        )
        gone = f"{run.run_id[:8]}@{os.uname().nodename}@another-boot:1:{os.getpid()}"
        pair.instance.add_run_tags(run.run_id, {WORKER_TAG: gone})
        runs[pipeline.location] = run.run_id

    def states() -> list[RunState]:
        return [known_runs(pair.instance, location)[0].state for location in runs]

    assert living_runs(pair.instance, pair.one.location) == []
    assert states() == [RunState.FAILED, RunState.IN_FLIGHT]
    monkeypatch.setattr("dagster._daemon.cli.main", lambda: None)
    monkeypatch.setenv("ANALYTICS_DAGSTER_HOME", str(pair.one.settings.dagster_home))
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(pair.one.settings.data_dir))
    daemon.main()
    assert states() == [RunState.FAILED, RunState.FAILED]


@pytest.mark.first_forms(1)
@pytest.mark.parametrize("sensor", ["missing_partitions", "alerts", "old_runs"])
def test_a_location_with_another_name_than_its_keys_fails_instead_of_seeing_no_runs(
    pair: Pair, sensor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        dg.SensorEvaluationContext,
        "code_location_origin",
        SimpleNamespace(location_name="analytics_pipeline"),
    )
    with pytest.raises(LocationMisnamed, match=r"is called analytics_pipeline.*workspace add FILE"):
        pair.one.tick(sensor)
