"""Survey a file's bytes: whether DuckDB may read it, and whether it has read everything.

DuckDB drops some damage silently, so its own result is not enough.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_WINDOW = 4096
_BLANKS = " \t\r\n"
_ENDS_WITH_COMMA = re.compile(rb"^.*,\r?$", re.MULTILINE)
_QUOTED = re.compile(rb'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Survey:
    """Result of scanning a file's bytes.

    Attributes:
        lines: number of line feeds, plus one if the last line lacks one.
        trusted: whether DuckDB may read it. DuckDB copies a long line once per cell after the
            header's (a row of 900,000 cells takes hours), and silently takes a quote after two
            blanks for text. A lone CR ends a line for it, so that line feeds do not tell whether it
            read everything.
    """

    lines: int
    trusted: bool


def survey(path: Path) -> Survey:
    """Scan a file once.

    It is not trusted if a line has 2 * _WINDOW bytes or more. A shorter one may also fail, as the
    scan works in windows.

    Raises:
        OSError: the file can't be read.
    """
    newlines, lone_returns, end, trusted = 0, 0, b"\n", True
    with path.open("rb") as file:
        while trusted and (chunk := file.read(_WINDOW * 256)):
            whole_windows = range(0, len(chunk) - _WINDOW + 1, _WINDOW)
            trusted = (
                chunk.rfind(b'  "') < 0  # from the end, which is faster than `in`
                and b'  "' not in end + chunk[:2]
                and all(chunk.find(b"\n", at, at + _WINDOW) >= 0 for at in whole_windows)
            )
            newlines += chunk.count(b"\n")
            if b"\r" in chunk or end[-1:] == b"\r":
                lone_returns += chunk.count(b"\r") - (end[-1:] + chunk).count(b"\r\n")
            end = chunk[-2:]
    return Survey(newlines + (end[-1:] != b"\n"), trusted and not lone_returns)


def is_read_whole(path: Path, surveyed: Survey, records: int) -> bool:
    """Return whether DuckDB read all of a trusted file, given its number of records.

    It silently drops a last record that is cut off inside quotes. Usually each record is one line;
    otherwise count the lines again without blank ones and those inside quotes.
    """
    return surveyed.lines == records + 1 or _lines_outside_quotes(path) == records + 1


def _lines_outside_quotes(path: Path) -> int:
    """Return the number of lines that are not blank, ignoring line ends inside quotes."""
    lines, begun, blanks = 0, b"", _BLANKS.encode()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            closed, quote, _ = re.sub(rb'"[^"]*"', b"x", begun + chunk).partition(b'"')
            *complete, rest = closed.split(b"\n")
            lines += sum(1 for line in complete if line.strip(blanks))
            begun = (b"x" if rest.strip(blanks) else b"") + quote
    return lines + bool(begun)


def has_surplus(path: Path, cells: int) -> bool:
    """Return whether a line may have empty cells beyond these, which DuckDB silently drops.

    Raises:
        OSError: the file can't be read.
    """
    content = path.read_bytes()
    if b",\n" not in content and b",\r" not in content and not content.endswith(b","):
        return False
    ends = _ENDS_WITH_COMMA.finditer(content)
    return any(_QUOTED.sub(b"", line[0]).count(b",") >= cells for line in ends)
