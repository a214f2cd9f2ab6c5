"""The careful reader: splits one damaged file into records, each with its line and raw text, whatever is in it.

It knows CSV and nothing of datasets. Whole files go through DuckDB in `read_files.py`, which is far faster; this one is for
files that DuckDB refuses, and to find the line of a row that was rejected.

A record is a run of lines that parse as one CSV record. Where lines do not, or where they are not as wide as a whole record and
a line behind the first is, a quote was left open: the first line alone is the damaged record and reading goes on at the next
line, so that the good rows behind it are not lost. Whole is what is as wide as the header or as the first row, since all
rows may lack the last cells. The grammar is DuckDB's: a quote opens a cell behind nothing but spaces, blanks may stand behind
the closing one, and a quote inside a bare cell is text.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from analytics_pipeline.datasets.cells import BLANKS
from analytics_pipeline.words import Words, words

MAX_LINE = 2_000_000
"""Characters; DuckDB's own limit is 2 MB. A longer line is one damaged record."""
MAX_LINES = 1_000
MAX_RECORD = 4 * MAX_LINE
"""Lines and characters that one quoted record may span, so that an open quote costs a bounded search."""

_WINDOW = 4096
_OPEN = words("a quote is opened and not closed")
_BEHIND = words("text stands behind a closing quote")
_BLANKS = " \t\r\n"
_BARE = re.compile(r' *+((?:[^",\r\n][^,\r\n]*+)?+)(,|\r\n?|\n|\Z)')
_INSIDE = re.compile(r'(?:[^"]++|"")*+')
_CLOSING = re.compile(r'"[ \t]*+(,|\r\n?|\n|\Z)')


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
    fault: Words | None = None


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
        text = self._piece()
        if not text:
            return None
        self._number += 1
        cut = len(text) >= MAX_LINE and not text.endswith(("\n", "\r"))
        while cut and (rest := self._piece()):
            if rest.endswith(("\n", "\r")):
                break
        return self._number, text, cut

    def _piece(self) -> str:
        """A line, or MAX_LINE characters of it; a CR is not parted from its LF, which would be a line of its own."""
        text = self._file.readline(MAX_LINE)
        if len(text) == MAX_LINE and text.endswith("\r"):
            behind = self._file.tell()
            if self._file.read(1) == "\n":
                return text + "\n"
            self._file.seek(behind)
        return text

    def put_back(self, lines: list[tuple[int, str, bool]]) -> None:
        self._back.extendleft(reversed(lines))


def read_records(path: Path, width: int | None = None) -> Iterator[Record]:
    """Split a file into records, the header first; blank lines are none.

    Args:
        path: the file; read as UTF-8, with or without a byte order mark, with any line endings.
        width: cells in a whole record; None for the header's own, without empty ones at its end.

    Raises:
        OSError: the file can't be read.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines, whole = _Lines(file), list[int]()
        while (first := lines.take()) is not None:
            if not first[1].strip(_BLANKS):
                continue
            record = _record(first, lines, width, whole)
            if width is None:
                width = width_of(record.cells)
            if len(whole) < 2 and record.fault is None:
                whole.append(width_of(record.cells, width))
            yield record


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look over a file's bytes tells of it.

    Attributes:
        lines: line feeds, and the last line if none ends it.
        trusted: whether DuckDB may read it. It keeps a long line whole once for every cell beyond the header's (a row of
            900,000 cells takes hours), and takes a quote behind two blanks for text, in silence. A CR alone ends a line for it, so
            that line feeds do not tell whether it read all.
    """

    lines: int
    trusted: bool


def survey(path: Path) -> Survey:
    """Look over a file once.

    It is not trusted if it has a line of twice _WINDOW bytes or more; a shorter one may do, as windows are looked at.

    Raises:
        OSError: the file can't be read.
    """
    newlines, lone_returns, end, trusted = 0, 0, b"\n", True
    with path.open("rb") as file:
        while trusted and (chunk := file.read(_WINDOW * 256)):
            whole_windows = range(0, len(chunk) - _WINDOW + 1, _WINDOW)
            trusted = (
                chunk.rfind(b'  "') < 0  # from the back, which is quicker than `in`
                and b'  "' not in end + chunk[:2]
                and all(chunk.find(b"\n", at, at + _WINDOW) >= 0 for at in whole_windows)
            )
            newlines += chunk.count(b"\n")
            if b"\r" in chunk or end[-1:] == b"\r":
                lone_returns += chunk.count(b"\r") - (end[-1:] + chunk).count(b"\r\n")
            end = chunk[-2:]
    return Survey(newlines + (end[-1:] != b"\n"), trusted and not lone_returns)


def is_read_whole(path: Path, surveyed: Survey, records: int) -> bool:
    """Whether DuckDB, which found just so many records in a trusted file and nothing wrong, read all of it.

    It drops a last record cut off inside quotes in silence. Mostly a record is a line; else the lines are counted once more
    without blank ones and those inside quotes.
    """
    return surveyed.lines == records + 1 or _lines_outside_quotes(path) == records + 1


def _lines_outside_quotes(path: Path) -> int:
    """Lines that are not blank, without the line ends that stand inside quotes."""
    lines, begun, blanks = 0, b"", _BLANKS.encode()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            closed, quote, _ = re.sub(rb'"[^"]*"', b"x", begun + chunk).partition(b'"')
            *whole, rest = closed.split(b"\n")
            lines += sum(1 for line in whole if line.strip(blanks))
            begun = (b"x" if rest.strip(blanks) else b"") + quote
    return lines + bool(begun)


def _record(first: tuple[int, str, bool], lines: _Lines, width: int | None, whole: Sequence[int]) -> Record:
    number, text, cut = first
    if cut:
        return Record(number, _shown(text), [], words("the line is longer than {:,} characters", MAX_LINE))
    taken = [first]
    cells, fault = _cells(_following(taken, lines))
    if len(taken) > 1 and (fault or _swallowed(cells, taken[1:], width, whole)):
        lines.put_back(taken[1:])
        return Record(number, _shown(text), [], _OPEN)
    raw = "".join(line[1] for line in taken)
    if fault is None and not _is_utf8(raw):
        fault = words("the text is not UTF-8")
    if fault:
        return Record(number, _shown(raw), [], fault)
    return Record(number, raw.rstrip("\r\n"), cells[: _width(cells, width)])


def _swallowed(cells: list[str], behind: list[tuple[int, str, bool]], width: int | None, whole: Sequence[int]) -> bool:
    """Whether a quote left open took a whole record along; else lines of another width are one row that is too wide or short."""
    if _width(cells, width) in whole:
        return False
    return any(_width(_cells(iter([text]))[0], width) in whole for _, text, _ in behind)


def _following(taken: list[tuple[int, str, bool]], lines: _Lines) -> Iterator[str]:
    """The text of a record's lines, as long as somebody asks for another one because a quote is open."""
    size = len(taken[0][1])
    yield taken[0][1]
    while len(taken) < MAX_LINES and size <= MAX_RECORD and (line := lines.take()) is not None:
        taken.append(line)
        size += len(line[1])
        if line[2]:
            return
        yield line[1]


def _cells(texts: Iterator[str]) -> tuple[list[str], Words | None]:
    """The cells of the record that begins the first line, and why they can't be told apart."""
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
            assert inside is not None  # it matches nothing, too
            quoted.append(inside[0])
            if inside.end() == len(text):
                break
            if not (closing := _CLOSING.match(text, inside.end())):
                return [], _BEHIND
            cells.append("".join(quoted).replace('""', '"'))
            quoted, at, end = None, closing.end(), closing[1]
        if quoted is None:
            return cells, None
    return [], _OPEN


def width_of(cells: Sequence[str], least: int = 0) -> int:
    """Cells that count: empty ones at the end, beyond the first `least`, do not."""
    count = len(cells)
    while count > least and not cells[count - 1].strip(BLANKS):
        count -= 1
    return count


def _width(cells: list[str], width: int | None) -> int:
    return len(cells) if width is None else width_of(cells, width)


def _is_utf8(raw: str) -> bool:
    try:
        return raw.isascii() or bool(raw.encode())
    except UnicodeEncodeError:  # the surrogates that stand for undecodable bytes
        return False


def _shown(raw: str) -> str:
    """The text with what is not UTF-8 as `\\xNN`."""
    return raw.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
