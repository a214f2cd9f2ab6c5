"""Random numbers that are the same on every machine.

Python only guarantees stable numbers across versions for `random.Random.random`, so nothing else is
used.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A random stream per name, so that one entity's draws never affect another's."""

    def __init__(self, *name: object) -> None:
        self._draw = random.Random("/".join(map(str, name))).random

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        return int(self._draw() * n)

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, inclusive."""
        return low + self.below(high - low + 1)

    def chance(self, p: float) -> bool:
        """Return True with probability p."""
        return self._draw() < p

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]
