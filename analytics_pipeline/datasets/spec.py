"""What a dataset is: its key pattern, cadence, model and everything derived from them.

Values and pure functions only. What one dataset holds belongs in its module, how files are read in `ingest/`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property

import pandera.polars as pa

from analytics_pipeline.datasets.columns import LeadingZeros, Person, Privacy, Row
from analytics_pipeline.datasets.sql_types import sql_type
from analytics_pipeline.words import Words


class Cadence(StrEnum):
    """How often the vendor makes a dataset's files, and so how it is partitioned."""

    DAILY = "daily"
    """One file per UTC day, made every six hours for the previous day."""
    MONTHLY = "monthly"
    """One file per month, rewritten every six hours while the month is open."""
    SNAPSHOT = "snapshot"
    """One file per course or organisation, overwritten in place every 24 hours: history exists only if we keep it."""


@dataclass(frozen=True)
class Period:
    """How a cadence turns a file's named groups into a partition, and the column that keeps the period."""

    column: str
    description: str
    partition_format: str


PERIODS: Mapping[Cadence, Period] = {
    Cadence.DAILY: Period("file_date", "UTC day that the file covers, from its name.", "%Y-%m-%d"),
    Cadence.MONTHLY: Period("file_month", "First day of the month that the file covers, from its name.", "%Y-%m"),
}

WHOLE_ORGANISATION = "organisation"
"""The partition of a snapshot that has one file for the whole organisation."""


@dataclass(frozen=True)
class Partition:
    """The place of one delivered file within its dataset; at most one file is loaded for each.

    Attributes:
        key: `2026-01-09`, `2026-01`, a course id, or `organisation`.
        start: first day of the day or month covered; None for snapshots.
    """

    key: str
    start: date | None

    @property
    def word(self) -> Words:
        """Its key, for messages: nothing but digits, or the word for all."""
        return Words(self.key)


@dataclass(frozen=True)
class Column:
    """One column of a table, as the model declares it; the last five are explained at `columns.column`."""

    name: str
    dtype: object
    description: str
    nullable: bool
    required: bool
    privacy: Privacy
    person: Person | None
    rule: str | None
    essential: bool
    zero_is_none: bool
    verbatim: bool
    leading_zeros: LeadingZeros | None

    @property
    def word(self) -> Words:
        """Its name, for messages."""
        return Words(self.name)

    @property
    def is_text(self) -> bool:
        """Whether any cell is a value of it."""
        return self.sql_type == "VARCHAR"

    @property
    def sql_type(self) -> str:
        """The DuckDB type that stores it."""
        return sql_type(self.dtype)


@dataclass(frozen=True)
class Dataset:
    """One of the datasets that an organisation is delivered; also the name of its asset and of its `raw` table.

    Attributes:
        name: dataset = asset = table.
        description: one sentence for people, then what a reader must know.
        model: pandera model of a row: columns in the order of the feed, types, rules.
        key: regular expression for the key below `org{org}/`; the named groups `year`, `month`, `day`, `course_id`
            make the partition.
        cadence: how often files are made.
        row_key: columns that tell one row from another within a file; a repeat is a warning.
        accumulates: whether each file repeats what came before it since an accumulation began, which may begin anew
            with a month: fewer rows than a month ago then mean nothing.
        dated_by: column whose values differ between any two files, a time or the course, so that two files of the same bytes
            can't both be right; None where the file of an idle day may repeat the one before.
    """

    name: str
    description: str
    model: type[Row]
    key: str
    cadence: Cadence
    row_key: tuple[str, ...]
    accumulates: bool = False
    dated_by: str | None = None

    @property
    def word(self) -> Words:
        """Its name, for messages."""
        return Words(self.name)

    @cached_property
    def schema(self) -> pa.DataFrameSchema:
        """The model as a pandera schema."""
        return self.model.to_schema()

    @property
    def table(self) -> str:
        """Qualified name of the table that holds what was delivered."""
        return f"raw.{self.name}"

    @property
    def prefix(self) -> str:
        """The fixed beginning of the key, up to the first named group: what to list for this dataset alone."""
        return self.key.split("(?P<")[0].replace("\\", "")

    def prefixes(self, partitions: Collection[str]) -> list[str]:
        """What to list for some partitions: a year's files fit into one page of a listing, ten years' don't."""
        years = {partition[:4] for partition in partitions} if self.period else set()
        return [f"{self.prefix}{year}" for year in sorted(years)] if 0 < len(years) <= 2 else [self.prefix]

    @property
    def period(self) -> Period | None:
        """The period column, None for snapshots."""
        return PERIODS.get(self.cadence)

    @property
    def keeps_history(self) -> bool:
        """Whether `history.<name>` follows what the vendor overwrites."""
        return self.cadence is Cadence.SNAPSHOT

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The delivered columns, in the order of the feed."""
        return tuple(_columns(self.schema))

    def columns_of(self, person: Person) -> list[str]:
        """Names of the columns that stand for a person in this way."""
        return [column.name for column in self.columns if column.person is person]

    def match(self, key: str) -> Partition | None:
        """Place a key (below `org{org}/`) in this dataset; None if it isn't one of its files."""
        found = re.fullmatch(self.key, key, re.ASCII)
        return _partition(found.groupdict(), self.period) if found else None


def _columns(schema: pa.DataFrameSchema) -> Iterator[Column]:
    for name, declared in schema.columns.items():
        yield Column(
            name=name,
            dtype=declared.dtype,
            description=declared.description,
            nullable=declared.nullable,
            required=declared.required,
            **declared.metadata,
        )


def _partition(groups: Mapping[str, str], period: Period | None) -> Partition | None:
    if period is None:
        return Partition(groups.get("course_id", WHOLE_ORGANISATION), None)
    try:
        day = date(int(groups["year"]), int(groups["month"]), int(groups.get("day", 1)))
    except ValueError:  # 2026-02-30 has the form of a date and is none
        return None
    return Partition(day.strftime(period.partition_format), day)
