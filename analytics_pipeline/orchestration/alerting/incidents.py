"""Open incidents: pure functions of runs, checks and known incidents.

An incident is a state, not an event: an asset whose last run failed, or a failing check. So a
backfill with fifty failing runs is one message, and nothing is lost while nobody looks.
`messages.py` words the messages, `sensor.py` sends them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from analytics_pipeline.orchestration.runs.run_records import KnownRun, RunState
from analytics_pipeline.words import named

PARTITIONS_NAMED = 12


@dataclass(frozen=True)
class FailingCheck:
    """A failing check of severity ERROR.

    Attributes:
        asset: for example `raw.lab_sessions`.
        text: the check's finding.
        run_id: run that evaluated it.
        repeats_run: whether it is only about files for which a run failed.
    """

    asset: str
    name: str
    text: str
    run_id: str
    repeats_run: bool = False

    @property
    def subject(self) -> str:
        """Return the name that an incident has."""
        return f"{self.asset} {self.name}"


@dataclass(frozen=True)
class OpenAlarm:
    """An open alarm: a row of a test that declares alarms.

    Attributes:
        check: name of the test.
        alarm: its subject; unchanged while the episode lasts.
        message: the finding.
        run_id: run that evaluated the test.
    """

    check: str
    alarm: str
    message: str
    run_id: str


@dataclass(frozen=True)
class Alarms:
    """The results of tests that declare alarms.

    Attributes:
        open: their rows.
        unknown: names of tests that could not run; their alarms stay as they were.
    """

    open: Sequence[OpenAlarm] = ()
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Incident:
    """A problem that is reported once.

    Attributes:
        subject: asset, asset and check, or job.
        since: ISO timestamp (UTC).
        error: the problem and its remedy.
        run_id: the run to look at; empty if there is none.
        partitions: affected partitions; empty for the whole subject.
        check: test that raised it, if it is an alarm; empty for a failure.
    """

    subject: str
    since: str
    error: str
    run_id: str
    partitions: str = ""
    check: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as stored in a cursor."""
        return asdict(self)


def open_incidents(
    runs: Sequence[KnownRun],
    red: Sequence[FailingCheck],
    known: Mapping[str, Incident],
    error_of: Callable[[str], str],
    now: datetime,
    alarms: Alarms = Alarms(),
) -> dict[str, Incident]:
    """Return the open incidents by subject.

    A run that records which of its assets failed is no incident of the others. A run that died
    records none, so it is an incident of all. A check that repeats the failure of a run is the same
    incident as its asset, if it starts failing while the asset fails; any other failing check is an
    incident of its own. An asset is resolved once its last run succeeded, no check repeats its
    failure and no run of it is in flight: within a backfill, one good run among bad ones is no
    news.

    Args:
        runs: in the order in which they ended, last first. Their times don't decide, as a clock may
            have been wrong.
        red: failing checks.
        known: the incidents known so far.
        error_of: returns why a run failed.
        now: UTC.
        alarms: results of tests that declare alarms. An alarm stays open as long as its row exists,
            even if runs fail.
    """
    incidents = _failed_runs(runs, known, error_of, now)
    for check in red:
        asset = incidents.get(check.asset) or known.get(check.asset)
        if asset and check.repeats_run and check.subject not in known:
            incidents.setdefault(check.asset, asset)
        else:
            opened = Incident(check.subject, _iso(now), check.text, check.run_id)
            incidents[check.subject] = known.get(check.subject, opened)
    in_flight = {subject for run in runs if _in_flight(run) for subject in subjects(run)}
    for subject in known.keys() & in_flight:
        incidents.setdefault(subject, known[subject])
    for alarm in alarms.open:
        opened = Incident(alarm.alarm, _iso(now), alarm.message, alarm.run_id, check=alarm.check)
        incidents[alarm.alarm] = known.get(alarm.alarm, opened)
    for subject, incident in known.items():
        if incident.check in alarms.unknown:
            incidents.setdefault(subject, incident)
    return incidents


def _failed_runs(
    runs: Sequence[KnownRun],
    known: Mapping[str, Incident],
    error_of: Callable[[str], str],
    now: datetime,
) -> dict[str, Incident]:
    """Return the incidents of subjects whose last run failed."""
    return {
        subject: known.get(subject)
        or Incident(
            subject,
            _iso(min(run.ended or now, now)),
            error_of(run.run_id),
            run.run_id,
            partitions(run, subject),
        )
        for subject, run in _last_ended(runs).items()
        if run.state is RunState.FAILED and (subject in run.failed or not run.failed)
    }


def subjects(run: KnownRun) -> frozenset[str]:
    """Return the subjects of a run: its assets, or its job if it has none."""
    return run.assets or frozenset({f"job {run.job}"})


def partitions(run: KnownRun, subject: str) -> str:
    """Return the partitions that a failed run could not load, else its range."""
    failed = sorted(run.verdicts.get(subject.removeprefix("raw."), ()), reverse=True)
    if failed:
        return named(failed, PARTITIONS_NAMED)
    if run.first and run.last:
        return run.first if run.first == run.last else f"{run.first} to {run.last}"
    return ""


def _last_ended(runs: Sequence[KnownRun]) -> dict[str, KnownRun]:
    """Return each subject's last finished run, ignoring canceled and retried ones."""
    last: dict[str, KnownRun] = {}
    for run in runs:
        if run.ended is None or run.will_retry or run.state is RunState.CANCELED:
            continue
        for subject in subjects(run):
            last.setdefault(subject, run)
    return last


def _in_flight(run: KnownRun) -> bool:
    return run.state is RunState.IN_FLIGHT


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def from_json(data: Mapping[str, Any]) -> dict[str, Incident]:
    """Return incidents as stored in a cursor."""
    return {subject: Incident(**values) for subject, values in data.items()}
