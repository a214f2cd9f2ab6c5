"""Read the syntax of a query with sqlglot: its tables, and the names that it makes itself."""

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from analytics_pipeline.errors import PipelineError

DIALECT = "duckdb"
_READ_NOTHING = ("range", "generate_series", "unnest", "json_each", "json_tree")
"""Functions that may be in FROM: they read no table and no file."""


class InvalidModel(PipelineError):
    """A `.sql` file is not a valid model or test. The message names the file and what to change."""


def parse_query(file: str, sql: str) -> exp.Query:
    """Return the SELECT (or set operation) that a file consists of.

    Raises:
        InvalidModel: it can't be parsed, is another statement, reads a table without its schema,
            or from a function that hides what it reads.
    """
    try:
        statements = sqlglot.parse(sql, dialect=DIALECT)
    except SqlglotError as error:
        raise InvalidModel(f"{file}: {error}") from error
    if len(statements) != 1 or not isinstance(query := statements[0], exp.Query):
        raise InvalidModel(f"{file}: must be one SELECT and nothing else.")
    if unqualified := sorted(
        {t.name for t in _tables(query) if not t.db and t.name not in cte_names(query)}
    ):
        raise InvalidModel(
            f"{file}: add the schema to {', '.join(unqualified)}, as in staging.{unqualified[0]}."
        )
    if hidden := sorted(_functions(query) - {*_READ_NOTHING}):
        raise InvalidModel(
            f"{file}: name the table instead of {', '.join(hidden)}(): nothing shows what such a"
            f" function reads. Allowed functions: {', '.join(_READ_NOTHING)}."
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


def _functions(query: exp.Query) -> set[str]:
    """Return the names of the functions in FROM; sqlglot has another form for `unnest`."""
    called = (table.this for table in query.find_all(exp.Table))
    return {
        "range"
        if isinstance(function, exp.GenerateSeries)
        else (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
        for function in called
        if isinstance(function, exp.Func)
    }


def _tables(query: exp.Query) -> list[exp.Table]:
    # A function in FROM, such as range(), is a Table without an identifier.
    return [table for table in query.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]


def cte_names(query: exp.Query) -> set[str]:
    """Return the names of the common table expressions of a query."""
    return {cte.alias for cte in query.find_all(exp.CTE)}
