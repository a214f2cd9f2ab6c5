"""Health of the data: its age, failures and estimates. Pure functions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analytics_pipeline.datasets import DATASETS, Cadence
from analytics_pipeline.report.data import Data
from analytics_pipeline.report.figures import day, percent, usd
from analytics_pipeline.warehouse.checks import Severity, errors
from analytics_pipeline.warehouse.lateness import silence
from analytics_pipeline.words import counted, named

_NAMED = 5
"""Maximum number of files that a line names."""


class State(StrEnum):
    """The state of a part, as a word, so that it does not depend on colour."""

    GOOD = "good"
    WARNING = "warning"
    FAILING = "failing"


@dataclass(frozen=True)
class Part:
    """A part of the health: question, state, short answer and details."""

    title: str
    state: State
    answer: str
    details: Sequence[str]


def health(data: Data) -> list[Part]:
    """Return the three answers at the top of the page."""
    return [_age(data), _failed(data), _estimated(data)]


def warnings(data: Data) -> list[str]:
    """Return warnings that readers must see before any number."""
    silent = silence(data.ages.values())
    return [
        *([silent] if silent else []),
        *data.withheld,
        *(str(check) for check in errors(data.checks)),
    ]


def _age(data: Data) -> Part:
    """Return the age of the newest day, and late datasets."""
    daily = [age for age in data.ages.values() if DATASETS[age.dataset].cadence is Cadence.DAILY]
    if not daily:
        return Part("How old is the data?", State.FAILING, "Nothing is loaded yet", [])
    newest = min(daily, key=lambda age: age.days)
    late = [
        f"{age.dataset} is late: it ends {day(age.newest)}"
        for age in data.ages.values()
        if age.is_late
    ]
    if all(age.is_late for age in daily):
        state = State.FAILING
    else:
        state = State.WARNING if late else State.GOOD
    words = {0: "today", 1: "yesterday"}.get(max(newest.days, 0), f"{newest.days:,} days old")
    answer = f"Newest day {day(newest.newest)}, {words} when the data was published"
    return Part("How old is the data?", state, answer, late)


def _failed(data: Data) -> Part:
    """Return failed and missing files, and failing checks."""
    failing = list(errors(data.checks))
    details = list(_failures(data))
    if not failing and not details:
        return Part(
            "What failed?",
            State.GOOD,
            "Nothing: every delivered file is loaded, and every check passes",
            [],
        )
    bad = bool(failing or data.health["failed"] or data.absences)
    checks = (
        f"{len(failing):,} {'check fails' if len(failing) == 1 else 'checks fail'}; see above"
        if failing
        else ""
    )
    return Part(
        "What failed?",
        State.FAILING if bad else State.WARNING,
        checks or named(details, 1, "; "),
        details,
    )


def _failures(data: Data) -> Iterator[str]:
    for row in data.health["failed"]:
        files, since = counted(row["files"], "file"), day(row["since"].date())
        yield f"{row['dataset']}: {files} could not be loaded since {since}"
    if data.absences:
        absences = (
            f"{row['dataset']} {row['partition']}: {row['detail']}" for row in data.absences
        )
        what = (
            "Files that are gone, lost rows or money, are copies or have rows of other days, or"
            " that an older warehouse lacks"
        )
        yield f"{what}: {named(absences, _NAMED, '; ')}"
    delivered = data.figures["completeness"][0]
    if absent := delivered["periods"] - delivered["loaded"]:
        yield f"Missing or not loaded: {absent:,} of {delivered['periods']:,} days and months"
    for row in data.health["rejected"]:
        yield (
            f"Quarantined, so not included here: {counted(row['records'], 'record')} of"
            f" {counted(row['files'], 'file')}"
        )


def _estimated(data: Data) -> Part:
    """Return estimates and warnings that affect the numbers."""
    details = list(_estimates(data))
    warned = [
        check for check in data.checks if check.severity is Severity.WARN and not check.passed
    ]
    details += [f"{check.subject}: {check.text}" for check in warned]
    if not details:
        return Part("What is estimated?", State.GOOD, "Nothing: every number is as delivered", [])
    return Part("What is estimated?", State.WARNING, named(details, 1, "; "), details)


def _estimates(data: Data) -> Iterator[str]:
    (row,) = data.health["estimates"]
    total = row["total"] or 0
    kinds = {
        "spread": (
            "of spend was delivered as values of several days, and is spread evenly over them"
        ),
        "opening": (
            "accumulated at AWS by the first file, at an unknown time; only charts of all time"
            " include it"
        ),
        "without_course": (
            "of spend has no course, as its part is unmapped or shared by several courses"
        ),
    }
    for name, meaning in kinds.items():
        if row[name] and total > 0:
            yield f"{usd(row[name])} ({percent(row[name], total)}) {meaning}"
    if row["falls"]:
        yield (
            f"{counted(row['falls'], 'fall')} of accumulated AWS cost may be a restart or a"
            f" correction; the largest changes spend by {usd(row['largest_fall'])}"
        )
    if derived := [term for term in data.terms.values() if term.is_derived]:
        yield (
            f"{counted(len(derived), 'term')} derived from the courses' sessions, as the courses"
            " have no label"
        )
