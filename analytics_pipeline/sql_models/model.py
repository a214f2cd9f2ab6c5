"""Parse one `.sql` file with sqlglot: its SELECT, its comments, and the tables it reads.

Pure. `project.py` finds and orders the files, `build.py` runs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import takewhile

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.warehouse.checks import Severity

DIALECT = "duckdb"
_SEVERITY = "severity:"
_ALERT = "alert:"
_ALARM_COLUMNS = ("alarm", "message")
_MATERIALIZED = "materialized:"
_BY_DAY = "by day:"


class InvalidModel(PipelineError):
    """A `.sql` file is not a valid model or test. The message names the file and what to change."""


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
    reads, by_day = tables_read(query), _by_day(f"{layer}/{name}.sql", sql, query)
    return Model(layer, name, sql, leading_comment(sql), columns, reads, is_view, by_day)


@cache
def parse_test(name: str, text: str) -> SqlTest:
    """Parse a test's file.

    Raises:
        InvalidModel: it is not a single SELECT from qualified tables, its severity is unknown, it
            declares alarms without their columns, or a day without one for each table.
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
    severity, days = _severity(name, sql), _days_of(f"tests/{name}.sql", sql, query)
    if is_alarm and days:
        raise InvalidModel(f"tests/{name}.sql: declare `alert:` or `by day:`, not both.")
    return SqlTest(name, sql, leading_comment(sql), columns, reads, severity, is_alarm, days)


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


def replace_tables(sql: str, texts: Mapping[str, str]) -> str:
    """Return SQL with a text in place of each named table; `texts` has them by `schema.table`."""
    tokens: list[Token] = sqlglot.tokenize(sql, dialect=DIALECT)
    parts, at = list[str](), 0
    for schema, dot, name in zip(tokens, tokens[1:], tokens[2:], strict=False):
        text = texts.get(f"{schema.text}.{name.text}")
        if dot.token_type is TokenType.DOT and text is not None:
            parts += [sql[at : schema.start], text]
            at = name.end + 1
    return "".join([*parts, sql[at:]])


def leading_comment(sql: str) -> str:
    """Return the leading `--` lines as one text, without lines that declare a severity, an alert or
    a materialization.
    """
    declarations = (_SEVERITY, _ALERT, _MATERIALIZED, _BY_DAY)
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


def _by_day(file: str, sql: str, query: exp.Query) -> ByDay | None:
    declared = _declared_days(sql)
    if not declared:
        return None
    reads = sorted(tables_read(query))
    if len(reads) != 1 or reads[0].partition(".")[2] in _made_inside(query):
        raise InvalidModel(
            f"{file}: a model by day must read one table or view, and name no CTE like it; it reads"
            f" {', '.join(reads) or 'none'}."
        )
    try:
        [said] = declared
        day = sqlglot.parse_one(said, dialect=DIALECT)
    except (SqlglotError, ValueError) as error:
        raise InvalidModel(
            f"{file}: declare `by day:` once, as `column` or `day of its source = day of its row`."
        ) from error
    of_source, of_row = (day.left, day.right) if isinstance(day, exp.EQ) else (day, day)
    day_of_source = of_source.sql(dialect=DIALECT)
    return ByDay(reads[0], day_of_source, of_row.sql(dialect=DIALECT), reads[0], day_of_source)


def _days_of(file: str, sql: str, query: exp.Query) -> dict[str, str]:
    """Return the day of a row of each table that a test by day reads."""
    days, reads = dict[str, str](), tables_read(query)
    try:
        for said in _declared_days(sql):
            day = sqlglot.parse_one(said, dialect=DIALECT)
            [table] = {f"{column.db}.{column.table}" for column in day.find_all(exp.Column)}
            days[table] = day.transform(_without_table).sql(dialect=DIALECT)
    except (SqlglotError, ValueError) as error:
        raise InvalidModel(
            f"{file}: declare the day of one table in each line, as in"
            " `by day: marts.lab_sessions.session_date`."
        ) from error
    names = {table.partition(".")[2] for table in reads} - _made_inside(query)
    if days and (days.keys() != reads or len(names) != len(reads)):
        raise InvalidModel(
            f"{file}: a test by day must declare the day of each table that it reads, and name no"
            f" CTE like one; it reads {', '.join(sorted(reads))}."
        )
    return days


def _without_table(node: exp.Expression) -> exp.Expression:
    return exp.column(node.this) if isinstance(node, exp.Column) else node


def _declared_days(sql: str) -> list[str]:
    return [
        line.removeprefix(_BY_DAY).strip()
        for line in _leading_lines(sql)
        if line.startswith(_BY_DAY)
    ]


def _without_semicolon(text: str) -> str:
    return text.strip().removesuffix(";").rstrip()


def _tables(query: exp.Query) -> list[exp.Table]:
    # A function in FROM, such as range(), is a Table without an identifier.
    return [table for table in query.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]


def _made_inside(query: exp.Query) -> set[str]:
    return {cte.alias for cte in query.find_all(exp.CTE)}
