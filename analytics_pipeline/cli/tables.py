"""Tables as text: drawn for a terminal, tab-separated for a pipe. Who prints which is decided in `console.py`."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

_SHORT = 16  # characters of a cell that is not broken over lines


def printable(text: str) -> str:
    """Text without what would steer a terminal: delivered cells and keys may hold anything."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def one_line(text: str) -> str:
    """A sender's text within a line of ours: it can't begin a line of its own."""
    return printable(text).replace("\n", "\\n")


def text_field(value: object) -> str:
    """Return a cell of tab-separated text: one line, numbers without separators, NULL empty."""
    return one_line(plain(value))


def plain(value: object) -> str:
    """Return a value as text: NULL is empty, and no number has an exponent or loses a digit."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def drawn(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], whole: Collection[str], width: int
) -> Table:
    """Return a table as a terminal of this many columns shows it, with narrower gaps where it is tight.

    Whole numbers stand at the right, and cells of the columns in `whole` are not broken over lines.
    """
    widths, unbroken = [], []
    for at, name in enumerate(columns):
        widths.append(max(len(_cell(cell)) for cell in (name, *(row[at] for row in rows))))
        unbroken.append(name in whole or all(len(str(row[at])) <= _SHORT for row in rows))
    least = sum(wide if fixed else min(wide, _SHORT) for wide, fixed in zip(widths, unbroken, strict=True))
    gap = 1 if least + 2 * len(columns) > width else 2
    made = Table(
        title=Text(printable(title)) if title else None,  # Text, as Rich takes `[x]` in a str for markup
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD if gap > 1 else None,
        padding=(0, gap - 1 if gap > 1 else 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for at, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[at], int) for row in rows)
        made.add_column(
            Text(printable(name)), justify="right" if numeric else "left", overflow="fold", no_wrap=unbroken[at]
        )
    for row in rows:
        made.add_row(*(Text(_cell(cell)) for cell in row))
    # Rich cuts what may not be broken, numbers too, where a terminal is too narrow for it: rather have the terminal wrap.
    made.min_width = min(len(title), width)  # Rich breaks a title over lines where the table is narrower
    if (needed := least + gap * len(columns)) > width:
        made.width = needed
    return made


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else printable(plain(value))
