"""The check `every_course_is_rewritten`: whether Vocareum still writes each course's snapshot.

Vocareum overwrites it every day, mostly with the same content, so that no load follows. Only the
times in a listing show that one course's snapshot is left behind while others are written.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from analytics_pipeline.datasets import DATASETS, Cadence, Dataset
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.warehouse.checks import Check, Kind, Severity
from analytics_pipeline.warehouse.newest_check import RETIRED, STALLED
from analytics_pipeline.words import counted, named

REWRITTEN = "every_course_is_rewritten"
"""Name of the check that reports courses whose snapshot is left behind."""
NAMED = 20
"""Maximum number of courses that a message names."""


def has_courses(dataset: Dataset) -> bool:
    """Return whether a dataset has a snapshot for each course."""
    return dataset.cadence is Cadence.SNAPSHOT and "(?P<course_id>" in dataset.key


def rewritten_check(dataset: Dataset, files: Sequence[Delivery]) -> Check:
    """Return the verdict on a dataset.

    It fails if a course's snapshot is over three days older than the dataset's newest one. After 60
    days the snapshot counts as no longer written, such as that of a course that ended.

    Args:
        dataset: a dataset with a file for each course.
        files: its files in the bucket.
    """
    newest = max((file.last_modified for file in files), default=None)
    behind = sorted(
        (file for file in files if newest and STALLED < newest - file.last_modified <= RETIRED),
        key=lambda file: (file.last_modified, int(file.partition.key)),
    )
    courses = (
        f"course {file.partition.key} on {file.last_modified:%Y-%m-%d %H:%M} UTC" for file in behind
    )
    return Check(
        name=REWRITTEN,
        subject=dataset.table,
        kind=Kind.FEED,
        severity=Severity.WARN,
        passed=not behind,
        violations=None,
        # The time of the newest file is left out, as it would change the text each day.
        text=(
            f"{counted(len(behind), 'snapshot')} of {dataset.name} left behind, last written more"
            f" than {STALLED / timedelta(days=1):.0f} days before the newest:"
            f" {named(courses, NAMED)}."
            if behind
            else "Vocareum still writes the snapshot of every course."
        ),
        remedy=(
            "The warehouse lacks what changed since then. If the course has not ended, ask Vocareum"
            " why its snapshot is no longer written."
            if behind
            else ""
        ),
    )


def rewritten_checks(files: Iterable[Delivery]) -> list[Check]:
    """Return the verdict on every dataset with a snapshot for each course.

    Args:
        files: the files in the bucket.
    """
    found = list(files)
    return [
        rewritten_check(dataset, [file for file in found if file.dataset is dataset])
        for dataset in DATASETS.values()
        if has_courses(dataset)
    ]


def left_behind(checks: Iterable[Check]) -> list[str]:
    """Return a line for people for each dataset with snapshots that are left behind."""
    return [
        f"{check.text} {check.remedy}"
        for check in checks
        if check.name == REWRITTEN and not check.passed
    ]
