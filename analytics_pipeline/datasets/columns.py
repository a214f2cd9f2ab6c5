"""The words in which a dataset is declared: column types, privacy levels and the `column` field.

Facts of one dataset belong in that dataset's module; how a type is stored or parsed belongs in `sql_types.py`.
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
Money = Annotated[pl.Decimal, 18, 9]
"""US dollars, DECIMAL(18, 9): never a float, so that sums are exact and do not depend on the order of rows.

Decimals beyond the ninth, which floats printed in full have, are rounded half up: at most half a billionth of a dollar."""
Number = Annotated[pl.Decimal, 18, 6]
"""Minutes, milliseconds, points: DECIMAL(18, 6), for the same reason as Money."""


class Privacy(StrEnum):
    """Who may see a column's values; every column has one."""

    OPEN = "open"
    """Everyone who reaches the Dagster UI."""
    IDENTIFIER = "identifier"
    """Points to a person without naming them: analysts, but never the UI."""
    PRIVATE = "private"
    """Names a person or may do so (email, name, free text): the private warehouse alone, unless PUBLISH_PII=true."""


class Person(StrEnum):
    """What a column has to do with one person; how they are found when they are to be erased."""

    SUBJECT = "subject"
    """The Vocareum id of whom the row is about: the row goes with them."""
    MENTION = "mention"
    """The Vocareum id of somebody else in the row: the cell is emptied, the row stays."""
    ADDRESS = "address"
    """An email of the subject: tells damaged records that hold no readable id."""


@dataclass(frozen=True)
class LeadingZeros:
    """A text of digits whose leading zeros some export dropped: `shortest` to `width` digits are filled up to `width`."""

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
        description: shown in Dagster, in the data dictionary and as the DuckDB comment.
        null: whether an empty cell is fine; if not, a row without it goes to quarantine.
        essential: whether the row's meaning rests on the cell (its key, its money, score, start or end, membership), as on
            one that must not be empty: a row with a bad one goes to quarantine. Any other bad cell is left empty, with a
            warning, and its text is kept in `_extra`.
        privacy: who may see the values.
        person: whether the values stand for one person.
        zero_is_none: an id that is 0 or -1 where there is none.
        verbatim: a name or free text, in which `NULL` may be what somebody is called.
        leading_zeros: what leading zeros are put back, with a warning.
        warn: a value that fails `checks` loads all the same and is counted as a warning.
        should: checks whose failure is a warning, beside `checks`.
        rule: what `checks` ask for, for people ("it must be digits alone"); only where their own words don't do.
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
    field = pa.Field(nullable=null, description=description, metadata=metadata, raise_warning=warn, **checks)
    field.checks.extend(should)
    return field


def label(description: str, **more: Any) -> Any:
    """Declare a name or free text: only the blanks around it are taken off."""
    return column(description, verbatim=True, **more)


def optional_id(description: str, **more: Any) -> Any:
    """Declare a Vocareum id that may be absent, which exports write as nothing, 0 or -1."""
    return column(description, zero_is_none=True, gt=0, **more)


def email(description: str) -> Any:
    """Declare an email column: private; a value without an @ is a warning (and makes a short row implausible)."""
    return column(
        description,
        privacy=Privacy.PRIVATE,
        person=Person.ADDRESS,
        warn=True,
        rule="it should be an email address",
        str_contains="@",
    )


def user(description: str) -> Any:
    """Declare the Vocareum id of the user whom the row is about; a row without it goes to quarantine."""
    return column(description, null=False, privacy=Privacy.IDENTIFIER, person=Person.SUBJECT, gt=0)


def other_user(description: str) -> Any:
    """Declare the Vocareum id of another user in the row, such as a partner."""
    return optional_id(description, privacy=Privacy.IDENTIFIER, person=Person.MENTION)


def aws_account(description: str) -> Any:
    """Declare an AWS account id: twelve digits; with nine to eleven it has lost leading zeros, which are put back."""
    return column(
        description,
        null=False,
        privacy=Privacy.IDENTIFIER,
        leading_zeros=LeadingZeros(9, 12),
        rule="it must be twelve digits",
        str_matches=r"^[0-9]{12}$",
    )


MOST_DOLLARS = 10_000_000
"""No account, user and part spends more; a larger amount is damage, and would leave no room for sums."""


def money(description: str) -> Any:
    """Declare an amount that the row is about. A negative one is a credit or refund: it loads, with a warning."""
    credit = pa.Check.ge(0, raise_warning=True, description="it is negative: taken for a credit or refund")
    return column(
        description, null=False, in_range={"min_value": -MOST_DOLLARS, "max_value": MOST_DOLLARS}, should=[credit]
    )


MOST_POINTS = 1_000_000
"""No assignment has more; a larger score is damage."""
MOST_MINUTES = 527_040
"""A leap year; no lab runs for longer."""


def points(description: str, **more: Any) -> Any:
    """Declare points of a grade, which may be negative."""
    return column(description, in_range={"min_value": -MOST_POINTS, "max_value": MOST_POINTS}, **more)


class Row(pa.DataFrameModel):
    """Base of every dataset's model: types, nullability, domains and row rules.

    A check marked `raise_warning` lets the row load and is counted; any other failed check quarantines the row, or empties
    the cell where the column is not essential.
    A column typed `Optional[...]` may be missing from a file's header.
    """

    class Config:
        """Columns are named exactly; order in the file does not matter, as ours is fixed."""

        strict = True
