"""A sensor that a living daemon does not evaluate, or that is switched off, loads nothing.

Whether it works is unknown if Dagster's records can't be read.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus

from analytics_pipeline.orchestration.dagster_files import DAEMON_LOCK
from analytics_pipeline.orchestration.sensor_faults import silent_sensor
from analytics_pipeline_tests.cli.conftest import Run, status_json
from analytics_pipeline_tests.support.sensor_ticks import Sensors


def test_a_sensor_that_a_living_daemon_does_not_evaluate_is_a_fault(
    run: Run, synced: Path, sensors: Sensors
) -> None:
    """It is evaluated every 15 minutes, and an evaluation takes no more than 15."""
    sensors.tick(TickStatus.SKIPPED)
    sensors.tick(TickStatus.STARTED)
    since = f"{datetime.fromtimestamp(sensors.at, UTC):%Y-%m-%d %H:%M} UTC"
    sensors.beat()
    said = f"has not evaluated its sensor missing_partitions since {since}, so nothing is loaded"
    status = run("status")
    assert (status.exit_code, said in status.stderr) == (1, True), status.output
    assert "Incomplete: Dagster's sensor does not work, see above." in status.output
    document = status_json(run)[1]
    silent = document["daemon"]["silent_sensor"]
    assert (document["complete"], "code location" in silent["remedy"]) == (False, True)
    doctor = run("doctor")
    assert (doctor.exit_code, said in doctor.stderr) == (1, True), doctor.output
    assert run("status", FEED_POLL_SECONDS="3600").exit_code == 0, "it waits longer between two"
    for _ in range(30):
        sensors.tick(TickStatus.SKIPPED)
    status = run("status")
    assert (status.exit_code, "missing_partitions" in status.output) == (0, False), status.output


@pytest.mark.parametrize(
    ("newest", "lock", "is_silent"),
    [
        (None, None, False),  # it is not known since when the daemon runs
        (None, -3_600, True),  # its first evaluation is overdue
        (None, -60, False),
        (-86_400, -60, False),  # it has just started again
        (-86_400, -3_600, True),
        (-60, -86_400, False),
        (86_400, -3_600, True),  # by a clock that was ahead
        (86_400, -60, False),
    ],
)
def test_an_evaluation_is_overdue_from_the_newest_one_or_the_daemons_start(
    sensors: Sensors, data: Path, newest: int | None, lock: int | None, is_silent: bool
) -> None:
    home, now = data / "dagster", time.time()
    if newest is not None:
        sensors.at = now + newest - 60
        sensors.tick(TickStatus.SUCCESS)
    if lock is not None:
        (home / DAEMON_LOCK).touch()
        os.utime(home / DAEMON_LOCK, (now + lock, now + lock))
    found = silent_sensor(home, "", datetime.fromtimestamp(now, UTC), timedelta(minutes=15))
    assert (found is not None) == is_silent


def test_a_sensor_that_was_switched_off_is_named_and_is_no_fault(
    run: Run, synced: Path, sensors: Sensors
) -> None:
    for name in ("missing_partitions", "alerts", "old_runs", "load_daily_files"):
        sensors.tick(TickStatus.SKIPPED, name=name)
        sensors.switch(InstigatorStatus.STOPPED, name=name)
    assert "Switched off" not in run("status").output, "the daemon is stopped"
    sensors.beat()
    said = (
        "Switched off in the Dagster UI: missing_partitions (nothing is loaded automatically),"
        " alerts (no alert is sent), load_daily_files (daily files that are late or gone go"
        " unnoticed)."
    )
    for command in ("status", "doctor"):
        result = run(command)
        assert (result.exit_code, said in result.stderr) == (0, True), result.output
    daemon = status_json(run)[1]["daemon"]
    assert daemon["switched_off"] == ["missing_partitions", "alerts", "load_daily_files"]
    sensors.tick(TickStatus.SKIPPED)
    for name in ("missing_partitions", "alerts", "load_daily_files"):
        sensors.switch(InstigatorStatus.RUNNING, name=name)
    sensors.at = time.time()
    sensors.tick(TickStatus.SKIPPED)
    status = run("status")
    assert (status.exit_code, "Switched off" in status.output) == (0, False), status.output


@pytest.mark.parametrize("database", ["history/runs.db", "schedules/schedules.db"])
def test_records_that_cannot_be_read_are_no_stopped_daemon_and_no_working_sensor(
    run: Run, synced: Path, sensors: Sensors, database: str
) -> None:
    sensors.at = time.time()
    sensors.tick(TickStatus.SKIPPED)
    sensors.beat()
    file = synced / "dagster" / database
    said = f"Whether Dagster's daemon works is unknown, as {file} can't be read: "
    aside = file.rename(file.with_name("aside"))
    file.mkdir()
    status, doctor, document = run("status"), run("doctor"), status_json(run)[1]
    restore = run("restore", str(synced.parent / "backup"))
    file.rmdir()
    aside.rename(file)
    for result in (status, doctor):
        assert (result.exit_code, said in result.stderr) == (1, True), result.output
    assert "Dagster's daemon: unknown" in status.output
    assert "Incomplete: it is unknown whether Dagster's daemon works" in status.output
    assert said in document["daemon"]["unreadable"]
    if database == "history/runs.db":
        assert restore.exit_code == 2, restore.output
        assert "no backup" not in restore.output, "it is refused before it looks for one"
    assert run("status").exit_code == 0
