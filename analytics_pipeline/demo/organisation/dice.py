"""Chance that is the same everywhere. Belongs here: drawing numbers. Does not: what they are used for.

Only `random.Random.random` is promised to give the same numbers in every Python version, so nothing else is used.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of chance of its own for each name, so that one entity's draws never disturb another's."""

    def __init__(self, *name: object) -> None:
        self._draw = random.Random("/".join(map(str, name))).random

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        return int(self._draw() * n)

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return self._draw() < p

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]
