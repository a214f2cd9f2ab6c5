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
from analytics_pipeline.warehouse.sql_text import literal

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
        whole: whether a check withholds the raw tables under every model, so that nothing in the
            file may change.
        usable: whether rows of a previous file may be reused.
    """

    tables: frozenset[str] = frozenset()
    kept: Mapping[str, datetime] = field(default_factory=dict)
    whole: bool = False
    usable: bool = False

    @property
    def left_out(self) -> list[str]:
        """Return the withheld models that can't be in the file at all."""
        return sorted(self.tables - self.kept.keys())

    @property
    def file_stays(self) -> bool:
        """Return whether the file keeps all its content except the checks."""
        return self.whole and self.usable

    @property
    def nothing(self) -> bool:
        """Return whether no file may be written: wrong raw tables, and no previous file."""
        return self.whole and not self.usable


def withheld_tables(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return every table that a failing or outdated ERROR check withholds."""
    return frozenset(name for check in errors(read(connection)) for name in check.withholds)


def erasures(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return how many erasures there were; None while one is in progress or was interrupted."""
    row = connection.execute(
        "SELECT coalesce(sum(times), 0)::BIGINT, count(*) FILTER (times = 0) FROM ops.erased"
    ).fetchone()
    assert row is not None  # an aggregate has one row
    return None if row[1] else row[0]


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
    whole = any(not name.startswith(MODEL_SCHEMAS) for name in tables)
    models = frozenset(name for name in tables if name.startswith(MODEL_SCHEMAS))
    with attached_before(connection, target) as is_attached:
        states, same_release = _states(connection, pii) if is_attached else (None, False)
        if not same_release:
            # A column may have become private since. Only marts never hold private columns.
            states = (
                {name: at for name, at in states.items() if name.startswith("marts.")}
                if states
                else states
            )
        if whole and not (states and same_release) and target.exists():
            # The previous file may hold an erased person: a file without any model is better than
            # that.
            whole = False
        kept = {name: at for name, at in (states or {}).items() if whole or name in models}
        yield Withheld(models, kept, whole, usable=bool(states))


def older_files(connection: duckdb.DuckDBPyConnection, target: Path) -> int:
    """Return how many published files the warehouse lacks, or has in an earlier version.

    Loads only add to the ledger, so any such file means that an older warehouse was restored.

    Args:
        connection: the live warehouse.
        target: the published file, which may be missing.
    """
    with attached_before(connection, target) as is_attached:
        if not is_attached:
            return 0
        try:
            row = connection.execute(f"""SELECT count(*) FROM {BEFORE}.ops.loaded_files AS before
                    LEFT JOIN ops.loaded_files AS live USING (dataset, "partition")
                    WHERE live.loaded_at IS NULL OR live.loaded_at < before.loaded_at""").fetchone()
        except duckdb.Error:  # not our file, or a release with other tables
            return 0
    assert row is not None  # an aggregate has one row
    return int(row[0])


@contextmanager
def attached_before(connection: duckdb.DuckDBPyConnection, target: Path) -> Iterator[bool]:
    """Attach the previous published file as BEFORE; yield False if it can't be read."""
    if not target.exists():
        yield False
        return
    try:
        connection.execute(f"ATTACH {literal(str(target))} AS {BEFORE} (READ_ONLY)")
    except duckdb.Error:  # damaged, or not a database: nothing of it is used
        yield False
        return
    try:
        yield True
    finally:
        drain_threads(connection)
        connection.execute(f"DETACH {BEFORE}")


def _states(
    connection: duckdb.DuckDBPyConnection, pii: bool
) -> tuple[dict[str, datetime] | None, bool]:
    """Return when each model of the previous file was published in its state there (None if no row
    may be reused), and whether this release wrote it."""
    try:
        signed = connection.execute(f"FROM {BEFORE}.ops.published")
        names = [column[0] for column in signed.description or ()]
        row = dict(zip(names, signed.fetchone() or (), strict=False))
    except duckdb.CatalogException:
        return None, False
    known = connection.execute("SELECT max(version) FROM ops.schema_version").fetchone()
    now, nobody = (
        erasures(connection),
        connection.execute("SELECT count(*) = 0 FROM ops.erased").fetchone(),
    )
    # Earlier releases did not count erasures.
    before = row.get("erasures", 0 if nobody == (True,) else None)
    if now is None or (row.get("pii"), row.get("schema_version"), before) != (
        pii,
        known and known[0],
        now,
    ):
        return None, False
    tables = connection.execute(
        f"""SELECT schema_name || '.' || table_name FROM duckdb_tables()
            WHERE database_name = '{BEFORE}'
            UNION ALL
            SELECT schema_name || '.' || view_name FROM duckdb_views()
            WHERE database_name = '{BEFORE}' AND NOT internal"""
    ).fetchall()
    kept = {entry["table"]: entry["published_at"] for entry in row.get("kept") or ()}
    states = {
        name: kept.get(name, row["published_at"])
        for (name,) in tables
        if name.startswith(MODEL_SCHEMAS)
    }
    return states, row["release"] == version("analytics-pipeline")
