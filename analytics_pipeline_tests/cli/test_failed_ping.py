"""What `status` and `doctor` say about the monitoring service that Dagster pings."""

import json
from datetime import UTC, datetime
from pathlib import Path

from dagster._core.scheduler.instigation import TickStatus
from dagster._utils.error import SerializableErrorInfo

from analytics_pipeline.orchestration.pinger import NotPinged
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.sensor_ticks import Sensors

SAID = "The monitoring service answered 404. Check PING_URL."
CAUSE = SerializableErrorInfo(f"{NotPinged.__module__}.NotPinged: {SAID}\n", [], "NotPinged")
ERROR = SerializableErrorInfo("SensorExecutionError: Error occurred", [], "E", cause=CAUSE)


def test_status_and_doctor_show_that_the_monitoring_service_gets_no_ping(
    run: Run,
    synced: Path,
    sensors: Sensors,
) -> None:
    sensors.tick(TickStatus.FAILURE, name="ping", error=ERROR)
    since = datetime.fromtimestamp(sensors.at, UTC)
    assert "monitoring service" not in run("status").output, "the daemon is stopped"
    sensors.beat()
    shown = f"The monitoring service has got no ping since {since:%Y-%m-%d %H:%M} UTC: {SAID} The"
    for command in ("status", "doctor"):
        result = run(command)
        assert (result.exit_code, shown in result.stderr) == (1, True), result.output
    assert "Incomplete: the monitoring service gets no ping, see above." in run("status").output
    found = json.loads(run("status", "--json").stdout)
    assert (found["complete"], found["daemon"]["failed_tick"]) == (False, None)
    failed = found["daemon"]["failed_ping"]
    assert (failed["sensor"], failed["since"]) == ("ping", since.isoformat())
    assert (failed["error"], "Automation, ping" in failed["remedy"]) == (SAID, True)
    sensors.tick(TickStatus.SKIPPED, name="ping")
    assert (run("status").exit_code, run("doctor").exit_code) == (0, 0)


def test_doctor_says_whether_somebody_is_told_that_the_machine_stopped(
    run: Run, synced: Path
) -> None:
    said = "PING_URL is not set: nobody is told if the daemon or this machine stops"
    assert said in run("doctor").output
    assert said not in run("doctor", PING_URL="https://hc-ping.com/s3cr3t").output
    unsafe = run("doctor", PING_URL="http://hc-ping.com/s3cr3t")
    assert (unsafe.exit_code, "s3cr3t" in unsafe.output) == (2, False), unsafe.output
    assert "The address in PING_URL is not safe for secrets." in unsafe.output
