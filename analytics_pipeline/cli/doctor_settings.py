"""What `analytics-pipeline doctor` checks of the settings, and the form of its verdicts."""

import os
from dataclasses import dataclass

from analytics_pipeline.cli.budgets import unknown_ids
from analytics_pipeline.cli.env_file import find_env_file
from analytics_pipeline.env_file import read_values
from analytics_pipeline.ingest.plan import ClassifiedListing, plan
from analytics_pipeline.operations.check_budgets import check_budgets
from analytics_pipeline.orchestration.notifier import Notifier
from analytics_pipeline.orchestration.pinger import Pinger
from analytics_pipeline.settings import Settings, require
from analytics_pipeline.settings.unknown import unknown_names
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.ledger import loaded_versions
from analytics_pipeline.words import counted


@dataclass(frozen=True)
class Verdict:
    """Result of one check.

    Attributes:
        passed: whether a run can begin.
        finding: what was found, with its remedy.
        warns: whether somebody should look at it although it passed.
    """

    passed: bool
    finding: str
    warns: bool = False

    @property
    def label(self) -> tuple[str, str]:
        """Return the word before the finding, and its colour."""
        if not self.passed:
            return "FAIL", "red"
        return ("warn", "yellow") if self.warns else ("ok  ", "green")


def check_settings(settings: Settings) -> Verdict:
    """Check what a run requires, the warehouse's organisation and the form of the alert URLs."""
    require(settings)
    _same_organisation(settings)
    if (notifier := _notifier(settings)).has_recipients:
        notifier.check()
    if (pinger := Pinger(settings.ping_url)).is_set:
        pinger.check()
    return Verdict(
        True,
        f"org{settings.org_id}, {_first_day(settings)}, data in {settings.data_dir.absolute()}",
    )


def _notifier(settings: Settings) -> Notifier:
    return Notifier(settings.alert_webhook_url, settings.alert_urls, settings.ui_url)


def check_alerts(settings: Settings) -> Verdict:
    """Return how many recipients alerts have, and whether a monitoring service is pinged."""
    if recipients := _notifier(settings).recipients:
        is_set = "is set" if recipients == 1 else "are set"
        alerts = f"{counted(recipients, 'recipient')} {is_set}"
    else:
        alerts = (
            "none set: failures are shown only in the UI and by `status`. Set ALERT_URLS to send"
            " them"
        )
    if Pinger(settings.ping_url).is_set:
        return Verdict(True, alerts)
    return Verdict(
        True,
        f"{alerts}. PING_URL is not set: nobody is told if the daemon or this machine stops",
    )


def unknown_settings() -> str:
    """Name the variables that are no setting; empty if there are none. Shows no value."""
    file = find_env_file()
    unknown = unknown_names(read_values(file) if file else (), os.environ)
    names = [
        f"{name} (do you mean {nearest}?)" if nearest else name for name, nearest in unknown.items()
    ]
    places = f"{file} or the environment" if file else "the environment"
    return (
        f"the pipeline has no setting {', '.join(names)}. Correct it in {places}, or leave it if"
        " another program reads it"
        if names
        else ""
    )


def _first_day(settings: Settings) -> str:
    if settings.start_date or settings.learned_first_day:
        return f"from {settings.first_day}"
    return "from the first day that Vocareum delivered (the first `sync` or daemon learns it)"


def check_hand_written(settings: Settings) -> Verdict:
    """Check whether every line of budgets and course labels can be loaded; name unknown ids."""
    checked = check_budgets(settings)
    if not checked.is_clean:
        return Verdict(
            False,
            "they can't be loaded completely. See why with `analytics-pipeline budgets check`",
        )
    rows = ", ".join(f"{name}: {counted(file.rows, 'row')}" for name, file in checked.files.items())
    return Verdict(True, ". ".join([rows, *unknown_ids(checked)]))


def _same_organisation(settings: Settings) -> None:
    """Raise the same error as `sync` if the folder holds another organisation's warehouse."""
    warehouse = warehouse_of(settings)
    if warehouse.exists():
        with warehouse.read() as connection:
            plan(ClassifiedListing(f"org{settings.org_id}/", ()), loaded_versions(connection))
