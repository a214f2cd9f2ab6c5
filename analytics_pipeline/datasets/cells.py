"""Forms of a cell's text that do not depend on its type: blanks, "no value", whole numbers.

Both CSV readers, the casts and erasure share these definitions, so that they always agree on a
cell.
"""

import re

BLANKS = "".join(
    map(
        chr,
        (
            *(0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)),
            *(0x2028, 0x2029, 0x202F, 0x205F, 0x3000),  # up to here: Unicode's White_Space
            # Without width: joiners, marks of direction, byte order marks.
            *(0x180E, *range(0x200B, 0x2010), 0x2060, 0xFEFF),
        ),
    )
)
"""Characters trimmed from both ends of a cell, whatever its type."""

NO_VALUE = ("NULL", r"\N")
"""Texts for "no value", besides an empty cell. Not applied to `verbatim` columns: people are called
Null."""

ZERO_DATE = r"0000-00-00([ T]00:00:00(\.0+)?( ?UTC|Z)?)?"
"""MySQL's text for "no date"."""

NONE_ID = r"[+-]?0+(\.0+)?|-0*1(\.0+)?"
"""0 and -1, which mean "none" in an optional id and in a time."""

WHOLE_NUMBER = r"[+-]?[0-9]+(\.0+)?"
"""A whole number, also as spreadsheets and data frames write a column with empty cells: 1731.0."""


def whole_number(cell: str) -> int | None:
    """Return the cell's whole number; None if it is not one, or has more digits than any id."""
    text = cell.strip(BLANKS)
    return (
        int(text.partition(".")[0])
        if len(text) <= 60 and re.fullmatch(WHOLE_NUMBER, text)
        else None
    )
