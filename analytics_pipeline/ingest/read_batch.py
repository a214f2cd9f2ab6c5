"""Read and validate delivered files, and count what loads and what does not.

The same for every dataset. Writes nothing; reading and validation happen before anyone takes the
warehouse's lock.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.batch import REJECTS, Batch, FileResult, Finding, LandedFile, joined
from analytics_pipeline.ingest.csv.header import SAME_FILE_REMEDY, FileRefused, Header, read_header
from analytics_pipeline.ingest.csv.read_files import Damaged, read_files
from analytics_pipeline.ingest.csv.typing_query import FILE, SHORT, UNREAD
from analytics_pipeline.ingest.faulty_records import (
    add_findings,
    damaged_records,
    locate_rows,
    rejected_rows,
)
from analytics_pipeline.ingest.quarantine_limit import over_limit
from analytics_pipeline.ingest.validate import WHOLE_ROW, validate_rows
from analytics_pipeline.words import Words, counted, words

logger = logging.getLogger(__name__)


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
            return joined(dataset, [read_batch(dataset, [file]) for file in landed])
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


def _read_together(dataset: Dataset, landed: Sequence[LandedFile]) -> Batch:
    """Read some files with one query per header, and validate all rows at once."""
    results = [FileResult(file) for file in landed]
    texts = [
        read_files(dataset, header, paths) for header, paths in _by_header(dataset, results).items()
    ]
    if not texts:
        return Batch(dataset, results, pl.DataFrame(), REJECTS.to_frame())
    rows = pl.concat([text.rows for text in texts])
    damaged = [record for text in texts for record in text.damaged]
    known = {index: lines for text in texts for index, lines in text.lines.items()}
    rows, issues = validate_rows(dataset, rows, [file.delivery for file in landed])
    bad = issues.filter("error")["row"].unique()
    # a warning is about a row that loads
    issues = issues.filter(pl.col("error") | ~pl.col("row").is_in(bad.implode()))
    issues = issues.with_columns(rows[FILE].gather(issues["row"]).alias(FILE))
    _count(dataset, results, rows, damaged, issues)

    lines = locate_rows(results, rows, issues, known)
    add_findings(results, issues, damaged, lines)
    rejects = pl.concat([rejected_rows(issues, lines), damaged_records(damaged, results)])
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
            if dataset.setting and refused.remedy == SAME_FILE_REMEDY:  # nobody delivers it
                remedy = words("Correct the file and save it.")
                result.failure = FileRefused(refused.reason, remedy, refused.line)
        else:
            groups.setdefault(header, {})[index] = result.landed.path
            if count := len(header.unannounced(dataset)):
                columns = counted(count, "unannounced column")
                reason = words("the header has {}, kept in _extra", columns)
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
