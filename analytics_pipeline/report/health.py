"""Whether today's numbers can be trusted: how old the data is, what failed, what was guessed. Pure functions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analytics_pipeline.datasets import DATASETS, Cadence
from analytics_pipeline.report.data import Data
from analytics_pipeline.report.figures import day, percent, usd
from analytics_pipeline.warehouse.age import silence
from analytics_pipeline.warehouse.checks import Severity, errors

_NAMED = 5
"""Files that a line names."""


class State(StrEnum):
    """How a part of the health is, as a word that does not rest on a colour."""

    GOOD = "good"
    LOOK = "worth a look"
    BAD = "not good"


@dataclass(frozen=True)
class Part:
    """A part of the health: its question, its state, the answer in short, and what it rests on."""

    title: str
    state: State
    answer: str
    details: Sequence[str]


def health(data: Data) -> list[Part]:
    """Return the three answers at the top of the page."""
    return [_age(data), _failed(data), _guessed(data)]


def warnings(data: Data) -> list[str]:
    """Return what a reader must know before any number; empty where all is well."""
    silent = silence(data.ages.values())
    return [*([silent] if silent else []), *data.withheld, *(str(check) for check in errors(data.checks))]


def _age(data: Data) -> Part:
    """Return how old the newest day is, and which datasets are late."""
    daily = [age for age in data.ages.values() if DATASETS[age.dataset].cadence is Cadence.DAILY]
    if not daily:
        return Part("How old is the data?", State.BAD, "Nothing is loaded yet", [])
    newest = min(daily, key=lambda age: age.days)
    late = [f"{age.dataset} is late: it ends {day(age.newest)}" for age in data.ages.values() if age.is_late]
    state = State.BAD if all(age.is_late for age in daily) else State.LOOK if late else State.GOOD
    age = "today" if newest.days < 1 else "yesterday" if newest.days == 1 else f"{newest.days:,} days before"
    answer = f"Newest day {day(newest.newest)}, {age} when this page's data was published"
    return Part("How old is the data?", state, answer, late)


def _failed(data: Data) -> Part:
    """Return what could not be loaded, is missing, or fails a check."""
    failing = list(errors(data.checks))
    details = list(_failures(data))
    if not failing and not details:
        return Part("What failed?", State.GOOD, "Nothing: every delivered file is loaded, and every check passes", [])
    bad = bool(failing or data.health["failed"] or data.lost)
    checks = f"{len(failing):,} {'check fails' if len(failing) == 1 else 'checks fail'}; see above" if failing else ""
    return Part("What failed?", State.BAD if bad else State.LOOK, checks or _first(details), details)


def _first(details: Sequence[str]) -> str:
    """Return the first detail, and how many there are more."""
    more = f"; and {len(details) - 1:,} more" if len(details) > 1 else ""
    return f"{details[0]}{more}"


def _failures(data: Data) -> Iterator[str]:
    for row in data.health["failed"]:
        files = "1 file" if row["files"] == 1 else f"{row['files']:,} files"
        yield f"{row['dataset']}: {files} could not be loaded, the first since {day(row['since'].date())}"
    if data.lost:
        named = "; ".join(f"{row['dataset']} {row['partition']}: {row['detail']}" for row in data.lost[:_NAMED])
        more = f"; and {len(data.lost) - _NAMED:,} more" if len(data.lost) > _NAMED else ""
        yield f"Not as delivered: {named}{more}"
    delivered = data.figures["completeness"][0]
    if absent := delivered["periods"] - delivered["loaded"]:
        yield f"{absent:,} of {delivered['periods']:,} days and months are missing, or not loaded"
    for row in data.health["rejected"]:
        yield f"{row['records']:,} records of {row['files']:,} files are in quarantine, and in no number here"


def _guessed(data: Data) -> Part:
    """Return what numbers rest on beside what was delivered."""
    details = list(_guesses(data))
    warned = [check for check in data.checks if check.severity is Severity.WARN and not check.passed]
    details += [f"{check.subject}: {check.text}" for check in warned]
    if not details:
        return Part("What was guessed?", State.GOOD, "Nothing: every number is as delivered", [])
    return Part("What was guessed?", State.LOOK, _first(details), details)


def _guesses(data: Data) -> Iterator[str]:
    (row,) = data.health["guessed"]
    total = row["total"] or 0
    told = {
        "spread": "of spend was delivered as values of several days, and is spread over them evenly",
        "opening": "had accumulated at AWS before the first file, at an unknown time; no period but the whole time's charts show it",
        "without_course": "of spend is of parts that no mapping knows, or that several courses share: it has no course",
    }
    for name, what in told.items():
        if row[name] and total > 0:
            yield f"{usd(row[name])} ({percent(row[name], total)}) {what}"
    if row["falls"]:
        falls = "1 fall" if row["falls"] == 1 else f"{row['falls']:,} falls"
        yield f"{falls} of accumulated AWS cost could be a restart or a correction; the largest moves {usd(row['largest_fall'])}"
    if derived := [term for term in data.terms.values() if term.is_derived]:
        yield f"{len(derived):,} terms are derived from the courses' own sessions, as no list of terms is loaded"
