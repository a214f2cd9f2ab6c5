"""Rows of the table that only need files: reading, loading, memory, history, models."""

import hashlib
import json
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from analytics_pipeline.datasets import DATASETS, classify
from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from benchmarks import data, peers
from benchmarks.measure import Figures, alternate, measure, median, ratio


@dataclass(frozen=True)
class Bench:
    """Location and size of the measurements."""

    work: Path
    repeats: int
    quick: bool

    def size(self, full: int, quick: int) -> int:
        """Scale an amount."""
        return quick if self.quick else full

    @cached_property
    def binaries(self) -> Path:
        """Return the `bin` folder of the environment in which our side is measured."""
        return peers.installed(self.work)

    def subject(self, name: str, *arguments: object) -> list[str]:
        """Return the command of one of our subjects."""
        return [
            str(self.binaries / "python"),
            "-m",
            "benchmarks.subjects",
            name,
            *map(str, arguments),
        ]

    def fresh(self, name: str) -> Path:
        """Return an empty folder that only we may enter, as `load` reports any other."""
        folder = self.work / "runs" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        return folder


@dataclass(frozen=True)
class Row:
    """A row of the table; `measured` is compared with `target`, a maximum or, with `at_least`, a
    minimum.
    """

    work: str
    against: str
    target: float
    measured: float | None
    at_least: bool = False
    detail: str = ""
    more: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Return whether the target is met; None if nothing was measured."""
        if self.measured is None:
            return None
        return self.measured >= self.target if self.at_least else self.measured <= self.target


def summary(runs: Sequence[Figures]) -> str:
    """Format medians for people."""
    return (
        f"{median(runs):.1f} s wall, {median(runs, 'cpu'):.1f} s CPU,"
        f" {median(runs, 'peak_mb'):.0f} MB"
    )


def landing(bench: Bench, files: Path, dataset: str = "lab_sessions") -> tuple[Path, Path]:
    """Return files as if they had landed, and their listing."""
    folder = bench.work / "landed" / files.name
    (folder / dataset).mkdir(parents=True, exist_ok=True)
    listing = []
    for file in sorted(files.iterdir()):
        key = f"{dataset}/{file.name}"
        etag = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()  # looks like S3's
        landed = folder / dataset / f"{file.stem.removeprefix(dataset + '_')}@{etag}.csv"
        if not landed.exists():
            landed.hardlink_to(file)
        listing.append([key, etag, file.stat().st_size, "2026-01-01T00:00:00"])
    path = bench.work / "landed" / f"{files.name}.json"
    path.write_text(json.dumps(listing))
    return path, folder


def _days(bench: Bench) -> Path:
    count = bench.size(1_095, 100)
    return data.lab_folder(bench.work / f"lab_{count}", count, 2_000)


def _load(bench: Bench, listing: Path, landed: Path) -> Figures:
    return measure(bench.subject("load", listing, landed, bench.fresh("ours") / "warehouse.duckdb"))


def duckdb_row(bench: Bench) -> Row:
    """Measure our load against DuckDB's own typed CREATE TABLE AS."""
    files = _days(bench)
    listing, landed = landing(bench, files)
    columns = json.dumps(
        {column.name: column.sql_type for column in DATASETS["lab_sessions"].columns}
    )
    ours, raw = alternate(
        bench.repeats,
        lambda: _load(bench, listing, landed),
        lambda: measure(
            bench.subject("raw_duckdb", files, bench.fresh("raw") / "raw.duckdb", columns)
        ),
    )
    detail = f"ours {summary(ours)}; DuckDB {summary(raw)}; {ours[0].output}"
    count = len(list(files.iterdir()))
    return Row(
        f"{count:,} daily lab_sessions files: read, type, validate, quarantine, load, ledger",
        "DuckDB's own typed CREATE TABLE AS",
        1.35,
        ratio(ours, raw),
        detail=detail,
        more={"CPU": ratio(ours, raw, "cpu")},
    )


def dlt_rows(bench: Bench) -> list[Row]:
    """Measure our load against dlt: its DuckDB reader through Arrow with every cell as text, and
    dlt's defaults.
    """
    script = bench.work / "dlt_load.py"
    script.write_text(peers.DLT_LOAD)
    python = peers.environment(bench.work) / "python"

    def against(files: Path, way: str, repeats: int) -> list[list[Figures]]:
        listing, landed = landing(bench, files)
        quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false"}
        return alternate(
            repeats,
            lambda: _load(bench, listing, landed),
            lambda: measure(
                [str(python), str(script), str(files), str(bench.fresh("dlt")), way], quiet
            ),
        )

    mine, arrow = against(_days(bench), "arrow", min(bench.repeats, 2))
    # With its defaults, dlt takes more than a quarter of an hour for all of them.
    few = bench.size(110, 20)
    ours, usual = against(data.lab_folder(bench.work / f"lab_{few}", few, 2_000), "dicts", 1)
    name, detail = "dlt filesystem -> DuckDB", "dlt neither types nor checks a cell here"
    return [
        Row(
            "the same",
            f"{name}, its fastest way: Arrow (use_pyarrow)",
            2,
            ratio(arrow, mine),
            True,
            f"ours {summary(mine)}; dlt {summary(arrow)}; {detail}",
            {"CPU": ratio(arrow, mine, "cpu")},
        ),
        Row(
            f"{few} of the files",
            f"{name}, as it comes",
            20,
            ratio(usual, ours),
            True,
            f"ours {summary(ours)}; dlt {summary(usual)}; {detail}",
            {"CPU": ratio(usual, ours, "cpu")},
        ),
    ]


def bad_file_row(bench: Bench) -> Row:
    """Measure a file of bad rows against the same file of good rows."""
    rows, loads = bench.size(1_000_000, 100_000), []
    for name, user in (("bad", "nobody"), ("good", "")):
        folder = bench.work / f"one_{name}_{rows}"
        folder.mkdir(exist_ok=True)
        file = folder / f"lab_sessions_{data.FIRST}.csv"
        if not file.exists():
            file.write_bytes(data.lab_sessions(data.FIRST, rows, user))
        loads.append(landing(bench, folder))
    bad, good = alternate(
        bench.repeats, lambda: _load(bench, *loads[0]), lambda: _load(bench, *loads[1])
    )
    detail = f"bad {summary(bad)}; good {summary(good)}; {bad[0].output}"
    return Row(
        f"a file of {rows:,} rows, every row bad",
        "the same file good (and under 1.5 GB)",
        3,
        ratio(bad, good),
        detail=detail,
        more={"CPU": ratio(bad, good, "cpu"), "peak GB": median(bad, "peak_mb") / 1024},
    )


def memory_row(bench: Bench) -> Row:
    """Measure the peak memory of ten years against that of one."""
    count, rows = bench.size(365, 36), 6_200
    year = data.lab_folder(bench.work / f"year_{count}", count, rows)
    ten = data.lab_folder(bench.work / f"ten_years_{count}", 10 * count, rows)
    many, few = alternate(
        1, lambda: _load(bench, *landing(bench, ten)), lambda: _load(bench, *landing(bench, year))
    )
    detail = f"ten years {summary(many)}, {many[0].output}; one year {summary(few)}"
    return Row(
        "peak memory of a ten-year backfill (7 GB of CSV)",
        "of a one-year backfill (and under 1.5 GB)",
        1.2,
        ratio(many, few, "peak_mb"),
        detail=detail,
        more={"peak GB": median(many, "peak_mb") / 1024, "wall": ratio(many, few)},
    )


def grades_row(bench: Bench) -> Row:
    """Measure one changed course of 500 against all changed."""
    courses, rows = bench.size(500, 50), bench.size(1_000, 200)

    def delivered(etag: str, score: int, changed: int, modified: str) -> Path:
        folder = bench.work / "landed" / "grades" / "grades"
        folder.mkdir(parents=True, exist_ok=True)
        listing = []
        for course in range(1, changed + 1):
            body = data.grades(course, rows, score)
            (folder / f"{course}@{etag}.csv").write_bytes(body)
            listing.append([f"grades/course{course}/grades.csv", etag, len(body), modified])
        path = bench.work / "landed" / f"grades_{etag}_{changed}.json"
        path.write_text(json.dumps(listing))
        return path

    base = bench.fresh("grades_base") / "warehouse.duckdb"
    landed = bench.work / "landed" / "grades"
    measure(
        bench.subject("load", delivered("a" * 32, 5, courses, "2026-01-01T00:00:00"), landed, base)
    )

    def again(changed: int) -> Figures:
        database = bench.fresh("grades") / "warehouse.duckdb"
        shutil.copyfile(base, database)
        listing = delivered("b" * 32, 6, changed, "2026-01-02T00:00:00")
        return measure(bench.subject("load", listing, landed, database))

    single, every, none = alternate(
        bench.repeats, lambda: again(1), lambda: again(courses), lambda: again(0)
    )
    share = (median(single, "cpu") - median(none, "cpu")) / (
        median(every, "cpu") - median(none, "cpu")
    )
    detail = (
        f"one {summary(single)}; all {summary(every)}; none (imports alone) {summary(none)}; CPU"
        " beyond imports compared"
    )
    return Row(
        f"{courses} course files of grades, one changed", "all changed", 0.1, share, detail=detail
    )


def _organisation(bench: Bench) -> tuple[Path, Path]:
    """Return three years of all other datasets, as if landed."""
    spec = OrganisationSpec(
        days=bench.size(1_095, 60), students=200, last_day=date(2016, 12, 30), flaws=False
    )
    return landed_organisation(
        bench,
        spec,
        f"organisation_{spec.days}",
        [name for name in DATASETS if name != "lab_sessions"],
    )


def landed_organisation(
    bench: Bench, spec: OrganisationSpec, name: str, datasets: Collection[str] = tuple(DATASETS)
) -> tuple[Path, Path]:
    """Return an organisation's files as if they had landed: their listing and their folder."""
    folder, listing = bench.work / "landed" / name, []
    for key, body in Organisation(spec).files().items():
        relative = key.removeprefix(f"org{spec.org_id}/")
        dataset, partition = classify(relative) or (None, None)
        if dataset and partition and dataset.name in datasets:
            path = folder / dataset.name / f"{partition.key}@{'0' * 32}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            listing.append([relative, "0" * 32, len(body), "2026-01-01T00:00:00"])
    path = folder.with_suffix(".json")
    path.write_text(json.dumps(listing))
    return path, folder


def loaded(bench: Bench) -> tuple[Path, str]:
    """Load 2 M sessions and all other datasets. Return the warehouse, and what was loaded."""
    base = bench.fresh("models_base") / "warehouse.duckdb"
    sessions, others = (
        measure(bench.subject("load", listing, landed, base)).output
        for listing, landed in (landing(bench, _days(bench)), _organisation(bench))
    )
    return base, f"sessions: {sessions}; costs and all else: {others}"


def models_row(bench: Bench) -> Row:
    """Measure all SQL models as the pipeline builds them against the same SQL by hand."""
    base, what = loaded(bench)

    def built(by_hand: str) -> Figures:
        database = bench.fresh(f"models_{by_hand}") / "warehouse.duckdb"
        shutil.copyfile(base, database)
        return measure(bench.subject("models", database, by_hand))

    ours, hand = alternate(bench.repeats, lambda: built("no"), lambda: built("yes"))
    detail = f"ours {summary(ours)}; by hand {summary(hand)}; {what}"
    return Row(
        "marts rebuild, 2 M sessions and three years of costs",
        "DuckDB running the same SQL by hand",
        1.1,
        ratio(ours, hand),
        detail=detail,
    )
