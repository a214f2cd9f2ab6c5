"""Parse one `.sql` file with sqlglot: its SELECT, its comments, and the tables it reads.

Pure. `project.py` finds and orders the files, `build.py` runs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import takewhile

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.warehouse.checks import Severity

DIALECT = "duckdb"
_SEVERITY = "severity:"
_ALERT = "alert:"
_ALARM_COLUMNS = ("alarm", "message")
_MATERIALIZED = "materialized:"


class InvalidModel(PipelineError):
    """A `.sql` file is not a valid model or test. The message names the file and what to change."""


class Layer(StrEnum):
    """Folder and schema of a model."""

    STAGING = "staging"
    """Views."""
    MARTS = "marts"
    """Tables, and views that a file declares with `-- materialized: view`."""


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
    """

    layer: Layer
    name: str
    sql: str
    description: str
    columns: Mapping[str, str]
    depends_on: frozenset[str]
    is_view: bool

    @property
    def qualified(self) -> str:
        """Return its table, `schema.name`."""
        return f"{self.layer}.{self.name}"


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
    """

    name: str
    sql: str
    description: str
    columns: tuple[str, ...]
    depends_on: frozenset[str]
    severity: Severity = Severity.ERROR
    is_alarm: bool = False


@cache  # depends only on the text; a process that loads and rebuilds parses the project twice
def parse_model(layer: Layer, name: str, text: str) -> Model:
    """Parse a model's file.

    Raises:
        InvalidModel: it is not a single SELECT of named columns from qualified tables.
    """
    sql = _without_semicolon(text)
    query = parse_query(f"{layer}/{name}.sql", sql)
    columns = {
        column.alias_or_name: " ".join(part.strip() for part in column.comments or ())
        for column in query.selects
    }
    if query.is_star or "" in columns or len(columns) < len(query.selects):
        raise InvalidModel(
            f"{layer}/{name}.sql: name each column of the last SELECT once (no *, no unnamed"
            " expression)."
        )
    is_view = layer is Layer.STAGING or _is_declared_view(f"{layer}/{name}.sql", sql)
    return Model(layer, name, sql, leading_comment(sql), columns, tables_read(query), is_view)


@cache
def parse_test(name: str, text: str) -> SqlTest:
    """Parse a test's file.

    Raises:
        InvalidModel: it is not a single SELECT from qualified tables, its severity is unknown, or
            it declares alarms without their columns.
    """
    sql = _without_semicolon(text)
    query = parse_query(f"tests/{name}.sql", sql)
    columns, reads = tuple(query.named_selects), tables_read(query)
    is_alarm = _is_alarm(name, sql)
    if is_alarm and columns != _ALARM_COLUMNS:
        raise InvalidModel(
            f"tests/{name}.sql: a test with `alert: yes` must return the columns"
            f" {', '.join(_ALARM_COLUMNS)}."
        )
    return SqlTest(name, sql, leading_comment(sql), columns, reads, _severity(name, sql), is_alarm)


def parse_query(file: str, sql: str) -> exp.Query:
    """Return the SELECT (or set operation) that a file consists of.

    Raises:
        InvalidModel: it can't be parsed, is another statement, or reads a table without its schema.
    """
    try:
        statements = sqlglot.parse(sql, dialect=DIALECT)
    except SqlglotError as error:
        raise InvalidModel(f"{file}: {error}") from error
    if len(statements) != 1 or not isinstance(query := statements[0], exp.Query):
        raise InvalidModel(f"{file}: must be one SELECT and nothing else.")
    if unqualified := sorted(
        {t.name for t in _tables(query) if not t.db and t.name not in _made_inside(query)}
    ):
        raise InvalidModel(
            f"{file}: add the schema to {', '.join(unqualified)}, as in staging.{unqualified[0]}."
        )
    return query


def tables_read(query: exp.Query) -> frozenset[str]:
    """Return the qualified names of the tables that a query reads."""
    return frozenset(f"{table.db}.{table.name}" for table in _tables(query) if table.db)


def leading_comment(sql: str) -> str:
    """Return the leading `--` lines as one text, without lines that declare a severity, an alert or
    a materialization.
    """
    declarations = (_SEVERITY, _ALERT, _MATERIALIZED)
    return " ".join(line for line in _leading_lines(sql) if not line.startswith(declarations))


def _leading_lines(sql: str) -> list[str]:
    comments = takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return [comment.removeprefix("--").strip() for comment in comments]


def _severity(name: str, sql: str) -> Severity:
    for line in _leading_lines(sql):
        if line.startswith(_SEVERITY):
            declared = line.removeprefix(_SEVERITY).strip()
            if declared not in list(Severity):
                known = " or ".join(Severity)
                raise InvalidModel(
                    f"tests/{name}.sql: severity {declared!r} is unknown; declare {known}."
                )
            return Severity(declared)
    return Severity.ERROR


def _is_alarm(name: str, sql: str) -> bool:
    declared = {
        line.removeprefix(_ALERT).strip() for line in _leading_lines(sql) if line.startswith(_ALERT)
    }
    if declared - {"yes"}:
        raise InvalidModel(f"tests/{name}.sql: declare `alert: yes`, or nothing.")
    return bool(declared)


def _is_declared_view(file: str, sql: str) -> bool:
    declared = {
        line.removeprefix(_MATERIALIZED).strip()
        for line in _leading_lines(sql)
        if line.startswith(_MATERIALIZED)
    }
    if unknown := sorted(declared - {"view"}):
        raise InvalidModel(
            f"{file}: materialized {unknown[0]!r} is unknown; declare view, or nothing for a table."
        )
    return bool(declared)


def _without_semicolon(text: str) -> str:
    return text.strip().removesuffix(";").rstrip()


def _tables(query: exp.Query) -> list[exp.Table]:
    # A function in FROM, such as range(), is a Table without an identifier.
    return [table for table in query.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]


def _made_inside(query: exp.Query) -> set[str]:
    return {cte.alias for cte in query.find_all(exp.CTE)}
