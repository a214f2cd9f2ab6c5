"""The sensor `ping`, requesting a real HTTP server on loopback."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus
from pydantic import SecretStr

from analytics_pipeline.orchestration.alerting.ping import not_working
from analytics_pipeline.orchestration.pinger import NotPinged, Pinger
from analytics_pipeline.vocareum.errors import UnsafeAddress
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline
from analytics_pipeline_tests.support.monitoring_service import SECRET, Monitor, monitoring_service
from analytics_pipeline_tests.support.sensor_ticks import Sensors

WORK = ("missing_partitions", "models_follow_loads", "alerts")
LIMIT = timedelta(minutes=45)


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with monitoring_service() as found:
        yield found


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as found:
        yield found


@pytest.fixture
def pipeline(start_pipeline: StartPipeline, monitor: Monitor) -> Pipeline:
    return start_pipeline(on_disk=True, PING_URL=monitor.url)


def evaluated(instance: dg.DagsterInstance, names: tuple[str, ...] = WORK) -> Sensors:
    """Store a good tick of some sensors, at most an hour old."""
    sensors = Sensors(instance)
    sensors.at = datetime.now(UTC).timestamp() - 600
    for name in names:
        sensors.tick(TickStatus.SKIPPED, name=name)
    return sensors


def fault(instance: dg.DagsterInstance, location: str = "one", **later: float) -> str:
    return not_working(instance, location, datetime.now(UTC) + timedelta(**later), LIMIT)


def test_a_daemon_that_works_pings_the_service(pipeline: Pipeline, monitor: Monitor) -> None:
    pipeline.tick("ping")
    evaluated(pipeline.instance)
    pipeline.tick("ping")
    assert monitor.requested == [SECRET, SECRET]


def test_without_a_url_nothing_is_pinged(start_pipeline: StartPipeline) -> None:
    pipeline = start_pipeline(on_disk=True)
    assert "PING_URL is not set" in str(pipeline.tick("ping").skip_reason)


def test_no_ping_is_sent_while_a_sensor_does_not_work(pipeline: Pipeline, monitor: Monitor) -> None:
    sensors = evaluated(pipeline.instance)
    sensors.tick(TickStatus.FAILURE)
    said = str(pipeline.tick("ping").skip_reason)
    assert "No ping, so that the monitoring service notices: missing_partitions failed at" in said
    assert "so nothing is loaded automatically." in said
    assert monitor.requested == []


@pytest.mark.parametrize("name", WORK)
def test_each_sensor_that_matters_stops_the_pings_while_it_fails(
    instance: dg.DagsterInstance, name: str
) -> None:
    sensors = evaluated(instance)
    assert fault(instance) == ""
    sensors.tick(TickStatus.FAILURE, name=name)
    assert fault(instance).startswith(f"{name} failed at ")
    sensors.tick(TickStatus.SKIPPED, name=name)
    assert fault(instance) == ""
    sensors.switch(InstigatorStatus.STOPPED, name=name)
    assert fault(instance).startswith(f"{name} is switched off, so ")


@pytest.mark.parametrize("name", ["load_daily_files", "load_monthly_files", "load_snapshot_files"])
def test_a_schedule_that_is_switched_off_stops_the_pings(
    instance: dg.DagsterInstance, name: str
) -> None:
    sensors = evaluated(instance, (*WORK, name))
    assert fault(instance) == ""
    sensors.switch(InstigatorStatus.STOPPED, name=name)
    kind = name.split("_")[1]
    unnoticed = f"{kind} files that are late or gone go unnoticed"
    assert fault(instance) == f"{name} is switched off, so {unnoticed}."


def test_a_sensor_that_is_no_longer_evaluated_stops_the_pings(instance: dg.DagsterInstance) -> None:
    evaluated(instance)
    assert fault(instance, minutes=30) == ""
    assert "has not been evaluated since" in fault(instance, minutes=60)


def test_a_sensor_that_was_never_evaluated_stops_the_pings_but_for_the_first_evaluation(
    instance: dg.DagsterInstance,
) -> None:
    evaluated(instance, WORK[:2])
    assert fault(instance) == "alerts has not been evaluated, so no alert is sent."
    assert not_working(instance, "one", datetime.now(UTC), LIMIT, is_first=True) == ""


def test_a_tick_that_a_wrong_clock_dated_ahead_proves_nothing(instance: dg.DagsterInstance) -> None:
    sensors = evaluated(instance)
    sensors.tick(TickStatus.FAILURE)
    sensors.at += timedelta(days=40).total_seconds()
    sensors.tick(TickStatus.SKIPPED)
    assert fault(instance).startswith("missing_partitions failed at ")


def test_only_the_sensors_of_its_own_organisation_count(instance: dg.DagsterInstance) -> None:
    sensors = evaluated(instance)
    sensors.tick(TickStatus.FAILURE, location="another")
    assert (fault(instance), fault(instance, "another") != "") == ("", True)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_ping_that_is_refused_is_an_error_that_names_no_address(
    monitor: Monitor, status: int
) -> None:
    monitor.status = status
    with pytest.raises(NotPinged) as raised:
        Pinger(SecretStr(monitor.url)).send()
    said = f"The monitoring service answered {status}. Check PING_URL."
    assert (str(raised.value), monitor.requested) == (said, [SECRET])
    assert raised.value.__context__ is None


def test_a_service_that_can_not_be_reached_is_an_error_that_names_no_address() -> None:
    with pytest.raises(NotPinged) as raised:
        Pinger(SecretStr(f"http://127.0.0.1:9{SECRET}")).send()
    assert "can't be reached (ConnectError). Check the network and PING_URL." in str(raised.value)
    assert SECRET not in repr(raised.value)


@pytest.mark.parametrize("url", ["http://example.org/s3cr3t", "ftp://example.org/s3cr3t", "s3cr3t"])
def test_an_address_without_encryption_is_refused_before_anything_is_sent(url: str) -> None:
    for use in (Pinger(SecretStr(url)).check, Pinger(SecretStr(url)).send):
        with pytest.raises(UnsafeAddress) as raised:
            use()
        assert "PING_URL" in str(raised.value) and "s3cr3t" not in str(raised.value)
