"""Text that may leave the private folder: logs, events, alerts, the terminal and published tables.

`Words` is a type of its own so that no cell of a file can get into such a text. mypy refuses a
`str` where `Words` is required, and `words` accepts only numbers and `Words`. Imports nothing.
"""

from collections.abc import Iterable
from typing import LiteralString


class Words(str):
    """Text made of constants, declared names and numbers.

    Use `words` to build it; call this only for declarations.
    """

    __slots__ = ()


def words(template: LiteralString, /, *values: Words | int | float) -> Words:
    """Return the template with values in place of its `{}`.

    Raises:
        TypeError: a value is neither a number nor `Words`.
    """
    for value in values:
        if not isinstance(value, Words | int | float):
            # The message never shows the value.
            raise TypeError(f"a {type(value).__name__} is neither declared text nor a number")
    return Words(template.format(*values))


def counted(number: int, noun: LiteralString) -> Words:
    """Return a number with its noun in the singular or plural, such as `1 file`, `2,000 files`."""
    return Words(f"{number:,} {noun}{'' if number == 1 else 's'}")


def named(names: Iterable[str], most: int, separator: str = ", ") -> str:
    """Return the first names, and the number of the others: `a, b, and 3 more`."""
    shown = list(names)
    others = [f"and {len(shown) - most:,} more"] if len(shown) > most else []
    return separator.join([*shown[:most], *others])


def joined(names: Iterable[Words]) -> Words:
    """Join names with commas."""
    return Words(", ".join(names))
