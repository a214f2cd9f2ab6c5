"""What a `.sql` file declares in its leading comment, besides its description.

A declaration is a line such as `-- severity: warn`.
"""

from itertools import takewhile

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from analytics_pipeline.sql_models.model import ByDay
from analytics_pipeline.sql_models.sql_syntax import (
    DIALECT,
    InvalidModel,
    cte_names,
    tables_read,
)
from analytics_pipeline.warehouse.checks import Severity

_SEVERITY = "severity:"
_ALERT = "alert:"
_MATERIALIZED = "materialized:"
_BY_DAY = "by day:"


def leading_comment(sql: str) -> str:
    """Return the leading `--` lines as one text, without declarations."""
    declarations = (_SEVERITY, _ALERT, _MATERIALIZED, _BY_DAY)
    return " ".join(line for line in _leading_lines(sql) if not line.startswith(declarations))


def severity_of(file: str, sql: str) -> Severity:
    """Return the declared severity of a test; by default an error."""
    for declared in _declared(sql, _SEVERITY):
        if declared not in list(Severity):
            known = " or ".join(Severity)
            raise InvalidModel(f"{file}: severity {declared!r} is unknown; declare {known}.")
        return Severity(declared)
    return Severity.ERROR


def is_alarm(file: str, sql: str) -> bool:
    """Return whether a test declares that its rows send alerts."""
    declared = set(_declared(sql, _ALERT))
    if declared - {"yes"}:
        raise InvalidModel(f"{file}: declare `alert: yes`, or nothing.")
    return bool(declared)


def is_declared_view(file: str, sql: str) -> bool:
    """Return whether a model declares that it is a view."""
    declared = set(_declared(sql, _MATERIALIZED))
    if unknown := sorted(declared - {"view"}):
        raise InvalidModel(
            f"{file}: materialized {unknown[0]!r} is unknown; declare view, or nothing for a table."
        )
    return bool(declared)


def days_of_model(file: str, sql: str, query: exp.Query) -> ByDay | None:
    """Return how a model declares its days; None if it does not."""
    declared = _declared(sql, _BY_DAY)
    if not declared:
        return None
    reads = sorted(tables_read(query))
    if len(reads) != 1 or reads[0].partition(".")[2] in cte_names(query):
        raise InvalidModel(
            f"{file}: a model by day must read one table or view, and name no CTE like it; it reads"
            f" {', '.join(reads) or 'none'}."
        )
    try:
        [expression] = declared
        day = sqlglot.parse_one(expression, dialect=DIALECT)
    except (SqlglotError, ValueError) as error:
        raise InvalidModel(
            f"{file}: declare `by day:` once, as `column` or `day of its source = day of its row`."
        ) from error
    of_source, of_row = (day.left, day.right) if isinstance(day, exp.EQ) else (day, day)
    day_of_source = of_source.sql(dialect=DIALECT)
    return ByDay(reads[0], day_of_source, of_row.sql(dialect=DIALECT), reads[0], day_of_source)


def days_of_test(file: str, sql: str, query: exp.Query) -> dict[str, str]:
    """Return the day of a row of each table that a test by day reads."""
    days, reads = dict[str, str](), tables_read(query)
    try:
        for expression in _declared(sql, _BY_DAY):
            day = sqlglot.parse_one(expression, dialect=DIALECT)
            [table] = {f"{column.db}.{column.table}" for column in day.find_all(exp.Column)}
            days[table] = day.transform(_without_table).sql(dialect=DIALECT)
    except (SqlglotError, ValueError) as error:
        raise InvalidModel(
            f"{file}: declare the day of one table in each line, as in"
            " `by day: marts.lab_sessions.session_date`."
        ) from error
    names = {table.partition(".")[2] for table in reads} - cte_names(query)
    if days and (days.keys() != reads or len(names) != len(reads)):
        raise InvalidModel(
            f"{file}: a test by day must declare the day of each table that it reads, and name no"
            f" CTE like one; it reads {', '.join(sorted(reads))}."
        )
    return days


def _without_table(node: exp.Expression) -> exp.Expression:
    return exp.column(node.this) if isinstance(node, exp.Column) else node


def _declared(sql: str, keyword: str) -> list[str]:
    """Return the texts that a file declares with a keyword."""
    return [
        line.removeprefix(keyword).strip()
        for line in _leading_lines(sql)
        if line.startswith(keyword)
    ]


def _leading_lines(sql: str) -> list[str]:
    comments = takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return [comment.removeprefix("--").strip() for comment in comments]
