"""Read files into typed rows: two readers, one typing for both.

`validate.py` checks the typed values. The SQL here is built from column positions and constants;
paths and header texts are session variables.
"""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import duckdb
import polars as pl

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.csv.header import Header
from analytics_pipeline.ingest.csv.row_shape import begins_short, missing_cells, shape_fault
from analytics_pipeline.ingest.csv.survey import Survey, has_surplus, is_read_whole, survey
from analytics_pipeline.ingest.csv.tolerant_reader import MAX_LINE, Record, read_records
from analytics_pipeline.ingest.csv.typing_query import FILE, SHORT, SURPLUS, type_cells
from analytics_pipeline.words import Words

_BLOCK_CELLS = 200_000
_BLOCK_CHARACTERS = 4_000_000
"""The most that the tolerant reader holds as Python objects at a time: ten times the memory of
typed rows."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A record whose cells can't be told apart, or whose number of cells is wrong."""

    file: int
    line: int
    raw: str
    reason: Words


@dataclass
class Text:
    """Typed content of some files.

    Attributes:
        rows: one row per record, in file order; the dataset's columns and FILE, UNREAD, SHORT,
            EXTRA.
        damaged: records that are not rows.
        lines: line and raw text of each row, for files read by the tolerant reader; for others
            found on demand.
    """

    rows: pl.DataFrame
    damaged: list[Damaged] = field(default_factory=list)
    lines: dict[int, pl.DataFrame] = field(default_factory=dict)


def read_files(dataset: Dataset, header: Header, paths: dict[int, Path]) -> Text:
    """Read files that share a header.

    Args:
        dataset: dataset of the files.
        header: header of all of them.
        paths: the files by the index that marks their rows.

    Raises:
        OSError: a file can't be read.
    """
    quickly = [
        index for index, path in paths.items() if header.simple and not begins_short(path, header)
    ]
    surveyed = {index: survey(paths[index]) for index in quickly}
    quick = {
        index: path
        for index, path in paths.items()
        if index in surveyed and surveyed[index].trusted
    }
    texts: list[Text] = []
    unsound: set[int] = set()
    if quick:
        rows, unsound = _read_quickly(dataset, header, quick, surveyed)
        texts.append(Text(rows))
    careful = [index for index in paths if index not in quick or index in unsound]
    texts += [_read_carefully(dataset, header, index, paths[index]) for index in careful]
    return Text(
        rows=pl.concat([text.rows for text in texts]).drop(SURPLUS),
        damaged=[record for text in texts for record in text.damaged],
        lines={index: lines for text in texts for index, lines in text.lines.items()},
    )


def _read_quickly(
    dataset: Dataset, header: Header, paths: dict[int, Path], surveyed: dict[int, Survey]
) -> tuple[pl.DataFrame, set[int]]:
    """Read all files at once. Return the rows, and the files that need the tolerant reader: those
    with a reject, with text after the header's columns, or with a record that DuckDB missed or
    stopped at."""
    try:
        rows, rejected = _read_csv(dataset, header, list(paths.values()))
    except duckdb.InvalidInputException:
        if len(paths) == 1:
            return _no_rows(dataset, header), set(paths)
        # One bad file, such as one with mixed line endings, stops the whole call. Read each alone.
        each = [
            _read_quickly(dataset, header, {index: path}, surveyed) for index, path in paths.items()
        ]
        return pl.concat([rows for rows, _ in each]), set().union(*(unsound for _, unsound in each))
    rows = rows.with_columns(
        pl.col(FILE).replace_strict(dict(enumerate(paths)), return_dtype=pl.Int64)
    )
    too_wide = set(rows.filter(SURPLUS)[FILE].unique()) if rows[SURPLUS].any() else set()
    read = dict(rows[FILE].value_counts().iter_rows())
    ends_empty = _ending_empty(dataset, header, rows)
    unsound = {
        index
        for index, path in paths.items()
        if str(path) in rejected
        or index in too_wide
        or not is_read_whole(path, surveyed[index], read.get(index, 0))
        or (index in ends_empty and has_surplus(path, header.cells))
    }
    return rows.filter(~pl.col(FILE).is_in(list(unsound))) if unsound else rows, unsound


def _ending_empty(dataset: Dataset, header: Header, rows: pl.DataFrame) -> set[int]:
    """Return the files with a row whose last cell may be empty.

    Only they can have empty cells beyond the header.
    """
    last = header.names[-1]
    if header.cells > header.width or last not in {column.name for column in dataset.columns}:
        return set(rows[FILE].unique())
    return (
        set(rows.filter(pl.col(last).is_null())[FILE].unique())
        if rows[last].null_count()
        else set()
    )


def _read_csv(
    dataset: Dataset, header: Header, paths: Sequence[Path]
) -> tuple[pl.DataFrame, set[str]]:
    """Return the rows, FILE being a path's position, and the paths of files with a reject."""
    with _connection() as connection:
        cells = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(header.cells))
        source = f"""
            SELECT *, file_index AS {FILE}, 0 AS {SHORT}
            FROM read_csv(getvariable('paths'), columns = {{{cells}}}, header = true, delim = ',',
              quote = '"', escape = '"',
                          auto_detect = false, strict_mode = true, store_rejects = true,
                            rejects_limit = 1,  -- per file
                          max_line_size = {MAX_LINE})"""
        # DuckDB would expand a folder's name as a glob pattern.
        connection.execute(
            "SET VARIABLE paths = $paths", {"paths": [glob.escape(str(path)) for path in paths]}
        )
        rows = type_cells(connection, dataset, header, source)
        rejected = connection.execute(
            "SELECT DISTINCT scans.file_path FROM reject_errors AS errors JOIN reject_scans AS"
            " scans USING (scan_id, file_id)"
        ).fetchall()
    return rows, {path for (path,) in rejected}


def _read_carefully(dataset: Dataset, header: Header, index: int, path: Path) -> Text:
    records = islice(read_records(path, header.width), 1, None)
    text = Text(_no_rows(dataset, header))
    parts, lines = [text.rows], []
    for block in _blocks(records):
        sound = []
        for record in block:
            if reason := shape_fault(record, header, dataset):
                text.damaged.append(Damaged(index, record.line, record.raw, reason))
            else:
                sound.append(record)
        if sound:
            parts.append(_type_records(dataset, header, index, sound))
            lines.append(
                pl.DataFrame(
                    {
                        "line": [record.line for record in sound],
                        "raw": [record.raw for record in sound],
                    }
                )
            )
    text.rows = pl.concat(parts)
    text.lines[index] = (
        pl.concat(lines) if lines else pl.DataFrame(schema={"line": pl.Int64, "raw": pl.String})
    )
    return text


def _blocks(records: Iterator[Record]) -> Iterator[list[Record]]:
    block: list[Record] = []
    cells = characters = 0
    for record in records:
        block.append(record)
        cells += len(record.cells)
        characters += len(record.raw)
        if cells >= _BLOCK_CELLS or characters >= _BLOCK_CHARACTERS:
            yield block
            block, cells, characters = [], 0, 0
    if block:
        yield block


def _type_records(
    dataset: Dataset, header: Header, index: int, records: list[Record]
) -> pl.DataFrame:
    padded = (record.cells + [None] * (header.cells - len(record.cells)) for record in records)
    texts = pl.DataFrame(
        list(zip(*padded, strict=True)),
        schema={f"c{cell}": pl.String for cell in range(header.cells)},
        orient="col",
    ).with_columns(
        pl.lit(index, pl.Int64).alias(FILE),
        pl.Series(SHORT, [missing_cells(record, header) for record in records], pl.Int32),
    )
    with _connection() as connection:
        connection.register("texts", texts)
        return type_cells(connection, dataset, header, "SELECT * FROM texts")


def _no_rows(dataset: Dataset, header: Header) -> pl.DataFrame:
    return _type_records(
        dataset, header, 0, [Record(0, "", [""] * header.width, delivered=header.width)]
    ).clear()


def _connection() -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "1GB",
        # The default is `.tmp` in the working folder: DuckDB would spill cells into it.
        "temp_directory": "",
        # Batches are read in parallel (`load_files.READERS`), which costs less than two threads
        # for each.
        "threads": 1,
        # Transfer texts in polars' own string format, at half the cost; DuckDB needs both settings.
        "produce_arrow_string_view": True,
        "arrow_output_version": "1.4",
    }
    return duckdb.connect(":memory:", config=settings)
