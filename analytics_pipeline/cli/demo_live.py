"""`analytics-pipeline demo --live`: the Dagster UI while new days are delivered."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from analytics_pipeline.cli.console import DONE, print_error, print_info
from analytics_pipeline.datasets import Cadence, classify

if TYPE_CHECKING:  # the demo's packages are optional
    from analytics_pipeline.demo.servers import DemoVocareum

LIVE_DAYS = 5
"""Days to deliver one by one while the UI runs."""


def late_days(
    files: Mapping[str, bytes], prefix: str, newest: date
) -> dict[date, dict[str, bytes]]:
    """Return the daily files of the last days, by day: `run_live` delivers them."""
    late: dict[date, dict[str, bytes]] = {}
    for key, body in files.items():
        placed = classify(key.removeprefix(prefix))
        day = placed[1].start if placed and placed[0].cadence is Cadence.DAILY else None
        if day and (newest - day).days < LIVE_DAYS:
            late.setdefault(day, {})[key] = body
    return late


def run_live(
    vocareum: "DemoVocareum", late: Mapping[date, Mapping[str, bytes]], every: int, port: int
) -> int:
    """Run the Dagster UI and deliver the late days until it ends; return its exit code."""
    from analytics_pipeline.demo.live import steps, webhook

    with webhook(lambda text: print_error(f"ALERT {text}")) as url:
        os.environ |= {
            "ALERT_WEBHOOK_URL": url,
            "FEED_POLL_SECONDS": "30",
            "DAGSTER_UI_URL": f"http://127.0.0.1:{port}",
        }
        print_info(
            f"A new day is delivered every {every} s; the newest are {LIVE_DAYS} days late, which"
            " causes alerts at first."
        )
        program = [sys.executable, "-m", "analytics_pipeline", "dev", "--port", str(port)]
        with subprocess.Popen(program) as ui:  # noqa: S603
            try:
                for step in steps(late):
                    with suppress(subprocess.TimeoutExpired):
                        return ui.wait(every)
                    for key, body in step.files.items():
                        vocareum.put(key, body)
                    print_info(f"{datetime.now(UTC):%H:%M:%S} {step.text}")
            except KeyboardInterrupt:  # also ends the UI, which shares the terminal
                return ui.wait()
    return DONE
