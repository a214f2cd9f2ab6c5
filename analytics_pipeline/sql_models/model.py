"""A model and a test of `dbt_like_sql/`, as data. `parse.py` makes them of a file's text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from analytics_pipeline.warehouse.checks import Severity


class Layer(StrEnum):
    """Folder and schema of a model."""

    STAGING = "staging"
    """Views."""
    MARTS = "marts"
    """Tables, and views that a file declares with `-- materialized: view`."""


@dataclass(frozen=True)
class ByDay:
    """Promise of a model that its rows of a day depend only on the rows of that day of its source.

    Attributes:
        source: qualified name of the only table or view that the model reads.
        day_of_source: SQL expression of the day of a source row.
        day: SQL expression of the day of a row of the model.
        input: qualified name of the table or view whose rows are hashed by day: the source or, if
            that is a view with the same promise, the input of the view.
        day_of_input: SQL expression of the day of an input row.
        version: changes with the SQL of the model, and of all models that it reads.
    """

    source: str
    day_of_source: str
    day: str
    input: str
    day_of_input: str
    version: str = ""


@dataclass(frozen=True)
class Model:
    """A view or table defined by a SELECT.

    Attributes:
        layer: folder and schema.
        name: name of the file and the table.
        sql: text of the file, without a final semicolon.
        description: the leading comment.
        columns: each column's comment, in order; empty if it has none.
        depends_on: qualified names of the tables it reads.
        is_view: whether it is a view; otherwise it is a table.
        by_day: its promise, if it declares one.
    """

    layer: Layer
    name: str
    sql: str
    description: str
    columns: Mapping[str, str]
    depends_on: frozenset[str]
    is_view: bool
    by_day: ByDay | None = None

    @property
    def qualified(self) -> str:
        """Return its table, `schema.name`."""
        return f"{self.layer}.{self.name}"

    @property
    def days(self) -> ByDay | None:
        """Return how its table is built by day; None if it is built whole, or is a view."""
        return None if self.is_view else self.by_day


@dataclass(frozen=True)
class SqlTest:
    """A query that must return no row.

    Attributes:
        name: name of the file.
        sql: text of the file, without a final semicolon.
        description: the leading comment: what must hold, and what to do when it does not.
        columns: names of the returned columns.
        depends_on: qualified names of the tables it reads.
        severity: how bad a returned row is.
        is_alarm: whether each returned row sends a message, and another one when it is gone.
        days: its promise that a row which it returns rests on rows of one day of the tables that it
            reads: SQL expression of a row's day, by qualified table; empty if it declares none.
        version: for a test by day: changes with its SQL, and with that of all models that it reads.
    """

    name: str
    sql: str
    description: str
    columns: tuple[str, ...]
    depends_on: frozenset[str]
    severity: Severity = Severity.ERROR
    is_alarm: bool = False
    days: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
