"""A pipeline for each test: a simulated Vocareum, a data folder, a Dagster instance, and a stand-in
for the daemon that ticks a sensor or a schedule and runs the requests in this process."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.raw.retry_policy import RETRY_POLICY, RetryPolicy
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline_tests.support.clocks import Clock
from analytics_pipeline_tests.support.webhook import Webhook, running_webhook

SETTINGS = (
    *("VOCAREUM_ORG_ID", "VOCAREUM_API_TOKEN"),
    *("ALERT_WEBHOOK_URL", "ALERT_URLS", "PING_URL"),
)


@dataclass
class Pipeline:
    """The pipeline under test, and a daemon made of method calls."""

    vocareum: DemoVocareum
    settings: Settings
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    clock: Clock
    cursors: dict[str, str | None] = field(default_factory=dict)

    @property
    def location(self) -> Location:
        """The code location."""
        return Location.of(self.settings)

    def tick(
        self, sensor: str = "missing_partitions", *, cursor: str | None = None
    ) -> dg.SensorResult:
        """Evaluate a sensor as the daemon would, and keep its cursor and events."""
        repository = self.definitions.get_repository_def()
        context = dg.build_sensor_context(
            instance=self.instance,
            repository_def=repository,
            cursor=cursor or self.cursors.get(sensor),
            resources=self.definitions.resources,
        )
        result = repository.get_sensor_def(sensor)(context)
        if isinstance(result, dg.SkipReason):
            return dg.SensorResult(skip_reason=result)
        self.cursors[sensor] = result.cursor
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        return result

    def tick_schedule(self, name: str, at: datetime) -> dg.RunRequest | dg.SkipReason:
        """Evaluate a schedule as the daemon would at that time."""
        repository = self.definitions.get_repository_def()
        context = dg.build_schedule_context(
            self.instance, scheduled_execution_time=at, resources=self.definitions.resources
        )
        return repository.get_schedule_def(name)(context)

    def run(self, request: dg.RunRequest, job: str | None = None) -> dg.ExecuteInProcessResult:
        """Execute a request, once per run key like the daemon."""
        key = {"dagster/run_key": request.run_key} if request.run_key else {}
        assert not key or not self.instance.get_runs(dg.RunsFilter(tags=key)), (
            "this key has a run: it is suppressed"
        )
        found = self.definitions.get_repository_def().get_job(request.job_name or job or "")
        return found.execute_in_process(
            run_config={
                **request.run_config,
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            instance=self.instance,
            asset_selection=request.asset_selection,
            tags={
                "dagster/sensor_name": "the daemon's",
                **self.location.run_tags,  # the daemon makes them of the run's origin
                **request.tags,
                **key,
            },
            raise_on_error=False,
        )

    def tick_and_run(self) -> list[dg.ExecuteInProcessResult]:
        """Run one tick of the sensor, and all runs that it requests."""
        return [self.run(request) for request in self.tick().run_requests or []]

    def tick_and_load(self) -> None:
        """Run one tick of the sensor and its runs, of which there is one at least, and all
        succeed.
        """
        runs = self.tick_and_run()
        assert runs, "the sensor requests nothing"
        assert [run.run_id for run in runs if not run.success] == []

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Query the warehouse."""
        with closing(
            duckdb.connect(str(self.settings.warehouse_path), read_only=True)
        ) as connection:
            return connection.execute(query).fetchall()

    def check(self, asset: str, name: str) -> Any:
        """Return the last evaluation of a check."""
        key = dg.AssetCheckKey(self.location.model_key(asset), name)
        record = self.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
        return record.event.dagster_event.asset_check_evaluation_data


@pytest.fixture
def vocareum(vocareum: DemoVocareum) -> Iterator[DemoVocareum]:
    yield vocareum
    vocareum.clear()


StartPipeline = Callable[..., Pipeline]


@pytest.fixture
def start_pipeline(
    vocareum: DemoVocareum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StartPipeline]:
    """Start a pipeline; several in one test are separate installations."""
    started: list[Pipeline] = []

    def start(
        start_date: str = "2026-10-20",
        retry_policy: RetryPolicy = RETRY_POLICY,
        *,
        on_disk: bool = False,
        **environment: str,
    ) -> Pipeline:
        folder = tmp_path / f"data{len(started)}"
        variables = {
            "ANALYTICS_DATA_DIR": str(folder),
            "VOCAREUM_START_DATE": start_date,
            **vocareum.environment,
        }
        for name, value in (variables | environment).items():
            monkeypatch.setenv(name, value)
        settings, clock = load_settings(), Clock()
        definitions = build_definitions(settings, clock=clock, retry_policy=retry_policy)
        instance = open_instance(settings) if on_disk else dg.DagsterInstance.ephemeral()
        started.append(Pipeline(vocareum, settings, instance, definitions, clock))
        return started[-1]

    yield start
    for pipeline in started:
        pipeline.instance.dispose()


@pytest.fixture
def pipeline(start_pipeline: StartPipeline) -> Pipeline:
    """A pipeline with an empty bucket."""
    return start_pipeline()


def lab_sessions(day: str, rows: int = 1, *, header: str | None = None) -> tuple[str, bytes]:
    """Return key and body of a small lab_sessions file."""
    columns = header or (
        "user_id,user_email,course_id,course_name,assignment_id,assignment_name,part_id,part_name,lab_type,start_time,"
        "end_time,duration_min,log,tags,launch_time,init_time,launch_to_ready_duration_mins,concurrent_labs_count,"
        "disconnects,latency_time_ms"
    )
    at = datetime.fromisoformat(day).strftime("%b-%d-%Y")
    row = (
        f"{{n}},u{{n}}@example.org,1,Course,2,Assignment,3,Part,Cloud,{at} 9:00:00 am UTC,{at}"
        f" 9:30:00 am UTC,30,,,{at} 8:59:00 am UTC,{at} 9:01:00 am UTC,2,1,0,20"
    )
    body = "\n".join([columns, *(row.format(n=n + 1) for n in range(rows))]) + "\n"
    return f"org9001/lab_sessions/lab_sessions_{day}.csv", body.encode()


def put_sessions(vocareum: DemoVocareum, *days: str, rows: int = 1) -> None:
    """Deliver a small lab_sessions file for each day."""
    for day in days:
        vocareum.put(*lab_sessions(day, rows))


def marked(run: dg.ExecuteInProcessResult) -> set[str]:
    """Return the partitions of lab_sessions that a run materialized."""
    events = run.get_asset_materialization_events()
    return {event.partition for event in events if event.asset_key.path == ["raw", "lab_sessions"]}


def spans(requests: Sequence[dg.RunRequest] | None) -> list[tuple[str, str]]:
    """Return the requested ranges."""
    start, end = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
    return [
        (request.tags[start], request.tags[end])
        for request in requests or []
        if start in request.tags
    ]


def reported(result: dg.SensorResult) -> list[str]:
    """Return the kinds of unknown files that a tick reported."""
    tables = [event.metadata["unknown_files"] for event in result.asset_events]
    return [
        json.loads(json.dumps(record.data))["kind"] for table in tables for record in table.records
    ]


DAY = date(2026, 11, 7)


@pytest.fixture
def loaded(pipeline: Pipeline) -> Pipeline:
    """A pipeline that loaded three days of a small organisation; no model is built yet."""
    files = Organisation(OrganisationSpec.small(last_day=DAY, flaws=False)).files()
    older = [f"_{DAY - timedelta(days=n)}.csv" for n in range(3, 12)]
    pipeline.vocareum.put_many(
        {key: body for key, body in files.items() if not key.endswith(tuple(older))}
    )
    pipeline.tick_and_load()
    return pipeline


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Serve a recipient of alerts."""
    with running_webhook() as hook:
        yield hook
