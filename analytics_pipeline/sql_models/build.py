"""Build models in the warehouse. A failed model keeps its previous table, and the others are built.

`project.py` decides which models to build, and in which order. `checks.py` tests the result.
"""

import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import duckdb

from analytics_pipeline.sql_models.by_day import build_by_day
from analytics_pipeline.sql_models.day_hashes import forget
from analytics_pipeline.sql_models.model import Layer, Model
from analytics_pipeline.sql_models.private_reads import private_reads
from analytics_pipeline.storage.disk import is_full
from analytics_pipeline.warehouse.checks import Check
from analytics_pipeline.warehouse.schema import comment
from analytics_pipeline.warehouse.transactions import together, write

logger = logging.getLogger(__name__)

# The text of these errors is about the SQL. Other errors may quote a value, which must not reach
# the log or the UI.
_ABOUT_THE_SQL = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.SyntaxException,
)


@dataclass(frozen=True)
class Failure:
    """Why a query did not run. Never holds a value from the data.

    Attributes:
        reason: DuckDB's text if it is about the SQL, else only the type of error.
        remedy: what a person should do.
        line: line of the `.sql` file; None if DuckDB does not report one.
    """

    reason: str
    remedy: str
    line: int | None = None

    def __str__(self) -> str:
        """Return reason and remedy as one text, for an exception or a log."""
        where = f" (line {self.line})" if self.line else ""
        return f"{self.reason}{where}. {self.remedy}"


class _ReadsPrivate(Exception):
    """A model reads private columns."""

    def __init__(self, private: Sequence[tuple[str, str]]) -> None:
        """Remember the (qualified table, column) pairs."""
        super().__init__(private)
        self.private = private


@dataclass(frozen=True)
class Built:
    """Result of building a model.

    Attributes:
        model: the model.
        rows: number of rows of the new table; None for a view, and if nothing was built.
        seconds: duration.
        failure: why nothing was built; the previous table is still there.
        skipped: whether it was not tried, because a model that it reads was not built.
        check: verdict about a model by day that was built whole, or compared with a whole build.
    """

    model: Model
    rows: int | None
    seconds: float
    failure: Failure | None = None
    skipped: bool = False
    check: Check | None = None


def build(
    connection: duckdb.DuckDBPyConnection, models: Iterable[Model], now: datetime | None = None
) -> list[Built]:
    """Build models in order. Skip models that read a failed one; continue with the others.

    A model that reads a private column is refused and its table dropped, as models are published
    as a whole.

    Args:
        connection: the live warehouse, with no transaction open.
        models: in build order, as `Project` returns them.
        now: UTC, naive. By it, models by day are compared with a whole build once a week; None to
            compare none.
    """
    chosen = list(models)
    return together(connection, lambda: _build(connection, chosen, now))


def _build(
    connection: duckdb.DuckDBPyConnection, models: Sequence[Model], now: datetime | None
) -> list[Built]:
    results: list[Built] = []
    stale: set[str] = set()
    # The hashes of a model that is not built by day say nothing about its rows.
    whole = [model.qualified for model in models if model.days is None]
    write(connection, lambda: forget(connection, whole))
    for model in models:
        if broken := sorted(model.depends_on & stale):
            reason, remedy = (
                f"not built, as it reads {', '.join(broken)}",
                "Correct that model and build both again.",
            )
            result = Built(model, None, 0.0, Failure(reason, remedy), skipped=True)
        else:
            result = build_one(connection, model, now)
        if result.failure:
            stale.add(model.qualified)
        results.append(result)
    return results


def _refuse(
    connection: duckdb.DuckDBPyConnection, model: Model, private: Sequence[tuple[str, str]]
) -> Failure:
    """Drop a model that reads private columns, and return why it is not built."""
    file = f"dbt_like_sql/{model.layer}/{model.name}.sql"

    def drop() -> None:
        for (kind,) in connection.execute(
            """SELECT replace(table_type, 'BASE ', '') FROM information_schema.tables
               WHERE table_catalog = current_database()
                 AND table_schema || '.' || table_name = ?""",
            [model.qualified],
        ).fetchall():
            connection.execute(f'DROP {kind} {model.layer}."{model.name}"')

    write(connection, drop)
    failure = reads_private(file, private)
    logger.info("%s was not built: %s", model.qualified, failure)
    return failure


def reads_private(file: str, private: Sequence[tuple[str, str]]) -> Failure:
    """Return why a query that reads private columns is not run, as everybody may see its result."""
    columns = ", ".join(f"{table}.{column}" for table, column in private)
    return Failure(
        f"{file} is refused: it reads private data, {columns}",
        f"Leave that out of {file}, filters and joins included; to count people, count their ids.",
    )


def build_one(connection: duckdb.DuckDBPyConnection, model: Model, now: datetime | None) -> Built:
    """Build a model and its comments in one transaction, unless it reads private columns.

    The models that it reads must be built.

    Raises:
        duckdb.Error: the disk is full, which is not the model's fault.
    """
    began = time.monotonic()

    def make() -> tuple[int | None, Check | None]:
        if private := private_reads(connection, model.depends_on, model.sql):
            raise _ReadsPrivate(private)
        whole = partial(create, connection, model)
        if model.days:
            return build_by_day(connection, model, model.days, now, whole)
        return whole(), None

    try:
        rows, check = write(connection, make)
    except _ReadsPrivate as refused:
        failure = _refuse(connection, model, refused.private)
        return Built(model, None, time.monotonic() - began, failure)
    except duckdb.Error as error:
        if is_full(error):
            raise
        failure = explain(error, f"dbt_like_sql/{model.layer}/{model.name}.sql", lines_before=1)
        logger.info("%s was not built: %s", model.qualified, failure)
        return Built(model, None, time.monotonic() - began, failure)
    return Built(model, rows, time.monotonic() - began, check=check)


def missing(connection: duckdb.DuckDBPyConnection, models: Iterable[Model]) -> list[Model]:
    """Return the models that are not in the warehouse yet."""
    existing = connection.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE"
        " table_catalog = current_database()"
    ).fetchall()
    return [model for model in models if (model.qualified,) not in existing]


def drop_removed(connection: duckdb.DuckDBPyConnection, models: Iterable[Model]) -> list[str]:
    """Drop the tables of models whose file was deleted, so that nobody reads numbers that are no
    longer updated.

    Args:
        connection: the live warehouse, with no transaction open.
        models: all existing models.

    Returns:
        The qualified names of the dropped tables.
    """
    known = {(model.qualified, "VIEW" if model.is_view else "TABLE") for model in models}
    existing = connection.execute(
        """SELECT schema_name, view_name, 'VIEW' FROM duckdb_views()
           WHERE database_name = current_database() AND list_contains($layers, schema_name)
           UNION ALL
           SELECT schema_name, table_name, 'TABLE' FROM duckdb_tables()
           WHERE database_name = current_database() AND list_contains($layers, schema_name)
           ORDER BY ALL""",
        {"layers": [str(layer) for layer in Layer]},
    ).fetchall()
    removed = [
        (layer, name, kind)
        for layer, name, kind in existing
        if (f"{layer}.{name}", kind) not in known
    ]

    def drop() -> None:
        for layer, name, kind in removed:
            connection.execute(f'DROP {kind} {layer}."{name}"')

    if removed:
        write(connection, drop)
    return [f"{layer}.{name}" for layer, name, _ in removed]


def explain(error: duckdb.Error, file: str, lines_before: int) -> Failure:
    """Return reason and remedy of a failed query, without any value from the data.

    Args:
        error: raised by a query of the file.
        file: path of the `.sql` file, for people.
        lines_before: number of lines executed before the file's text.
    """
    if not isinstance(error, _ABOUT_THE_SQL):
        remedy = f"Paste {file} into DuckDB to see the whole message, which may quote data."
        return Failure(f"{type(error).__name__} while running", remedy)
    message = str(error)
    found = re.search(r"^LINE (\d+):", message, re.MULTILINE)
    line = int(found[1]) - lines_before if found else None
    return Failure(
        message.splitlines()[0].rstrip("."),
        f"Correct {file}; its previous table is unchanged.",
        line,
    )


def create(connection: duckdb.DuckDBPyConnection, model: Model, sql: str = "") -> int | None:
    """Create or replace a model's table or view, with its comments.

    Args:
        connection: the live warehouse, in a transaction that the caller commits.
        model: the model.
        sql: the query of its rows, if not the model's own.

    Returns:
        Number of rows; None for a view.
    """
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {model.layer}")
    kind = "VIEW" if model.is_view else "TABLE"
    created = connection.execute(
        f'CREATE OR REPLACE {kind} {model.layer}."{model.name}" AS\n{sql or model.sql}\n'
    ).fetchone()
    texts = {column: text for column, text in model.columns.items() if text}
    comment(connection, kind, f'{model.layer}."{model.name}"', model.description, texts)
    return created[0] if created and not model.is_view else None
