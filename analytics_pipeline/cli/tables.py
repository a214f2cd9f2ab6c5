"""Tables as text: drawn for a terminal, tab-separated for a pipe. `console.py` chooses."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

_SHORT = 16  # longest cell that is never wrapped


def printable(text: str) -> str:
    """Return text without control characters, as delivered cells and keys may contain anything."""
    return "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )


def one_line(text: str) -> str:
    """Return a sender's text for use within a line, without line breaks."""
    return printable(text).replace("\n", "\\n")


def text_field(value: object) -> str:
    """Return a cell of tab-separated text: one line, numbers without separators, NULL empty."""
    return one_line(plain(value))


def plain(value: object) -> str:
    """Return a value as text. NULL is empty; numbers have all digits and no exponent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def drawn(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    unbroken: Collection[str],
    width: int,
) -> Table:
    """Return a table for a terminal of this width, with narrower gaps if space is short.

    Right-aligns integers, and does not wrap cells of the columns in `unbroken`.
    """
    widths, no_wrap = [], []
    for at, name in enumerate(columns):
        widths.append(max(len(_cell(cell)) for cell in (name, *(row[at] for row in rows))))
        no_wrap.append(name in unbroken or all(len(str(row[at])) <= _SHORT for row in rows))
    least = sum(
        wide if fixed else min(wide, _SHORT) for wide, fixed in zip(widths, no_wrap, strict=True)
    )
    gap = 1 if least + 2 * len(columns) > width else 2
    grid = Table(
        # Rich takes `[x]` in a str for markup, but not in a Text.
        title=Text(printable(title)) if title else None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD if gap > 1 else None,
        padding=(0, gap - 1 if gap > 1 else 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for at, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[at], int) for row in rows)
        grid.add_column(
            Text(printable(name)),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=no_wrap[at],
        )
    for row in rows:
        grid.add_row(*(Text(_cell(cell)) for cell in row))
    grid.min_width = min(len(title), width)  # Rich wraps a title that is wider than the table
    # On a narrow terminal, Rich truncates cells that must not wrap, even numbers. Let the terminal
    # wrap them instead.
    if (needed := least + gap * len(columns)) > width:
        grid.width = needed
    return grid


def _cell(value: object) -> str:
    if value is None:
        return ""
    return (
        f"{value:,}"
        if isinstance(value, int) and not isinstance(value, bool)
        else printable(plain(value))
    )
