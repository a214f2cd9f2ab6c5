"""Delivered files to what the warehouse writes: rows that load, rejects with their reasons, a verdict for each file.

One door for every dataset. Nothing here writes; reading and judging happen before anyone takes the warehouse's lock.
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
from analytics_pipeline.ingest.csv.read_files import FILE, SHORT, UNREAD, Damaged, read_files
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.validate import WHOLE_ROW, judge
from analytics_pipeline.words import Words, words

logger = logging.getLogger(__name__)

MAX_REJECT_SHARE = 0.10
MAX_REJECTS = 20
"""A file fails when more than this share of its records *and* more than this many are rejected."""
KEPT_OF_A_FAILED_FILE = 1_000
"""Rejects of a failed file that are kept to look at; the file itself stays in the landing folder."""
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
    """A delivered version of a file and where it lies."""

    delivery: Delivery
    path: Path


@dataclass(frozen=True)
class Finding:
    """A rule that some records of a file break; never holds a value of theirs.

    Attributes:
        column: the column, `*` for a rule about the whole row.
        reason: the rule in words.
        error: whether those records were quarantined.
        count: how many records.
        lines: the first few of their lines.
    """

    column: str
    reason: str
    error: bool
    count: int
    lines: tuple[int, ...]


@dataclass
class FileResult:
    """What became of one file.

    Attributes:
        records: records behind the header; rows + rejects + erased, where the file could be read at all.
        rows: records that load.
        rejects: records that go to quarantine.
        erased: records dropped as they concern a person who was erased.
        warnings: rows that load though a rule calls them odd, once for each such rule.
        failure: why nothing of the file is loaded, None if it is.
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
        files: the verdicts; a row's FILE is an index into them.
        rows: the rows that load, of files that did not fail.
        rejects: the rejected records, with the columns of REJECTS; of a failed file the first ones alone.
        absences: what is missing from the files although it was there before.
    """

    dataset: Dataset
    files: list[FileResult]
    rows: pl.DataFrame
    rejects: pl.DataFrame
    absences: list[Absence] = field(default_factory=list)


def read_batch(dataset: Dataset, landed: Sequence[LandedFile]) -> Batch:
    """Read and judge some files; a file that can't be read fails alone.

    Whatever DuckDB, polars or Python raise for a batch, each of its files is tried alone, and one that raises again has failed.
    """
    try:
        return _read_together(dataset, landed)
    except (Exception, pl.exceptions.PanicException) as error:
        logger.debug("a batch of %d files of %s ends in %s", len(landed), dataset.name, type(error).__name__)
        if len(landed) != 1:
            return _joined(dataset, [read_batch(dataset, [file]) for file in landed])
        result = FileResult(landed[0], failure=FileRefused(*_broken_off(error)))
        return Batch(dataset, [result], pl.DataFrame(), REJECTS.to_frame())


def _broken_off(error: BaseException) -> tuple[Words, Words]:
    """Why a file could not be read, and what to do. The error's own text may hold cells of the file."""
    reason = words("reading it ended in {}", Words(type(error).__name__))
    remedy = words(
        "Look whether the file in the landing folder is what its dataset should be: its columns, the length of its rows. If it "
        "is damaged, ask Vocareum for it again; if it is sound, report this, and run `analytics-pipeline quarantine replay` "
        "after an upgrade."
    )
    return reason, remedy


def _joined(dataset: Dataset, batches: Sequence[Batch]) -> Batch:
    """Put batches of one file each together; the places of their files are counted on."""

    def placed(at: int, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.lit(at, pl.Int64).alias(FILE))

    rows = [placed(at, batch.rows) for at, batch in enumerate(batches) if batch.rows.width]
    rejects = [placed(at, batch.rejects) for at, batch in enumerate(batches)]
    files = [result for batch in batches for result in batch.files]
    return Batch(dataset, files, pl.concat(rows) if rows else pl.DataFrame(), pl.concat(rejects))


def _read_together(dataset: Dataset, landed: Sequence[LandedFile]) -> Batch:
    results = [FileResult(one) for one in landed]
    texts = [read_files(dataset, header, paths) for header, paths in _by_header(dataset, results).items()]
    if not texts:
        return Batch(dataset, results, pl.DataFrame(), REJECTS.to_frame())
    rows = pl.concat([text.rows for text in texts])
    damaged = [record for text in texts for record in text.damaged]
    known = {at: found for text in texts for at, found in text.lines.items()}
    written = [one.delivery.last_modified.replace(tzinfo=None) for one in landed]
    rows, issues = judge(dataset, rows, written)
    issues = issues.with_columns(rows[FILE].gather(issues["row"]).alias(FILE))
    _count(dataset, results, rows, damaged, issues)

    lines = _lines(results, rows, issues, known)
    _find(results, issues, damaged, lines)
    rejects = pl.concat([_rejected_rows(issues, lines), _damaged_records(damaged, results)])
    failed = [at for at, result in enumerate(results) if result.failure]
    bad = issues.filter("error")["row"].unique()
    if failed or len(bad):  # a copy of the whole batch, which mostly is not needed
        rows = (
            rows.with_row_index("row")
            .filter(~pl.col("row").is_in(bad.implode()), ~pl.col(FILE).is_in(failed))
            .drop("row")
        )
    return Batch(dataset, results, rows.drop(UNREAD, SHORT), rejects)


def _by_header(dataset: Dataset, results: list[FileResult]) -> dict[Header, dict[int, Path]]:
    """Files that can be read at all, grouped by their header."""
    groups: dict[Header, dict[int, Path]] = {}
    for at, result in enumerate(results):
        try:
            header = read_header(result.landed.path, dataset)
        except FileRefused as refused:
            result.failure = refused
        else:
            groups.setdefault(header, {})[at] = result.landed.path
    return groups


def _count(
    dataset: Dataset, results: list[FileResult], rows: pl.DataFrame, damaged: list[Damaged], issues: pl.DataFrame
) -> None:
    """Fill in each file's figures, and fail those with too many rejects."""
    read = dict(rows[FILE].value_counts().iter_rows())
    bad = dict(issues.filter("error").unique("row")[FILE].value_counts().iter_rows())
    warned = dict(issues.filter(~pl.col("error"))[FILE].value_counts().iter_rows())
    broken = Counter(record.file for record in damaged)
    for at, result in enumerate(results):
        if result.failure:
            continue
        result.records = read.get(at, 0) + broken[at]
        result.rejects = bad.get(at, 0) + broken[at]
        result.rows = result.records - result.rejects
        result.warnings = warned.get(at, 0)
        if result.rejects > MAX_REJECTS and result.rejects > MAX_REJECT_SHARE * result.records:
            result.failure = FileRefused(
                words(
                    "{:,} of {:,} records are rejected, more than {:.0%}",
                    result.rejects,
                    result.records,
                    MAX_REJECT_SHARE,
                ),
                words(
                    "See why with `analytics-pipeline quarantine list --dataset {0}`. If the file is damaged, ask "
                    "Vocareum for it again; if the rule is wrong, change analytics_pipeline/datasets/{0}.py "
                    "and run `analytics-pipeline quarantine replay`.",
                    dataset.word,
                ),
            )


def _lines(
    results: list[FileResult], rows: pl.DataFrame, issues: pl.DataFrame, known: dict[int, pl.DataFrame]
) -> pl.DataFrame:
    """Line and raw text of the rows to be shown or kept: `row`, FILE, `line`, `raw`."""
    first_row = dict(rows.with_row_index("row").group_by(FILE).agg(pl.col("row").min()).iter_rows())
    failed = [at for at, result in enumerate(results) if result.failure]
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
    shown = issues.group_by(FILE, "column", "reason", "error").head(_LINES_SHOWN).select(rejected.columns)
    wanted = pl.concat([rejected, shown]).unique("row")
    found = [pl.DataFrame(schema={"row": pl.UInt32, FILE: pl.Int64, "line": pl.Int64, "raw": pl.String})]
    for (at,), group in wanted.group_by(FILE):
        ordinals = (group["row"].cast(pl.Int64) - first_row[at]).to_list()
        if at in known:
            lines = known[at].with_row_index("ordinal").filter(pl.col("ordinal").is_in(ordinals)).cast(LINES)
        else:
            lines = lines_of_rows(results[at].landed.path, ordinals, results[at].records)
        row = (pl.col("ordinal") + first_row[at]).cast(pl.UInt32).alias("row")
        found.append(lines.select(row, pl.lit(at, pl.Int64).alias(FILE), "line", "raw"))
    return pl.concat(found)


def _find(results: list[FileResult], issues: pl.DataFrame, damaged: list[Damaged], lines: pl.DataFrame) -> None:
    """Say for each file which rules its records break, how often and where first."""
    grouped = (
        issues.join(lines.select("row", "line"), on="row", how="left")
        .group_by(FILE, "column", "reason", "error", maintain_order=True)
        .agg(pl.len(), pl.col("line").drop_nulls().sort().head(_LINES_SHOWN))
    )
    for at, column, reason, error, count, first in grouped.iter_rows():
        results[at].findings.append(Finding(column, reason, error, count, tuple(first)))
    faults: dict[tuple[int, str], list[int]] = {}
    for record in damaged:
        faults.setdefault((record.file, record.reason), []).append(record.line)
    for (at, reason), where in faults.items():
        results[at].findings.append(Finding(WHOLE_ROW, reason, True, len(where), tuple(where[:_LINES_SHOWN])))


def _rejected_rows(issues: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    reasons = (
        issues.filter("error").group_by("row", maintain_order=True).agg(pl.struct("column", "reason").alias("reasons"))
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
