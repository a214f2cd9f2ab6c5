"""The words in which a dataset is declared: column types, privacy levels and the `column` field.

Facts of one dataset belong in that dataset's module; how a type is stored or parsed belongs in `sql_types.py`.
"""

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


def column(
    description: str,
    *,
    null: bool = True,
    privacy: Privacy = Privacy.OPEN,
    person: Person | None = None,
    warn: bool = False,
    rule: str | None = None,
    **checks: Any,
) -> Any:
    """Declare a column.

    Args:
        description: shown in Dagster, in the data dictionary and as the DuckDB comment.
        null: whether an empty cell is fine; if not, a row without it goes to quarantine.
        privacy: who may see the values.
        person: whether the values stand for one person.
        warn: a value that fails `checks` loads all the same and is counted as a warning.
        rule: what `checks` ask for, for people ("it must be digits alone"); only where their own words don't do.
        checks: pandera's built-in checks (`ge`, `isin`, `str_matches`, ...).
    """
    metadata = {"privacy": privacy, "person": person, "rule": rule}
    return pa.Field(nullable=null, description=description, metadata=metadata, raise_warning=warn, **checks)


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
    return column(description, privacy=Privacy.IDENTIFIER, person=Person.MENTION)


class Row(pa.DataFrameModel):
    """Base of every dataset's model: types, nullability, domains and row rules.

    A check marked `raise_warning` lets the row load and is counted; any other failed check quarantines the row.
    A column typed `Optional[...]` may be missing from a file's header.
    """

    class Config:
        """Columns are named exactly; order in the file does not matter, as ours is fixed."""

        strict = True
