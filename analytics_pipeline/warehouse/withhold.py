"""What a failing check withholds: its previous published rows stay published.

Rows of the previous file are reused only if they fit the new one: same schema version, same privacy
setting, and nobody erased since. Otherwise the table is left out: an erased person must not come
back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from analytics_pipeline.warehouse.checks import errors, read
from analytics_pipeline.warehouse.connection import drain_threads
from analytics_pipeline.warehouse.files import is_cut_short
from analytics_pipeline.warehouse.signature import published_row
from analytics_pipeline.warehouse.sql_text import literal
from analytics_pipeline.warehouse.transactions import value_of

BEFORE = "published_before"
"""Name under which the previous published file is attached."""
MODEL_SCHEMAS = ("staging.", "marts.")


@dataclass(frozen=True)
class Withheld:
    """The models that are not republished.

    Attributes:
        tables: qualified names of the models that failing checks withhold.
        kept: withheld models that the previous file has in a publishable state, with the time of
            that state (UTC).
        all_content: whether a check withholds the raw tables under every model, so that nothing in
            the file may change.
        is_reusable: whether rows of a previous file may be reused.
    """

    tables: frozenset[str] = frozenset()
    kept: Mapping[str, datetime] = field(default_factory=dict)
    all_content: bool = False
    is_reusable: bool = False

    @property
    def left_out(self) -> list[str]:
        """Return the withheld models that can't be in the file at all."""
        return sorted(self.tables - self.kept.keys())

    @property
    def file_stays(self) -> bool:
        """Return whether the file keeps all its content except the checks."""
        return self.all_content and self.is_reusable

    @property
    def nothing(self) -> bool:
        """Return whether no file may be written: wrong raw tables, and no previous file."""
        return self.all_content and not self.is_reusable


@dataclass(frozen=True)
class _Previous:
    """What may be reused of the previous file.

    Attributes:
        published_at: when each of its models was published in its state there (UTC); empty if no
            row may be reused.
        is_same_release: whether this release wrote it.
    """

    published_at: Mapping[str, datetime] = field(default_factory=dict)
    is_same_release: bool = False


def withheld_tables(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return every table that a failing or outdated ERROR check withholds."""
    return frozenset(name for check in errors(read(connection)) for name in check.withholds)


def erasures(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return how many erasures there were; None while one is in progress or was interrupted."""
    [(count, unfinished)] = connection.execute(
        "SELECT coalesce(sum(times), 0)::BIGINT, count(*) FILTER (times = 0) FROM ops.erased"
    ).fetchall()
    return None if unfinished else count


@contextmanager
def withheld(
    connection: duckdb.DuckDBPyConnection, target: Path, *, pii: bool
) -> Iterator[Withheld]:
    """Yield what is withheld; attach the previous file as BEFORE if any table is kept.

    Args:
        connection: the live warehouse, under the writer's lock.
        target: the published file, which may be missing.
        pii: whether private columns are to be published.
    """
    tables = withheld_tables(connection)
    if not tables:
        yield Withheld()
        return
    models = frozenset(name for name in tables if name.startswith(MODEL_SCHEMAS))
    all_content = models != tables
    with attached_before(connection, target) as is_attached:
        previous = _previous(connection, pii) if is_attached else _Previous()
        published_at = previous.published_at
        if not previous.is_same_release:
            # A column may have become private since. Only marts never hold private columns.
            published_at = {
                name: at for name, at in published_at.items() if name.startswith("marts.")
            }
        if not (published_at and previous.is_same_release) and target.exists():
            # The previous file may hold an erased person: a file without any model is better than
            # that.
            all_content = False
        kept = {name: at for name, at in published_at.items() if all_content or name in models}
        yield Withheld(models, kept, all_content, is_reusable=bool(published_at))


@contextmanager
def attached_before(connection: duckdb.DuckDBPyConnection, target: Path) -> Iterator[bool]:
    """Attach the previous published file as BEFORE; yield False if it can't be read whole."""
    if not target.exists():
        yield False
        return
    try:
        connection.execute(f"ATTACH {literal(str(target))} AS {BEFORE} (READ_ONLY)")
    except duckdb.Error:  # damaged, or not a database: nothing of it is used
        yield False
        return
    try:
        yield not is_cut_short(connection, target, BEFORE)
    finally:
        drain_threads(connection)
        connection.execute(f"DETACH {BEFORE}")


def _previous(connection: duckdb.DuckDBPyConnection, pii: bool) -> _Previous:
    """Return what of the previous file, attached as BEFORE, may be reused."""
    try:
        before = published_row(connection, f"{BEFORE}.")
    except duckdb.CatalogException:
        return _Previous()
    schema_version = value_of(connection, "SELECT max(version) FROM ops.schema_version")
    count = erasures(connection)
    nobody_erased = value_of(connection, "SELECT count(*) = 0 FROM ops.erased")
    # Earlier releases did not count erasures.
    count_before = before.get("erasures", 0 if nobody_erased else None)
    fits = (pii, schema_version, count) == (
        before.get("pii"),
        before.get("schema_version"),
        count_before,
    )
    if count is None or not fits:
        return _Previous()
    tables = connection.execute(
        f"""SELECT schema_name || '.' || table_name FROM duckdb_tables()
            WHERE database_name = '{BEFORE}'
            UNION ALL
            SELECT schema_name || '.' || view_name FROM duckdb_views()
            WHERE database_name = '{BEFORE}' AND NOT internal"""
    ).fetchall()
    kept = {entry["table"]: entry["published_at"] for entry in before.get("kept") or ()}
    return _Previous(
        {
            name: kept.get(name, before["published_at"])
            for (name,) in tables
            if name.startswith(MODEL_SCHEMAS)
        },
        before["release"] == version("analytics-pipeline"),
    )
