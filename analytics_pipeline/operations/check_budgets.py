"""Check the hand-written files without loading them: rows, rejects and unknown ids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from analytics_pipeline.datasets import DATASETS, WHOLE_ORGANISATION, Dataset, Partition
from analytics_pipeline.ingest.absence import shrunk
from analytics_pipeline.ingest.batch import Batch, FileResult, LandedFile
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.read_batch import read_batch
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.ledger import loaded_files
from analytics_pipeline.words import Words


@dataclass(frozen=True)
class Unmatched:
    """An unknown id in a hand-written file."""

    dataset: str
    kind: str
    id: str


@dataclass
class Checked:
    """The result of checking the hand-written files.

    Attributes:
        files: result of each file that can be opened, by dataset.
        unreadable: paths of files that can't be opened, by dataset.
        held: why a version without rows would not replace the loaded rows, by dataset.
        unmatched: unknown ids of courses, departments and terms.
        is_compared: whether a warehouse exists to compare course ids with.
    """

    files: dict[str, FileResult] = field(default_factory=dict)
    unreadable: dict[str, Path] = field(default_factory=dict)
    held: dict[str, Words] = field(default_factory=dict)
    unmatched: list[Unmatched] = field(default_factory=list)
    is_compared: bool = False

    @property
    def is_clean(self) -> bool:
        """Return whether every row would load, and no file has lost all its rows."""
        return not (self.unreadable or self.held) and not any(
            file.failure or file.rejects for file in self.files.values()
        )


def check_budgets(settings: Settings) -> Checked:
    """Read the hand-written files as a load would, and compare their ids with the warehouse.

    Raises:
        WarehouseBusy: other processes held the warehouse for too long.
    """
    checked, batches = Checked(), dict[str, Batch]()
    for dataset in DATASETS.values():
        path = settings.hand_written.get(dataset.setting or "")
        if path is None:
            continue
        try:
            batches[dataset.name] = _read(dataset, path)
        except OSError:
            checked.unreadable[dataset.name] = path
        else:
            (checked.files[dataset.name],) = batches[dataset.name].files
    checked.held = _held(settings, checked.files)
    known = _known_courses(settings)
    checked.is_compared = known is not None
    checked.unmatched = list(_unmatched(batches, known))
    return checked


def _read(dataset: Dataset, path: Path) -> Batch:
    path.open("rb").close()
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    version = Delivery(
        dataset, Partition(WHOLE_ORGANISATION, None), str(path), "", path.stat().st_size, modified
    )
    return read_batch(dataset, [LandedFile(version, path)])


def _held(settings: Settings, files: Mapping[str, FileResult]) -> dict[str, Words]:
    """Return why files would be held, as a load would, by dataset."""
    warehouse = warehouse_of(settings)
    if not warehouse.exists():
        return {}
    with warehouse.read() as connection:
        loaded = {name: sum(file.rows for file in loaded_files(connection, name)) for name in files}
    found = {
        name: shrunk(loaded[name], file.rows, by_hand=True)
        for name, file in files.items()
        if not file.failure
    }
    return {name: reason for name, reason in found.items() if reason}


def _known_courses(settings: Settings) -> Mapping[str, set[str]] | None:
    """Return known course ids by scope; None without a warehouse with marts."""
    warehouse = warehouse_of(settings)
    if not warehouse.exists():
        return None
    with warehouse.read() as connection:
        try:
            courses = connection.execute(
                "SELECT course_id::VARCHAR FROM marts.course_summary"
            ).fetchall()
            roots = connection.execute(
                "SELECT DISTINCT root_course_id::VARCHAR FROM marts.course_lineage"
            ).fetchall()
        except duckdb.CatalogException:
            return None
    return {
        "course": {id_ for (id_,) in courses},
        "root_course": {id_ for (id_,) in (*courses, *roots)},
    }


def _unmatched(
    batches: Mapping[str, Batch], valid_courses: Mapping[str, set[str]] | None
) -> Iterator[Unmatched]:
    labels, budgets = batches.get("course_labels"), batches.get("budgets")
    names: dict[str, set[str]] = {"department": set(), "term": set()}
    if labels and labels.rows.width:
        for course, department, term in labels.rows.select(
            "course_id", "department", "term"
        ).iter_rows():
            names["department"].add(department)
            names["term"].add(term)
            if valid_courses and str(course) not in valid_courses["course"]:
                yield Unmatched("course_labels", "course", str(course))
    if budgets and budgets.rows.width:
        for scope, id_ in budgets.rows.select("scope", "id").iter_rows():
            valid_ids = {**names, **(valid_courses or {})}.get(scope)
            if valid_ids is not None and id_ not in valid_ids:
                yield Unmatched("budgets", scope, id_)
