"""Parse one `.sql` file: its SELECT, its comments, and the tables it reads.

Pure. `project.py` finds and orders the files, `build.py` runs them.
"""

from functools import cache

from analytics_pipeline.sql_models.declarations import (
    days_of_model,
    days_of_test,
    is_alarm,
    is_declared_view,
    leading_comment,
    severity_of,
)
from analytics_pipeline.sql_models.model import Layer, Model, SqlTest
from analytics_pipeline.sql_models.sql_syntax import InvalidModel, parse_query, tables_read

_ALARM_COLUMNS = ("alarm", "message")


@cache  # depends only on the text; a process that loads and rebuilds parses the project twice
def parse_model(layer: Layer, name: str, text: str) -> Model:
    """Parse a model's file.

    Raises:
        InvalidModel: it is not a single SELECT of named columns from qualified tables.
    """
    file, sql = f"{layer}/{name}.sql", _without_semicolon(text)
    query = parse_query(file, sql)
    columns = {
        column.alias_or_name: " ".join(part.strip() for part in column.comments or ())
        for column in query.selects
    }
    if query.is_star or "" in columns or len(columns) < len(query.selects):
        raise InvalidModel(
            f"{file}: name each column of the last SELECT once (no *, no unnamed expression)."
        )
    is_view = layer is Layer.STAGING or is_declared_view(file, sql)
    reads, days = tables_read(query), days_of_model(file, sql, query)
    return Model(layer, name, sql, leading_comment(sql), columns, reads, is_view, days)


@cache
def parse_test(name: str, text: str) -> SqlTest:
    """Parse a test's file.

    Raises:
        InvalidModel: it is not a single SELECT from qualified tables, its severity is unknown, it
            declares alarms without their columns, or a day without one for each table.
    """
    file, sql = f"tests/{name}.sql", _without_semicolon(text)
    query = parse_query(file, sql)
    columns, reads = tuple(query.named_selects), tables_read(query)
    alerts = is_alarm(file, sql)
    if alerts and columns != _ALARM_COLUMNS:
        raise InvalidModel(
            f"{file}: a test with `alert: yes` must return the columns {', '.join(_ALARM_COLUMNS)}."
        )
    severity, days = severity_of(file, sql), days_of_test(file, sql, query)
    if alerts and days:
        raise InvalidModel(f"{file}: declare `alert:` or `by day:`, not both.")
    return SqlTest(name, sql, leading_comment(sql), columns, reads, severity, alerts, days)


def _without_semicolon(text: str) -> str:
    return text.strip().removesuffix(";").rstrip()
