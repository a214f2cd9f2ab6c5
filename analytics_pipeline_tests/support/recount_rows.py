"""What the recounts of people and sessions share: rows that are grouped, rounded, or in percent."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

from analytics_pipeline_tests.support.model_warehouse import utc

T = TypeVar("T")
Rows = list[tuple[object, ...]]
LONG_AGO = utc(1, 1, 1)


def grouped(things: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups


def rounded(number: Decimal | int, places: str) -> Decimal:
    return Decimal(number).quantize(Decimal(places), ROUND_HALF_UP)


def percent(score: Decimal, most: Decimal) -> Decimal:
    return rounded(score * 100 / most, "0.01")
