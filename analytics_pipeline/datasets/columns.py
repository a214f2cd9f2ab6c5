"""The vocabulary of dataset declarations: column types, privacy levels and the `column` field.

Facts of one dataset belong in its module. How a type is stored and parsed belongs in
`sql_types.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl

Identifier = pl.Int64
"""A Vocareum id (BIGINT)."""
Count = pl.Int64
"""A whole number (BIGINT)."""
Text = pl.String
Flag = pl.Boolean
"""Delivered as 0/1 or true/false."""
Instant = Annotated[pl.Datetime, "us", None]
"""A moment in UTC (TIMESTAMP), delivered as text or as epoch seconds (nine or ten digits)."""
Day = pl.Date
"""A calendar day (DATE), such as 2026-01-09."""
Money = Annotated[pl.Decimal, 18, 9]
"""US dollars, DECIMAL(18, 9): never a float, so that sums are exact and independent of row order.

Digits after the ninth decimal, as in floats printed in full, are rounded half up: at most 5e-10
dollars."""
Number = Annotated[pl.Decimal, 18, 6]
"""Minutes, milliseconds, points: DECIMAL(18, 6), for the same reason as Money."""


class Privacy(StrEnum):
    """Who may see a column's values. Every column has one level."""

    OPEN = "open"
    """Everyone who reaches the Dagster UI."""
    IDENTIFIER = "identifier"
    """Points to a person without naming them (an id, the time of something they did): analysts, but
    never the UI."""
    PRIVATE = "private"
    """May name a person (email, name, free text): only the private warehouse, unless
    PUBLISH_PII=true."""


class Person(StrEnum):
    """How a column relates to a person; erasure finds people by it."""

    SUBJECT = "subject"
    """Vocareum id of the person the row is about: erasure deletes the row."""
    MENTION = "mention"
    """Vocareum id of another person in the row: erasure empties the cell and keeps the row."""
    NAME = "name"
    """Name of the subject. It has no form of its own, so that a row in which it may be shifted is
    known by the cells around it."""
    ADDRESS = "address"
    """Email of the subject: finds damaged records that hold no readable id."""


@dataclass(frozen=True)
class LeadingZeros:
    """Pad numbers of `shortest` to `width` digits to `width`: some exports drop leading zeros."""

    shortest: int
    width: int


def column(
    description: str,
    *,
    null: bool = True,
    essential: bool = False,
    privacy: Privacy = Privacy.OPEN,
    person: Person | None = None,
    zero_is_none: bool = False,
    verbatim: bool = False,
    leading_zeros: LeadingZeros | None = None,
    warn: bool = False,
    should: Sequence[pa.Check] = (),
    rule: str | None = None,
    **checks: Any,
) -> Any:
    """Declare a column.

    Args:
        description: shown in Dagster and the data dictionary, and stored as the DuckDB comment.
        null: whether the cell may be empty; if not, a row without it goes to quarantine.
        essential: whether the row's meaning rests on the cell (its key, money, score, start or end,
            membership); implied by `null=False`. A bad essential cell sends the row to quarantine.
            Any other bad cell becomes NULL with a warning, and its text is kept in `_extra`.
        privacy: who may see the values.
        person: how the values relate to a person, if they do.
        zero_is_none: whether 0 and -1 mean that there is no id.
        verbatim: a name or free text, where `NULL` may be a real value.
        leading_zeros: how to restore dropped leading zeros (with a warning).
        warn: load a value that fails `checks`, and count it as a warning.
        should: checks that only warn, in addition to `checks`.
        rule: `checks` in words for people ("it must be twelve digits"), if pandera's own text is
            not clear enough.
        checks: pandera's built-in checks (`ge`, `isin`, `str_matches`, ...).
    """
    metadata = {
        "privacy": privacy,
        "person": person,
        "rule": rule,
        "essential": essential or not null,
        "zero_is_none": zero_is_none,
        "verbatim": verbatim,
        "leading_zeros": leading_zeros,
    }
    field = pa.Field(
        nullable=null, description=description, metadata=metadata, raise_warning=warn, **checks
    )
    field.checks.extend(should)
    return field


def label(description: str, **more: Any) -> Any:
    """Declare a name or free text, which is only trimmed."""
    return column(description, verbatim=True, **more)


def optional_id(description: str, **more: Any) -> Any:
    """Declare a Vocareum id that may be absent: empty, 0 or -1."""
    return column(description, zero_is_none=True, gt=0, **more)


def personal_time(description: str, **more: Any) -> Any:
    """Declare a time at which one person did something: it tells who they are, as an id does."""
    return column(description, privacy=Privacy.IDENTIFIER, **more)


def email(description: str) -> Any:
    """Declare a private email column.

    A value without an @ is a warning, and makes a short row implausible.
    """
    return column(
        description,
        privacy=Privacy.PRIVATE,
        person=Person.ADDRESS,
        warn=True,
        rule="it should be an email address",
        str_contains="@",
    )


def user(description: str) -> Any:
    """Declare the Vocareum id of the user the row is about; a row without it goes to quarantine."""
    return column(description, null=False, privacy=Privacy.IDENTIFIER, person=Person.SUBJECT, gt=0)


def other_user(description: str) -> Any:
    """Declare the Vocareum id of another user in the row, for instance a partner."""
    return optional_id(description, privacy=Privacy.IDENTIFIER, person=Person.MENTION)


def aws_account(description: str) -> Any:
    """Declare an AWS account id: twelve digits.

    Nine to eleven digits have lost leading zeros and are padded.
    """
    return column(
        description,
        null=False,
        privacy=Privacy.IDENTIFIER,
        leading_zeros=LeadingZeros(9, 12),
        rule="it must be twelve digits",
        str_matches=r"^[0-9]{12}$",
    )


MOST_DOLLARS = 10_000_000
"""No account, user and part spends more. A larger amount is damage, and could overflow the sums."""


def money(description: str) -> Any:
    """Declare the row's amount in US dollars.

    A negative one is a credit or refund: it loads with a warning.
    """
    credit = pa.Check.ge(
        0, raise_warning=True, description="it is negative: treated as a credit or refund"
    )
    return column(
        description,
        null=False,
        in_range={"min_value": -MOST_DOLLARS, "max_value": MOST_DOLLARS},
        should=[credit],
    )


MOST_POINTS = 1_000_000
"""No assignment has more. A larger score is damage."""
MOST_MINUTES = 527_040
"""A leap year in minutes. No lab runs longer."""


def points(description: str, **more: Any) -> Any:
    """Declare grade points, which may be negative."""
    return column(
        description, in_range={"min_value": -MOST_POINTS, "max_value": MOST_POINTS}, **more
    )


class Row(pa.DataFrameModel):
    """Base of every dataset's model: types, nullability, domains and row rules.

    A failed check with `raise_warning` is counted as a warning, and the row loads. Any other failed
    check quarantines the row, or empties the cell if the column is not essential. A column typed
    `Optional[...]` may be missing from a file's header.

    A rule about the whole row sees the period of the row's file, too: `file_date` or `file_month`.
    """

    class Config:
        """Allow no undeclared column. The order in the file does not matter; ours is fixed."""

        strict = True
