"""A second CSV reader, written from the documented rule of `ingest/csv/tolerant_reader.py` and not
from its code.

It works character by character and is slow. It shares nothing with the pipeline, so that the two
can be compared.
"""

from dataclasses import dataclass, field

BLANKS = "".join(
    chr(code)
    for code in range(0x10000)
    if (chr(code).isspace() and code not in range(0x1C, 0x20))
    or code in (0x180E, *range(0x200B, 0x2010), 0x2060, 0xFEFF)
)
"""Unicode white space according to Python (which adds four separators), and zero-width
characters."""
MOST_LINES = 1_000
LONGEST_LINE = 2_000_000


@dataclass(frozen=True)
class Read:
    """One record: its first line, its cells without surrounding spaces (None if they can't be told
    apart), and whether empty cells after the header's were cut from its end, so that it may be
    shifted."""

    line: int
    cells: tuple[str, ...] | None
    cut: bool = field(default=False, compare=False)


def read(body: bytes) -> list[Read]:
    """Return the records of a file, the header first."""
    lines = _lines(body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))
    found: list[Read] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip(" \t\r\n"):
            at += 1
            continue
        cells, used = _record(lines[at : at + MOST_LINES])
        width = len(columns(found[0])) if found else None
        cut = bool(found and cells and len(cells) > len(found[0].cells or ()))
        cells = _without_surplus(cells, width)
        whole = [
            len(columns(record) if at == 0 else record.cells)
            for at, record in enumerate(found)
            if record.cells is not None
        ][:2]
        if used > 1 and (
            cells is None
            or (
                len(cells) not in whole
                and any(_cells(line, width) in whole for line in lines[at + 1 : at + used])
            )
        ):
            cells, used = None, 1
        if cells is not None and any(
            "\udc80" <= char <= "\udcff" for cell in lines[at : at + used] for char in cell
        ):
            cells = None
        found.append(Read(at + 1, cells, cut))
        at += used
    return found


def _without_surplus(cells: tuple[str, ...] | None, width: int | None) -> tuple[str, ...] | None:
    """Return the cells without empty ones after the header's."""
    while (
        cells is not None
        and width is not None
        and len(cells) > width
        and not cells[-1].strip(BLANKS)
    ):
        cells = cells[:-1]
    return cells


def columns(header: Read) -> tuple[str, ...]:
    """Return the cells of a header without empty ones at its end."""
    return _without_surplus(header.cells or (), 0) or ()


def _cells(line: str, width: int | None) -> int:
    """Return the number of cells of a line that is a record by itself; 0 if it is not."""
    return len(_without_surplus(_record([line])[0], width) or ())


def _lines(text: str) -> list[str]:
    """Split into physical lines with their ends: LF, CRLF or CR."""
    lines, start, at = [], 0, 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\r" and text[at : at + 1] == "\n":
            at += 1
        if char in "\r\n":
            lines.append(text[start:at])
            start = at
    return [*lines, text[start:]] if start < len(text) else lines


def _record(lines: list[str]) -> tuple[tuple[str, ...] | None, int]:
    """Return the cells of the record that the first line begins, and the lines used; no cells if it
    is damaged.
    """
    cells: list[str] = []
    cell = ""
    # before a cell's text, bare, quoted, quote (just seen inside quotes), behind (the closing one)
    state = "before"
    for used, line in enumerate(lines, start=1):
        if len(line.rstrip("\r\n")) >= LONGEST_LINE:
            return None, used
        for char in (
            line if line.endswith(("\r", "\n")) else line + "\n"
        ):  # the end of the file ends a line
            if state == "quoted":
                if char == '"':
                    state = "quote"
                else:
                    cell += char
            elif state == "quote" and char == '"':
                cell, state = cell + '"', "quoted"
            elif char in ",\r\n":
                cells.append(cell.strip(" "))
                cell, state = "", "before"
                if char in "\r\n":
                    return tuple(cells), used
            elif state in ("quote", "behind"):
                if char not in " \t":
                    return None, used
                state = "behind"
            elif state == "before" and char == '"':
                state = "quoted"
            elif state == "before" and char == " ":
                continue
            else:
                cell, state = cell + char, "bare"
    return None, len(lines)
