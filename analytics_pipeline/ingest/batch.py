"""Read and validate delivered files: rows to load, rejects with their reasons, and a result per
file.

The same for every dataset. Writes nothing; reading and validation happen before anyone takes the
warehouse's lock.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.absence import Absence
from analytics_pipeline.ingest.csv.header import FileRefused, Header, read_header
from analytics_pipeline.ingest.csv.line_lookup import LINES, lines_of_rows
from analytics_pipeline.ingest.csv.read_files import Damaged, read_files
from analytics_pipeline.ingest.csv.typing_query import FILE, SHORT, UNREAD
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.quarantine_limit import KEPT_OF_A_FAILED_FILE, over_limit
from analytics_pipeline.ingest.validate import WHOLE_ROW, validate_rows
from analytics_pipeline.words import Words, words

logger = logging.getLogger(__name__)

_LINES_SHOWN = 5

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


def read_batch(dataset: Dataset, landed: Sequence[LandedFile]) -> Batch:
    """Read and validate some files. A file that can't be read fails alone.

    If DuckDB, polars or Python raise an error, reads each file alone; a file that raises an error
    again fails.
    """
    try:
        return _read_together(dataset, landed)
    except (Exception, pl.exceptions.PanicException) as error:
        logger.debug(
            "a batch of %d files of %s raised %s", len(landed), dataset.name, type(error).__name__
        )
        if len(landed) != 1:
            return _joined(dataset, [read_batch(dataset, [file]) for file in landed])
        result = FileResult(landed[0], failure=broken_off(error, words("reading")))
        return Batch(dataset, [result], pl.DataFrame(), REJECTS.to_frame())


def broken_off(error: BaseException, doing: Words) -> FileRefused:
    """Return the failure of a file that raised an error in DuckDB, polars or Python.

    Omits the error's text, which may quote cells.

    Args:
        error: the error.
        doing: the step, such as "reading".
    """
    return FileRefused(
        words("{} it ended in {}", doing, Words(type(error).__name__)),
        words(
            "Check the file in the landing folder: its columns and the length of its rows. If it is"
            " damaged, ask Vocareum for it again; if it is sound, report this, and run"
            " `analytics-pipeline quarantine replay` after an upgrade."
        ),
    )


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


def _joined(dataset: Dataset, batches: Sequence[Batch]) -> Batch:
    """Join batches of one file each, and renumber their files."""

    def numbered(index: int, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.lit(index, pl.Int64).alias(FILE))

    rows = [numbered(index, batch.rows) for index, batch in enumerate(batches) if batch.rows.width]
    rejects = [numbered(index, batch.rejects) for index, batch in enumerate(batches)]
    files = [result for batch in batches for result in batch.files]
    return Batch(dataset, files, pl.concat(rows) if rows else pl.DataFrame(), pl.concat(rejects))


def _read_together(dataset: Dataset, landed: Sequence[LandedFile]) -> Batch:
    results = [FileResult(file) for file in landed]
    texts = [
        read_files(dataset, header, paths) for header, paths in _by_header(dataset, results).items()
    ]
    if not texts:
        return Batch(dataset, results, pl.DataFrame(), REJECTS.to_frame())
    rows = pl.concat([text.rows for text in texts])
    damaged = [record for text in texts for record in text.damaged]
    known = {index: lines for text in texts for index, lines in text.lines.items()}
    written = [file.delivery.last_modified.replace(tzinfo=None) for file in landed]
    rows, issues = validate_rows(dataset, rows, written)
    bad = issues.filter("error")["row"].unique()
    # a warning is about a row that loads
    issues = issues.filter(pl.col("error") | ~pl.col("row").is_in(bad.implode()))
    issues = issues.with_columns(rows[FILE].gather(issues["row"]).alias(FILE))
    _count(dataset, results, rows, damaged, issues)

    lines = _locate_rows(results, rows, issues, known)
    _add_findings(results, issues, damaged, lines)
    rejects = pl.concat([_rejected_rows(issues, lines), _damaged_records(damaged, results)])
    failed = [index for index, result in enumerate(results) if result.failure]
    if failed or len(bad):  # avoids copying the whole batch, which is rarely needed
        rows = (
            rows.with_row_index("row")
            .filter(~pl.col("row").is_in(bad.implode()), ~pl.col(FILE).is_in(failed))
            .drop("row")
        )
    return Batch(dataset, results, rows.drop(UNREAD, SHORT), rejects)


def _by_header(dataset: Dataset, results: list[FileResult]) -> dict[Header, dict[int, Path]]:
    """Group the readable files by their header; mark the others as failed."""
    groups: dict[Header, dict[int, Path]] = {}
    for index, result in enumerate(results):
        try:
            header = read_header(result.landed.path, dataset)
        except FileRefused as refused:
            result.failure = refused
        else:
            groups.setdefault(header, {})[index] = result.landed.path
            if count := len(header.unannounced(dataset)):
                reason = words("the header has {:,} unannounced columns, kept in _extra", count)
                result.findings.append(Finding(WHOLE_ROW, reason, False, 0, (header.line,)))
    return groups


def _count(
    dataset: Dataset,
    results: list[FileResult],
    rows: pl.DataFrame,
    damaged: list[Damaged],
    issues: pl.DataFrame,
) -> None:
    """Set each file's counts, and fail files with too many rejects."""
    read = dict(rows[FILE].value_counts().iter_rows())
    bad = dict(issues.filter("error").unique("row")[FILE].value_counts().iter_rows())
    warned = dict(issues.filter(~pl.col("error"))[FILE].value_counts().iter_rows())
    broken = Counter(record.file for record in damaged)
    for index, result in enumerate(results):
        if result.failure:
            continue
        result.records = read.get(index, 0) + broken[index]
        result.rejects = bad.get(index, 0) + broken[index]
        result.rows = result.records - result.rejects
        result.warnings = warned.get(index, 0)
        result.failure = over_limit(dataset, result.rejects, result.records)


def _locate_rows(
    results: list[FileResult],
    rows: pl.DataFrame,
    issues: pl.DataFrame,
    known: dict[int, pl.DataFrame],
) -> pl.DataFrame:
    """Return line and raw text of the rows to show or keep: `row`, FILE, `line`, `raw`."""
    first_row = dict(rows.with_row_index("row").group_by(FILE).agg(pl.col("row").min()).iter_rows())
    failed = [index for index, result in enumerate(results) if result.failure]
    rejected = issues.filter("error").unique("row", maintain_order=True)
    rejected = pl.concat(
        [
            rejected.filter(~pl.col(FILE).is_in(failed)),
            rejected.filter(pl.col(FILE).is_in(failed))
            .group_by(FILE)
            .head(KEPT_OF_A_FAILED_FILE)
            .select(rejected.columns),
        ]
    )
    shown = (
        issues.group_by(FILE, "column", "reason", "error")
        .head(_LINES_SHOWN)
        .select(rejected.columns)
    )
    selected = pl.concat([rejected, shown]).unique("row")
    found = [
        pl.DataFrame(schema={"row": pl.UInt32, FILE: pl.Int64, "line": pl.Int64, "raw": pl.String})
    ]
    for (index,), group in selected.group_by(FILE):
        ordinals = (group["row"].cast(pl.Int64) - first_row[index]).to_list()
        if index in known:
            lines = (
                known[index]
                .with_row_index("ordinal")
                .filter(pl.col("ordinal").is_in(ordinals))
                .cast(LINES)
            )
        else:
            lines = lines_of_rows(results[index].landed.path, ordinals, results[index].records)
        row = (pl.col("ordinal") + first_row[index]).cast(pl.UInt32).alias("row")
        found.append(lines.select(row, pl.lit(index, pl.Int64).alias(FILE), "line", "raw"))
    return pl.concat(found)


def _add_findings(
    results: list[FileResult], issues: pl.DataFrame, damaged: list[Damaged], lines: pl.DataFrame
) -> None:
    """Add each file's findings: which rules its records break, how often, and on which first
    lines.
    """
    grouped = (
        issues.join(lines.select("row", "line"), on="row", how="left")
        .group_by(FILE, "column", "reason", "error", maintain_order=True)
        .agg(pl.len(), pl.col("line").drop_nulls().sort().head(_LINES_SHOWN))
    )
    for index, column, reason, error, count, first in grouped.iter_rows():
        results[index].findings.append(Finding(column, reason, error, count, tuple(first)))
    faults: dict[tuple[int, str], list[int]] = {}
    for record in damaged:
        faults.setdefault((record.file, record.reason), []).append(record.line)
    for (index, reason), where in faults.items():
        results[index].findings.append(
            Finding(WHOLE_ROW, reason, True, len(where), tuple(where[:_LINES_SHOWN]))
        )


def _rejected_rows(issues: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    reasons = (
        issues.filter("error")
        .group_by("row", maintain_order=True)
        .agg(pl.struct("column", "reason").alias("reasons"))
    )
    return reasons.join(lines, on="row").sort("row").select(REJECTS.names()).cast(REJECTS)


def _damaged_records(damaged: list[Damaged], results: list[FileResult]) -> pl.DataFrame:
    kept: Counter[int] = Counter()
    records = []
    for record in damaged:
        kept[record.file] += 1
        if results[record.file].failure is None or kept[record.file] <= KEPT_OF_A_FAILED_FILE:
            reasons = [{"column": WHOLE_ROW, "reason": record.reason}]
            records.append((record.file, record.line, record.raw, reasons))
    return pl.DataFrame(records, schema=REJECTS, orient="row")
