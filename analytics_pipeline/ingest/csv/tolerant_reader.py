"""Split one damaged file into records, with line and raw text, whatever is in it.

Knows CSV, not datasets. DuckDB reads whole files far faster (`read_files.py`). This reader serves
files that DuckDB refuses, and finds the lines of rejected rows.

A record is a run of lines that parse as one CSV record. If they do not parse, or are not as wide as
a complete record while a line after the first is, a quote was left open. Then only the first line
is a damaged record, and reading continues at the next line, so that the good rows after it are not
lost. Complete means as wide as the header or the first row, since all rows may lack the last cells.
The grammar is DuckDB's: a quote opens a cell after nothing but spaces, blanks may follow the
closing one, and a quote inside an unquoted cell is text.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from analytics_pipeline.datasets.cells import BLANKS
from analytics_pipeline.words import Words, words

MAX_LINE = 2_000_000
"""Characters; DuckDB's own limit is 2 MB. A longer line is one damaged record."""
MAX_LINES = 1_000
MAX_RECORD = 4 * MAX_LINE
"""Maximum lines and characters of one quoted record, to bound the search after an open quote."""

_OPEN = words("a quote is opened and not closed")
_TEXT_AFTER_QUOTE = words("text follows a closing quote")
_BLANKS = " \t\r\n"
_BARE = re.compile(r' *+((?:[^",\r\n][^,\r\n]*+)?+)(,|\r\n?|\n|\Z)')
_INSIDE = re.compile(r'(?:[^"]++|"")*+')
_CLOSING = re.compile(r'"[ \t]*+(,|\r\n?|\n|\Z)')


@dataclass(slots=True, frozen=True)
class Record:
    """One record.

    Attributes:
        line: number of its first line, from 1.
        raw: its text as delivered; bytes that are not UTF-8 are shown as `\\xNN`.
        cells: its cells; empty if `fault` says why they can't be told apart.
        fault: the fault in its form; None for a sound record.
        delivered: number of cells, including trailing empty ones.
    """

    line: int
    raw: str
    cells: list[str]
    fault: Words | None = None
    delivered: int = 0


class _Line(NamedTuple):
    """One line: its number from 1, its text, and whether that was cut at MAX_LINE."""

    number: int
    text: str
    is_cut: bool


class _Lines:
    """The lines of a file, which can be put back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._back: deque[_Line] = deque()
        self._number = 0

    def take(self) -> _Line | None:
        """Return the next line; None at the end of the file."""
        if self._back:
            return self._back.popleft()
        text = self._piece()
        if not text:
            return None
        self._number += 1
        is_cut = len(text) >= MAX_LINE and not text.endswith(("\n", "\r"))
        while is_cut and (rest := self._piece()):  # skip the rest of the line
            if rest.endswith(("\n", "\r")):
                break
        return _Line(self._number, text, is_cut)

    def _piece(self) -> str:
        """Return a line, or MAX_LINE characters of it, never splitting a CR LF."""
        text = self._file.readline(MAX_LINE)
        if len(text) == MAX_LINE and text.endswith("\r"):
            after_return = self._file.tell()
            if self._file.read(1) == "\n":
                return text + "\n"
            self._file.seek(after_return)
        return text

    def put_back(self, lines: list[_Line]) -> None:
        self._back.extendleft(reversed(lines))


def read_records(path: Path, width: int | None = None) -> Iterator[Record]:
    """Split a file into records, the header first; blank lines are skipped.

    Args:
        path: the file, read as UTF-8, with or without a byte order mark, with any line endings.
        width: number of cells in a complete record; None for the header's, without empty ones at
            its end.

    Raises:
        OSError: the file can't be read.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines, complete_widths = _Lines(file), list[int]()
        while (first := lines.take()) is not None:
            if not first.text.strip(_BLANKS):
                continue
            record = _record(first, lines, width, complete_widths)
            if width is None:
                width = width_of(record.cells)
            if len(complete_widths) < 2 and record.fault is None:
                complete_widths.append(width_of(record.cells, width))
            yield record


def _record(
    first: _Line, lines: _Lines, width: int | None, complete_widths: Sequence[int]
) -> Record:
    """Return the record that begins with a line; take the others that it needs."""
    number, text, is_cut = first
    if is_cut:
        return Record(
            number, _shown(text), [], words("the line is longer than {:,} characters", MAX_LINE)
        )
    taken = [first]
    cells, fault = _cells(_following(taken, lines))
    if len(taken) > 1 and (fault or _swallowed(cells, taken[1:], width, complete_widths)):
        lines.put_back(taken[1:])
        return Record(number, _shown(text), [], _OPEN)
    raw = "".join(line.text for line in taken)
    if fault is None and not _is_utf8(raw):
        fault = words("the text is not UTF-8")
    if fault:
        return Record(number, _shown(raw), [], fault)
    return Record(number, raw.rstrip("\r\n"), cells[: _width(cells, width)], delivered=len(cells))


def _swallowed(
    cells: list[str],
    rest: list[_Line],
    width: int | None,
    complete_widths: Sequence[int],
) -> bool:
    """Return whether an open quote swallowed a complete record."""
    if _width(cells, width) in complete_widths:
        return False
    return any(_width(_cells(iter([text]))[0], width) in complete_widths for _, text, _ in rest)


def _following(taken: list[_Line], lines: _Lines) -> Iterator[str]:
    """Yield the text of a record's lines while the parser asks for more, because a quote is open.

    Add the lines that this takes to `taken`, so that they can be put back.
    """
    size = len(taken[0].text)
    yield taken[0].text
    while len(taken) < MAX_LINES and size <= MAX_RECORD and (line := lines.take()) is not None:
        taken.append(line)
        size += len(line.text)
        if line.is_cut:
            return
        yield line.text


def _cells(texts: Iterator[str]) -> tuple[list[str], Words | None]:
    """Return the cells of the record; none and the reason if they can't be told apart."""
    cells: list[str] = []
    quoted: list[str] | None = None  # what the open quote holds so far
    for text in texts:
        at, end = 0, ","
        while end == ",":
            if quoted is None:
                if bare := _BARE.match(text, at):
                    cells.append(bare[1])
                    at, end = bare.end(), bare[2]
                    continue
                quoted, at = [], text.index('"', at) + 1
            inside = _INSIDE.match(text, at)
            assert inside is not None  # the pattern also matches the empty string
            quoted.append(inside[0])
            if inside.end() == len(text):
                break
            if not (closing := _CLOSING.match(text, inside.end())):
                return [], _TEXT_AFTER_QUOTE
            cells.append("".join(quoted).replace('""', '"'))
            quoted, at, end = None, closing.end(), closing[1]
        if quoted is None:
            return cells, None
    return [], _OPEN


def cell_spans(raw: str) -> list[slice]:
    """Return each cell's position in a sound record's text, without the separator."""
    spans, at, separator = [], 0, ","
    while separator == ",":
        if match := _BARE.match(raw, at):
            separator = match[2]
        else:
            inside = _INSIDE.match(raw, raw.index('"', at) + 1)
            assert inside is not None  # it matches even nothing
            match = _CLOSING.match(raw, inside.end())
            assert match is not None  # the record is sound
            separator = match[1]
        spans.append(slice(at, match.start(2) if match.re is _BARE else match.start(1)))
        at = match.end()
    return spans


def width_of(cells: Sequence[str], least: int = 0) -> int:
    """Return the number of cells without empty ones at the end, but at least `least`."""
    count = len(cells)
    while count > least and not cells[count - 1].strip(BLANKS):
        count -= 1
    return count


def _width(cells: list[str], width: int | None) -> int:
    return len(cells) if width is None else width_of(cells, width)


def _is_utf8(raw: str) -> bool:
    try:
        return raw.isascii() or bool(raw.encode())
    except UnicodeEncodeError:  # surrogates mark undecodable bytes
        return False


def _shown(raw: str) -> str:
    """Return the text with bytes that are not UTF-8 shown as `\\xNN`."""
    return raw.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
