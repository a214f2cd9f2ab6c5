"""`analytics-pipeline demo`: load a simulated organisation with the real pipeline over HTTP."""

import shlex
import time
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING, Annotated

import typer

from analytics_pipeline.cli.console import command, fail, print_info
from analytics_pipeline.cli.demo_live import late_days, run_live
from analytics_pipeline.cli.demo_settings import (
    own_settings,
    program,
    this_command,
    use_simulation,
    write_env_file,
)
from analytics_pipeline.cli.options import PortOption, whole_number
from analytics_pipeline.cli.sync import run_sync
from analytics_pipeline.datasets import Cadence, classify
from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.settings import Settings

if TYPE_CHECKING:  # the demo's packages are optional
    from analytics_pipeline.demo.organisation import Organisation
    from analytics_pipeline.demo.servers import DemoVocareum

NIGHTLY = time_of_day(3, tzinfo=UTC)
"""When the simulated vendor's job writes a day's files: at three the next morning (UTC)."""

NEXT_STEPS = """
# Next steps. The courses:
{command} query "SELECT * FROM marts.course_summary"
# Rejected records, and why:
{command} quarantine list
# The charts:
{command} report --open
# The Dagster UI on http://127.0.0.1:3000, until Ctrl-C. Nothing new is delivered:
{command} dev
# The UI, and a new day each minute, to see sensors, checks and alerts:
{command} demo --live
# For your own organisation set ANALYTICS_DATA_DIR to another folder than {data},
# fill in a copy of .env.example called .env, and run: analytics-pipeline doctor"""
"""Whole shell input: bash skips the comments, zsh reports each as a command that it can't find."""

DaysOption = Annotated[
    int,
    typer.Option(
        parser=whole_number(12, 1_500),
        metavar="INTEGER",
        help="Days of history, up to yesterday: 12 to 1500.",
    ),
]
ServeOption = Annotated[
    bool,
    typer.Option(
        "--serve",
        help="Keep the simulated Vocareum running afterwards, for the UI; stop it with Ctrl-C.",
    ),
]
LiveOption = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Then run the Dagster UI, and deliver a new day each minute; ends with Ctrl-C.",
    ),
]
EveryOption = Annotated[
    int,
    typer.Option(
        parser=whole_number(1), metavar="INTEGER", help="Seconds between two new days of --live."
    ),
]


@command
def demo(
    days: DaysOption = 90,
    serve: ServeOption = False,
    live: LiveOption = False,
    every: EveryOption = 60,
    port: PortOption = 3000,
) -> None:
    """Load a simulated organisation.

    Serves an API, an S3 and eight flawed datasets on this machine, and loads them with the real
    pipeline over HTTP. With --live the last days arrive one by one while the Dagster UI runs. One
    of their files is broken at first, to show sensors, automation, checks and alerts in action.
    Alerts are printed here.
    """
    try:
        from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
        from analytics_pipeline.demo.servers import DemoVocareum
    except ModuleNotFoundError as error:
        fail(f"The demo needs {error.name}: install analytics-pipeline[demo].")
    settings = own_settings()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    organisation = Organisation(OrganisationSpec(last_day=yesterday, days=days, oddities=True))
    with DemoVocareum(org_id=organisation.spec.org_id, bucket="demo-lab-analytics") as vocareum:
        print_info(
            f"Serving a simulated organisation on this machine: {days} days up to {yesterday}."
        )
        late = late_days(organisation.files(), vocareum.prefix, yesterday) if live else {}
        _deliver(vocareum, organisation, {key for files in late.values() for key in files})
        settings = use_simulation(vocareum, organisation, settings)
        code = run_sync(settings, Selection())
        if live:
            raise typer.Exit(run_live(vocareum, late, every, port))
        print_info(NEXT_STEPS.format(command=this_command(settings), data=settings.data_dir))
        if serve:
            _serve(settings)
    raise typer.Exit(code)


def _deliver(vocareum: "DemoVocareum", organisation: "Organisation", late: Collection[str]) -> None:
    """Put the organisation's files into the bucket, except the late ones."""
    newest, rewritten = organisation.spec.last_day, organisation.truth.rewritten
    for key, body in organisation.files().items():
        if key not in late:
            night = rewritten.get(key, _covered_until(key.removeprefix(vocareum.prefix), newest))
            vocareum.put(key, body, datetime.combine(night + timedelta(days=1), NIGHTLY))


def _covered_until(key: str, newest: date) -> date:
    """Return the last day that a file covers; it is last written the night after."""
    classified = classify(key)
    start = classified[1].start if classified else None
    if classified is None or start is None:
        return newest
    month_end = (start.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return min(newest, month_end if classified[0].cadence is Cadence.MONTHLY else start)


def _serve(settings: Settings) -> None:
    path = shlex.quote(str(write_env_file(settings)))
    print_info(
        "\n# The simulated Vocareum runs until Ctrl-C. In another terminal:\n"
        f"{shlex.join(program())} --env-file {path} status"
    )
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print_info("The simulated Vocareum has stopped.")
