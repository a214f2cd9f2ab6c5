"""The careful reader: splits one damaged file into records, each with its line and raw text, whatever is in it.

It knows CSV and nothing of datasets. Whole files go through DuckDB in `read.py`, which is far faster; this one is for
files that DuckDB refuses, and to find the line of a row that was rejected.

A record is a run of lines that parse as one CSV record, no wider than the header. Where a record that spans lines does
not, a quote was left open: its first line alone is the damaged record and reading goes on at the next line, so that
the good rows behind it are not lost.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

MAX_LINE = 2_000_000
"""Characters; DuckDB's own limit is 2 MB. A longer line is one damaged record."""
MAX_LINES = 1_000
"""Lines that one quoted record may span, so that an open quote costs a bounded search."""

_BLANK_BEHIND_QUOTE = re.compile(r'"[ \t]+(?=,|\r|\n|$)')


@dataclass(slots=True, frozen=True)
class Record:
    """One record.

    Attributes:
        line: number of its first line, from 1.
        raw: its text as delivered; bytes that are not UTF-8 stand as `\\xNN`.
        cells: its cells, empty where `fault` says why they can't be told apart.
        fault: what is wrong with its form, None for a sound record.
    """

    line: int
    raw: str
    cells: list[str]
    fault: str | None = None


class _Lines:
    """The lines of a file, numbered, with a way to put lines back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._back: deque[tuple[int, str, bool]] = deque()
        self._number = 0

    def take(self) -> tuple[int, str, bool] | None:
        """The next line: number, text, whether it was cut at MAX_LINE."""
        if self._back:
            return self._back.popleft()
        text = self._file.readline(MAX_LINE)
        if not text:
            return None
        self._number += 1
        cut = len(text) == MAX_LINE and not text.endswith(("\n", "\r"))
        while cut and (rest := self._file.readline(MAX_LINE)):
            if rest.endswith(("\n", "\r")):
                break
        return self._number, text, cut

    def put_back(self, lines: list[tuple[int, str, bool]]) -> None:
        self._back.extendleft(reversed(lines))


def read_records(path: Path, width: int | None = None) -> Iterator[Record]:
    """Split a file into records, the header first; blank lines are none.

    Args:
        path: the file; read as UTF-8, with or without a byte order mark, with any line endings.
        width: cells in a whole record; None for the header's own.

    Raises:
        OSError: the file can't be read.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _Lines(file)
        while (first := lines.take()) is not None:
            if not first[1].strip():
                continue
            record = _record(first, lines, width)
            if width is None:
                width = len(record.cells)
            yield record


def has_records(path: Path, records: int) -> bool:
    """Whether a file that DuckDB read holds just so many records; DuckDB drops a last one cut off inside quotes in silence.

    Mostly a record is a line. Else the lines are counted once more without blank ones and those inside quotes.
    """
    newlines, last = 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            newlines += chunk.count(b"\n")
            last = chunk[-1:]
    if newlines + (last != b"\n") == records + 1:
        return True
    unquoted = re.sub(rb'"[^"]*"', b"x", path.read_bytes())
    return sum(1 for line in unquoted.split(b"\n") if line.strip()) == records + 1


def _record(first: tuple[int, str, bool], lines: _Lines, width: int | None) -> Record:
    number, text, cut = first
    if cut:
        return Record(number, _shown(text), [], f"the line is longer than {MAX_LINE:,} characters")
    taken = [first]
    try:
        cells = _parse(_following(taken, lines))
    except csv.Error:
        cells = None
    if len(taken) > 1 and (cells is None or (width is not None and _width(cells, width) > width)):
        lines.put_back(taken[1:])
        return Record(number, _shown(text), [], "a quote is opened and not closed")
    raw = "".join(line[1] for line in taken)
    if cells is None:
        cells = _parse_lenient(raw)
    if cells is None:
        unclosed = raw.count('"') % 2 == 1
        return Record(
            number,
            _shown(raw),
            [],
            "a quote is opened and not closed" if unclosed else "text stands behind a closing quote",
        )
    if not _is_utf8(raw):
        return Record(number, _shown(raw), [], "the text is not UTF-8")
    return Record(number, raw.rstrip("\r\n"), cells[: _width(cells, width)])


def _following(taken: list[tuple[int, str, bool]], lines: _Lines) -> Iterator[str]:
    """The text of a record's lines; csv asks for another one while a quote is open."""
    yield taken[0][1]
    while len(taken) < MAX_LINES and (line := lines.take()) is not None:
        taken.append(line)
        yield line[1]


def _parse(text: Iterator[str]) -> list[str]:
    csv.field_size_limit(MAX_LINE * MAX_LINES)
    return next(csv.reader(text, skipinitialspace=True, strict=True))


def _parse_lenient(raw: str) -> list[str] | None:
    """Once more without the blanks between a closing quote and the comma, which DuckDB takes and csv does not."""
    try:
        return _parse(iter([_BLANK_BEHIND_QUOTE.sub('"', raw)]))
    except csv.Error:
        return None


def _width(cells: list[str], width: int | None) -> int:
    """Cells that count: empty ones beyond the width do not."""
    count = len(cells)
    while width is not None and count > width and not cells[count - 1].strip():
        count -= 1
    return count


def _is_utf8(raw: str) -> bool:
    try:
        return raw.isascii() or bool(raw.encode())
    except UnicodeEncodeError:  # the surrogates that stand for undecodable bytes
        return False


def _shown(raw: str) -> str:
    """The text with what is not UTF-8 as `\\xNN`."""
    return raw.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
