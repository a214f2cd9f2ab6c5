"""The files of one dataset that are loaded together, as data: results, rows and rejects."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.absence import Absence
from analytics_pipeline.ingest.csv.header import FileRefused
from analytics_pipeline.ingest.csv.typing_query import FILE
from analytics_pipeline.ingest.delivery import Delivery

REJECTS = pl.Schema(
    {
        FILE: pl.Int64,
        "line": pl.Int64,
        "raw": pl.String,
        "reasons": pl.List(pl.Struct({"column": pl.String, "reason": pl.String})),
    }  # type: ignore[arg-type]  # nested types are data types too
)


@dataclass(frozen=True)
class LandedFile:
    """A delivered version of a file, and its path."""

    delivery: Delivery
    path: Path


@dataclass(frozen=True)
class Finding:
    """A rule that some records of a file break. Never holds a value of theirs.

    Attributes:
        column: the column; `*` for a rule about the whole row.
        reason: the rule in words.
        error: whether those records were quarantined.
        count: number of records; 0 for a rule about the header.
        lines: lines of the first few records, or of the header.
    """

    column: str
    reason: str
    error: bool
    count: int
    lines: tuple[int, ...]


@dataclass
class FileResult:
    """Result of one file.

    Attributes:
        records: records after the header; rows + rejects + erased, if the file could be read at
            all.
        rows: records that load.
        rejects: records that go to quarantine.
        erased: records dropped because they concern an erased person.
        warnings: warnings of loaded rows, one per row and rule.
        failure: why nothing of the file is loaded; None if it is.
    """

    landed: LandedFile
    records: int = 0
    rows: int = 0
    rejects: int = 0
    erased: int = 0
    warnings: int = 0
    findings: list[Finding] = field(default_factory=list)
    failure: FileRefused | None = None


@dataclass
class Batch:
    """Some files of one dataset, ready to be written.

    Attributes:
        files: the results; a row's FILE is an index into them.
        rows: rows to load, of files that did not fail.
        rejects: rejected records, with the columns of REJECTS; for a failed file only the first
            ones.
        absences: what is missing from the files although it was there before.
    """

    dataset: Dataset
    files: list[FileResult]
    rows: pl.DataFrame
    rejects: pl.DataFrame
    absences: list[Absence] = field(default_factory=list)


def split(batch: Batch) -> list[Batch]:
    """Return one batch per file."""

    def of_file(frame: pl.DataFrame, at: int) -> pl.DataFrame:
        return (
            frame.filter(pl.col(FILE) == at).with_columns(pl.lit(0, pl.Int64).alias(FILE))
            if frame.width
            else frame
        )

    def absences(result: FileResult) -> list[Absence]:
        return [
            absence
            for absence in batch.absences
            if absence.partition == result.landed.delivery.partition.key
        ]

    return [
        Batch(
            batch.dataset,
            [result],
            of_file(batch.rows, at),
            of_file(batch.rejects, at),
            absences(result),
        )
        for at, result in enumerate(batch.files)
    ]


def joined(dataset: Dataset, batches: Sequence[Batch]) -> Batch:
    """Join batches of one file each, and renumber their files."""

    def numbered(index: int, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.lit(index, pl.Int64).alias(FILE))

    rows = [numbered(index, batch.rows) for index, batch in enumerate(batches) if batch.rows.width]
    rejects = [numbered(index, batch.rejects) for index, batch in enumerate(batches)]
    files = [result for batch in batches for result in batch.files]
    return Batch(dataset, files, pl.concat(rows) if rows else pl.DataFrame(), pl.concat(rejects))
