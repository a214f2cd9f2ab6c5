"""Decide whether a file can be read at all, and map its columns, from the header alone.

DuckDB does not check headers, so HTML, gzip, UTF-16 or an empty body must be refused here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics_pipeline.datasets import Dataset, normal_form
from analytics_pipeline.datasets.cells import BLANKS
from analytics_pipeline.ingest.csv.tolerant_reader import Record, read_records, width_of
from analytics_pipeline.words import Words, joined, words

MAX_COLUMNS = 2_000
MAX_NAME = 200
"""Most characters of an unannounced column's name: `_extra` repeats it in each row, so a long one
could fill the disk."""
_NAMED = 5
"""Number of columns that a message names."""
_MAGIC = {
    b"\x1f\x8b": words("it is compressed (gzip)"),
    b"PK\x03\x04": words("it is a zip archive"),
    b"\xff\xfe": words("it is UTF-16, not UTF-8"),
    b"\xfe\xff": words("it is UTF-16, not UTF-8"),
    b"PAR1": words("it is a Parquet file"),
}
SAME_FILE_REMEDY = words(
    "Ask Vocareum for the file again; it loads automatically once it is delivered complete."
)


class FileRefused(Exception):
    """A file that can't be loaded; its previous rows stay.

    Attributes:
        reason: the problem, as a clause for people. It is published, so it names declared columns
            and positions, never a cell.
        remedy: what a person should do.
        line: line of the problem; None for the whole file.
        counts: whether it counts as one of the attempts at this version. A held version waits for a
            person, and a failed transfer says nothing about the file: neither may use up the
            attempts.
    """

    def __init__(
        self,
        reason: Words,
        remedy: Words = SAME_FILE_REMEDY,
        line: int | None = None,
        *,
        counts: bool = True,
    ) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason, self.remedy, self.line, self.counts = reason, remedy, line, counts


@dataclass(frozen=True)
class Header:
    """The columns of a file.

    Attributes:
        names: normal form of each column, in file order.
        delivered: headers as delivered, for unannounced columns.
        simple: whether DuckDB may skip the header as the file's first line.
        cells: number of cells in its line; empty ones at the end are not columns.
        line: line on which it begins.
    """

    names: tuple[str, ...]
    delivered: tuple[str, ...]
    simple: bool
    cells: int
    line: int

    @property
    def width(self) -> int:
        """Return the number of cells in a complete record."""
        return len(self.names)

    def unannounced(self, dataset: Dataset) -> list[int]:
        """Return the positions of the columns that the dataset does not declare."""
        announced = {column.name for column in dataset.columns}
        return [at for at, name in enumerate(self.names) if name not in announced]


def read_header(path: Path, dataset: Dataset) -> Header:
    """Read and check a file's header.

    Raises:
        FileRefused: the body is not CSV, or the header lacks a column or repeats one.
    """
    record = _first_record(path)
    delivered = tuple(cell.strip(BLANKS) for cell in record.cells[: width_of(record.cells)])
    names = tuple(
        normal_form(cell) or f"column_{index}" for index, cell in enumerate(delivered, start=1)
    )
    if len(record.cells) > MAX_COLUMNS:
        raise FileRefused(
            words(
                "the header has {:,} columns, more than the limit of {:,}",
                len(record.cells),
                MAX_COLUMNS,
            ),
            line=record.line,
        )
    # A file without a header has a person's cells there. So name only declared columns, and check
    # for missing ones first.
    missing = [
        column.word for column in dataset.columns if column.required and column.name not in names
    ]
    if missing:
        raise FileRefused(
            words("the header lacks {}", _few(missing)), _of_missing(dataset), record.line
        )
    if twice := _repeated(names, dataset):
        reason = words("the header has {} twice, so it is ambiguous which one counts", _few(twice))
        raise FileRefused(reason, line=record.line)
    if (longest := max(delivered, key=len, default="")) and len(longest) > MAX_NAME:
        raise _long_name(delivered.index(longest) + 1, len(longest), record.line)
    simple = record.line == 1 and "\n" not in record.raw and "\r" not in record.raw
    return Header(names, delivered, simple, len(record.cells), record.line)


def _of_missing(dataset: Dataset) -> Words:
    """Return what to do about a header that lacks a column."""
    if dataset.setting:
        return words(
            "Correct {}: its first line must name these columns, separated by commas and not by"
            " semicolons.",
            dataset.source,
        )
    return words(
        "If Vocareum renamed or dropped it for good, change the model in"
        " analytics_pipeline/datasets/{}.py; otherwise ask Vocareum for the file again.",
        dataset.word,
    )


def _long_name(position: int, length: int, line: int) -> FileRefused:
    reason = words(
        "the name of column {} has {:,} characters, more than the limit of {}",
        position,
        length,
        MAX_NAME,
    )
    remedy = words(
        "A quote or comma of the header may be damaged: ask Vocareum for the file again. If the "
        "name is right, raise MAX_NAME in analytics_pipeline/ingest/csv/header.py."
    )
    return FileRefused(reason, remedy, line)


def _first_record(path: Path) -> Record:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise FileRefused(words("it is empty: not even a header"))
    for magic, problem in _MAGIC.items():
        if head.startswith(magic):
            raise FileRefused(problem)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{"):
        raise FileRefused(words("it is not CSV but HTML, XML or JSON, such as an error page"))
    if b"\0" in head.replace(b"\r", b"\n").split(b"\n", 1)[0]:
        raise FileRefused(
            words("its header has NUL bytes: it is UTF-16 or binary, not UTF-8 CSV"), line=1
        )
    record = next(read_records(path), None)
    if record is None:
        raise FileRefused(words("it is empty: not even a header"))
    if record.fault:
        raise FileRefused(words("the header can't be read: {}", record.fault), line=record.line)
    return record


def _repeated(names: Sequence[str], dataset: Dataset) -> list[Words]:
    """Return repeated columns: by name if declared, by position otherwise."""
    announced = {column.name: column.word for column in dataset.columns}
    first: dict[str, int] = {}
    repeated: dict[Words, None] = {}
    for position, name in enumerate(names, start=1):
        if name in first:
            repeated[
                announced.get(name) or words("column {} (as column {})", first[name], position)
            ] = None
        else:
            first[name] = position
    return list(repeated)


def _few(names: list[Words]) -> Words:
    shown, more = joined(names[:_NAMED]), len(names) - _NAMED
    return words("{}, and {:,} more", shown, more) if more > 0 else shown
