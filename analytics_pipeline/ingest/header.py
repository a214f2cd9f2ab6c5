"""Whether a file can be read at all, and which column stands where: the header, judged before any row.

DuckDB does not check a header, so HTML, gzip, UTF-16 or an empty body must be refused here.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from analytics_pipeline.datasets import Dataset, normal_form
from analytics_pipeline.datasets.cells import BLANKS
from analytics_pipeline.ingest.records import Record, read_records, width_of

MAX_COLUMNS = 2_000
_MAGIC = {
    b"\x1f\x8b": "it is compressed (gzip)",
    b"PK\x03\x04": "it is a zip archive",
    b"\xff\xfe": "it is UTF-16, not UTF-8",
    b"\xfe\xff": "it is UTF-16, not UTF-8",
    b"PAR1": "it is a Parquet file",
}
_SAME_FILE_REMEDY = "Ask Vocareum for the file again; it is loaded by itself once it is delivered whole."


class FileRefused(Exception):
    """A file that can't be loaded; the rows it had before stay.

    Attributes:
        reason: what is wrong, a clause for people.
        remedy: what a person should do.
        line: where, None for the whole file.
    """

    def __init__(self, reason: str, remedy: str = _SAME_FILE_REMEDY, line: int | None = None) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason, self.remedy, self.line = reason, remedy, line


@dataclass(frozen=True)
class Header:
    """What stands where in a file.

    Attributes:
        names: normal form of each column, in the file's order.
        delivered: the headers as delivered, for columns nobody announced.
        simple: whether DuckDB may skip it as the file's first line.
        cells: cells of its line; empty ones at the end are no columns.
    """

    names: tuple[str, ...]
    delivered: tuple[str, ...]
    simple: bool
    cells: int

    @property
    def width(self) -> int:
        """Cells in a whole record."""
        return len(self.names)


def read_header(path: Path, dataset: Dataset) -> Header:
    """Read and judge a file's header.

    Raises:
        FileRefused: the body is none of CSV, or the header lacks a column, or has one twice.
    """
    record = _first_record(path)
    delivered = tuple(cell.strip(BLANKS) for cell in record.cells[: width_of(record.cells)])
    names = tuple(normal_form(cell) or f"column_{at}" for at, cell in enumerate(delivered, start=1))
    if len(record.cells) > MAX_COLUMNS:
        raise FileRefused(
            f"the header has {len(record.cells):,} columns; {MAX_COLUMNS:,} is the most that is read", line=record.line
        )
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise FileRefused(f"the header has {_few(twice)} twice, so it can't be told which one counts", line=record.line)
    missing = [column.name for column in dataset.columns if column.required and column.name not in names]
    if missing:
        remedy = (
            f"If Vocareum renamed or dropped it for good, change the model in analytics_pipeline/datasets/{dataset.name}.py; "
            "otherwise ask Vocareum for the file again."
        )
        raise FileRefused(f"the header lacks {_few(missing)}", remedy, record.line)
    simple = record.line == 1 and "\n" not in record.raw and "\r" not in record.raw
    return Header(names, delivered, simple, len(record.cells))


def _first_record(path: Path) -> Record:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise FileRefused("it is empty: not even a header")
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise FileRefused(what)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{"):
        raise FileRefused("it is not CSV but HTML, XML or JSON, such as an error page")
    if b"\0" in head.replace(b"\r", b"\n").split(b"\n", 1)[0]:
        raise FileRefused("its header has NUL bytes: it is UTF-16 or binary, not UTF-8 CSV", line=1)
    record = next(read_records(path), None)
    if record is None:
        raise FileRefused("it is empty: not even a header")
    if record.fault:
        raise FileRefused(f"the header can't be read: {record.fault}", line=record.line)
    return record


def _few(names: list[str], most: int = 5) -> str:
    shown = ", ".join(name[:60] for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
