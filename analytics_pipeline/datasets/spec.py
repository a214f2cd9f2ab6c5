"""The structure of a dataset: key pattern, cadence, model, and everything derived from them.

Only values and pure functions. The declarations are in the datasets' modules; reading files is in
`ingest/`.
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
from analytics_pipeline.words import Words, words


class Cadence(StrEnum):
    """How often the vendor produces a dataset's files; determines the partitioning.

    Source: docs/feed.md.
    """

    DAILY = "daily"
    """One file per UTC day, produced every six hours for the previous day."""
    MONTHLY = "monthly"
    """One file per month, rewritten every six hours while the month is open."""
    SNAPSHOT = "snapshot"
    """One file per course or organisation, overwritten every 24 hours: we alone keep its
    history."""
    BY_HAND = "by_hand"
    """A hand-written file on this machine. It is never late, and only we keep its history."""


@dataclass(frozen=True)
class Period:
    """How the named groups of a key become a partition, and the column that stores the period."""

    column: str
    description: str
    partition_format: str


PERIODS: Mapping[Cadence, Period] = {
    Cadence.DAILY: Period("file_date", "UTC day that the file covers, from its name.", "%Y-%m-%d"),
    Cadence.MONTHLY: Period(
        "file_month", "First day of the month that the file covers, from its name.", "%Y-%m"
    ),
}

WHOLE_ORGANISATION = "organisation"
"""The partition key of a snapshot with one file for the whole organisation."""
BY_HAND_PREFIX = "by_hand/"
"""Prefix of the keys of hand-written files, below `org{org}/`. The vendor's bucket has no such
folder."""


@dataclass(frozen=True)
class Partition:
    """The place of a delivered file within its dataset. At most one file is loaded per partition.

    Attributes:
        key: `2026-01-09`, `2026-01`, a course id, or `organisation`.
        start: first day of the day or month covered; None for snapshots.
    """

    key: str
    start: date | None

    @property
    def word(self) -> Words:
        """Return the key as declared text, for messages: digits only, or `organisation`."""
        return Words(self.key)


@dataclass(frozen=True)
class Column:
    """One column of a table, as the model declares it.

    `columns.column` explains the last five attributes.
    """

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
        """Return the name as declared text, for messages."""
        return Words(self.name)

    @property
    def is_text(self) -> bool:
        """Return whether the column stores text, so that every cell is valid."""
        return self.sql_type == "VARCHAR"

    @property
    def sql_type(self) -> str:
        """Return the DuckDB type that stores the column."""
        return sql_type(self.dtype)


@dataclass(frozen=True)
class Excerpt:
    """An open column that says what a private text contains, in declared words only.

    No other text can leave the private column, so the values name nobody.

    Attributes:
        name: name of the column, in the dataset's raw table.
        description: shown in the data dictionary, and stored as the DuckDB comment.
        source: the private column.
        words: word by phrase; the first phrase that the text contains decides. NULL without any.
    """

    name: str
    description: str
    source: str
    words: Mapping[str, str]


@dataclass(frozen=True)
class Dataset:
    """One dataset of the feed; also the name of its asset and its table in `raw`.

    Attributes:
        name: name of the dataset, its asset and its table.
        description: one sentence, then what a reader must know.
        model: pandera model of a row: columns in the feed's order, types, rules.
        key: regular expression for the key below `org{org}/`. The named groups `year`, `month`,
            `day`, `course_id` determine the partition.
        cadence: how often files are produced.
        row_key: columns that identify a row within a file; a duplicate is a warning.
        key_is_unique: whether a duplicate is an error instead, as nobody can tell which row is
            right.
        accumulates: whether each file repeats earlier spend. The accumulation may restart with a
            month, so a file with fewer rows than a month ago is no anomaly.
        dated_by: column whose values differ between any two files (a time, or the course). Two
            files with identical bytes then can't both be right. None if the file of an idle day may
            repeat the previous one.
        interval: the columns between which a row of a day's file lasts: from, to. No "to" means
            that it still lasts. A row that ends over a day before its file's day, or begins over a
            day after it, belongs to another file. None for rows that last no time.
        length: column with the delivered length of the interval. A row that still lasts has none.
        amount: column of money that adds up to the file's total, of which a new version should lose
            little. None without one.
        setting: environment variable with the path of a hand-written file; None for the feed.
        excerpts: columns computed from private ones.
    """

    name: str
    description: str
    model: type[Row]
    key: str
    cadence: Cadence
    row_key: tuple[str, ...]
    key_is_unique: bool = False
    accumulates: bool = False
    dated_by: str | None = None
    interval: tuple[str, str] | None = None
    length: str | None = None
    amount: str | None = None
    setting: str | None = None
    excerpts: tuple[Excerpt, ...] = ()

    @property
    def source(self) -> Words:
        """Return where its files come from, for messages."""
        return (
            words("the file of {}", Words(self.setting))
            if self.setting
            else words("Vocareum's bucket")
        )

    @property
    def request(self) -> Words:
        """Return how to get a correct version of a file, for messages."""
        return (
            words("correct the file and save it")
            if self.setting
            else words("ask Vocareum for the file again")
        )

    @property
    def word(self) -> Words:
        """Return the name as declared text, for messages."""
        return Words(self.name)

    @cached_property
    def schema(self) -> pa.DataFrameSchema:
        """Return the model as a pandera schema."""
        return self.model.to_schema()

    @property
    def table(self) -> str:
        """Return the qualified name of the table that holds the delivered rows."""
        return f"raw.{self.name}"

    @property
    def prefix(self) -> str:
        """Return the fixed start of the key: the prefix to list for this dataset."""
        return self.key.split("(?P<")[0].replace("\\", "")

    def prefixes(self, partitions: Collection[str]) -> list[str]:
        """Return the prefixes to list for some partitions.

        One year fits in one page of a listing, ten years don't.
        """
        years = {partition[:4] for partition in partitions} if self.period else set()
        return (
            [f"{self.prefix}{year}" for year in sorted(years)]
            if 0 < len(years) <= 2
            else [self.prefix]
        )

    @property
    def period(self) -> Period | None:
        """Return the period column's declaration; None for snapshots."""
        return PERIODS.get(self.cadence)

    @property
    def keeps_history(self) -> bool:
        """Return whether `history.<name>` keeps the versions that are overwritten in place."""
        return self.period is None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Return the delivered columns, in the feed's order."""
        return tuple(_columns(self.schema))

    @property
    def is_about_people(self) -> bool:
        """Return whether each row is about one person. Other datasets only mention people."""
        return bool(self.columns_of(Person.SUBJECT))

    @property
    def text_identifies(self) -> bool:
        """Return whether texts, instead of ids, tell rows apart and join them.

        They do in hand-written files. Vocareum's rows have ids.
        """
        return self.setting is not None

    @property
    def is_personal(self) -> bool:
        """Return whether a delivered column holds names, emails or free text of people."""
        return any(column.privacy is Privacy.PRIVATE for column in self.columns)

    def columns_of(self, person: Person) -> list[str]:
        """Return the names of the columns that relate to a person in this way."""
        return [column.name for column in self.columns if column.person is person]

    def match(self, key: str) -> Partition | None:
        """Return the partition of a key below `org{org}/`; None if another dataset owns the key."""
        matched = re.fullmatch(self.key, key, re.ASCII)
        return _partition(matched.groupdict(), self.period) if matched else None


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
    except ValueError:  # 2026-02-30 matches the pattern but is not a date
        return None
    return Partition(day.strftime(period.partition_format), day)
