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
from typing import Any

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
    """What may be reused of the previous file; nothing by default.

    Attributes:
        published_at: when each reusable model was published in its state there (UTC).
        may_stay: whether the whole file may stay in place.
    """

    published_at: Mapping[str, datetime] = field(default_factory=dict)
    may_stay: bool = False


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
    raw_is_wrong = models != tables
    with attached_before(connection, target) as is_attached:
        previous = _previous(connection, pii) if is_attached else _Previous()
        # A previous file that may not stay may hold an erased person: a file without any model is
        # better than that.
        all_content = raw_is_wrong and (previous.may_stay or not target.exists())
        kept = {
            name: at for name, at in previous.published_at.items() if all_content or name in models
        }
        yield Withheld(models, kept, all_content, is_reusable=bool(previous.published_at))


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
    """Return what may be reused of the previous file, attached as BEFORE."""
    try:
        row = published_row(connection, f"{BEFORE}.")
    except duckdb.CatalogException:
        return _Previous()
    if not _fits(connection, row, pii):
        return _Previous()
    is_same_release = row["release"] == version("analytics-pipeline")
    # A column may have become private since another release. Only marts never hold private ones.
    schemas = MODEL_SCHEMAS if is_same_release else ("marts.",)
    kept = {entry["table"]: entry["published_at"] for entry in row.get("kept") or ()}
    tables = connection.execute(
        f"""SELECT schema_name || '.' || table_name FROM duckdb_tables()
            WHERE database_name = '{BEFORE}'
            UNION ALL
            SELECT schema_name || '.' || view_name FROM duckdb_views()
            WHERE database_name = '{BEFORE}' AND NOT internal"""
    ).fetchall()
    published_at = {
        name: kept.get(name, row["published_at"]) for (name,) in tables if name.startswith(schemas)
    }
    return _Previous(published_at, may_stay=is_same_release and bool(published_at))


def _fits(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any], pii: bool) -> bool:
    """Return whether a file with this row in `ops.published` has the schema and the privacy setting
    of the new one, and nobody was erased since.
    """
    count = erasures(connection)
    if count is None:
        return False
    schema_version = value_of(connection, "SELECT max(version) FROM ops.schema_version")
    # Earlier releases did not count erasures: their file fits if nobody was ever erased.
    nobody_erased = value_of(connection, "SELECT count(*) = 0 FROM ops.erased")
    count_before = row.get("erasures", 0 if nobody_erased else None)
    before = (row.get("pii"), row.get("schema_version"), count_before)
    return before == (pii, schema_version, count)
