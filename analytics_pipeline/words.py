"""Text that may leave the private folder: into logs, events, alerts, the terminal and published tables.

A type of its own, so that a cell of a file cannot get into it: mypy refuses a `str` where `Words` are due, and `words` takes
no other values than numbers and `Words`. Nothing is imported here.
"""

from collections.abc import Iterable
from typing import LiteralString


class Words(str):
    """Text of constants, declared names and numbers. Call `words` to make some; call this for declarations alone."""

    __slots__ = ()


def words(template: LiteralString, /, *values: Words | int | float) -> Words:
    """Return a template with values in place of its `{}`.

    Raises:
        TypeError: a value is a text that nobody declared.
    """
    for value in values:
        if not isinstance(value, Words | int | float):
            raise TypeError(f"a {type(value).__name__} is no declared text and no number")  # never the value itself
    return Words(template.format(*values))


def joined(names: Iterable[Words]) -> Words:
    """Return names with commas between them."""
    return Words(", ".join(names))
