"""What the text of a delivered cell can say before its type is known: nothing, or a number in some export's form.

Both CSV readers, the typing and erasing share these definitions, so that none of them takes a cell for another one's.
"""

import re

BLANKS = "".join(
    map(
        chr,
        (
            *(0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)),
            *(0x2028, 0x2029, 0x202F, 0x205F, 0x3000),  # up to here: Unicode's White_Space
            *(
                0x180E,
                *range(0x200B, 0x2010),
                0x2060,
                0xFEFF,
            ),  # no width: joiners, marks of direction, byte order marks
        ),
    )
)
"""What is taken off both ends of a cell, whatever its type."""

NO_VALUE = ("NULL", r"\N")
"""Words for "no value", beside an empty cell; left alone where a column is declared `verbatim`: people are called Null."""

ZERO_DATE = r"0000-00-00([ T]00:00:00(\.0+)?( ?UTC|Z)?)?"
"""MySQL's words for "no date"."""

NONE_ID = r"[+-]?0+(\.0+)?|-0*1(\.0+)?"
"""0 and -1, which stand for "none" in an optional id and in a time."""

WHOLE_NUMBER = r"[+-]?[0-9]+(\.0+)?"
"""A whole number, also as spreadsheets and data frames export one beside empty cells: 1731.0."""


def whole_number(cell: str) -> int | None:
    """Return the whole number that a cell says, None if it says none or one of more digits than any id has."""
    text = cell.strip(BLANKS)
    return int(text.partition(".")[0]) if len(text) <= 60 and re.fullmatch(WHOLE_NUMBER, text) else None
