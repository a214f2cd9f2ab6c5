"""What a failing check keeps from being published, and what is published of it instead: the rows of the file before.

Rows of the file before are taken only where they fit the new one: same release of the tables, same privacy, and nobody was
erased since. Where they don't, the table is left out: a person who was erased must not come back with them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from analytics_pipeline.warehouse.checks import errors, read
from analytics_pipeline.warehouse.connection import let_go
from analytics_pipeline.warehouse.schema import literal

BEFORE = "published_before"
"""Name of the attached file that was published before."""
MODEL_SCHEMAS = ("staging.", "marts.")


@dataclass(frozen=True)
class Withheld:
    """What is not published anew.

    Attributes:
        tables: qualified names of the models that failing checks withhold.
        kept: those of them that the file before has in a state that may be published: the time of that state (UTC).
        whole: whether a check withholds what every model is made of, so that nothing of the file may be new.
        usable: whether there is a file before, from which rows may be taken.
    """

    tables: frozenset[str] = frozenset()
    kept: Mapping[str, datetime] = field(default_factory=dict)
    whole: bool = False
    usable: bool = False

    @property
    def left_out(self) -> list[str]:
        """Those that can't be in the file at all."""
        return sorted(self.tables - self.kept.keys())

    @property
    def file_stays(self) -> bool:
        """Whether the file holds what it held before, and nothing new but the checks."""
        return self.whole and self.usable

    @property
    def nothing(self) -> bool:
        """Whether no file may be written, as what everything is made of is wrong and there is no file before."""
        return self.whole and not self.usable


def withheld_tables(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Every table that a failing, or outdated, ERROR check withholds."""
    return frozenset(name for check in errors(read(connection)) for name in check.withholds)


def erasures(connection: duckdb.DuckDBPyConnection) -> int | None:
    """How many times people were erased so far; None while an erasure is under way, or was interrupted."""
    row = connection.execute(
        "SELECT coalesce(sum(times), 0)::BIGINT, count(*) FILTER (times = 0) FROM ops.erased"
    ).fetchone()
    assert row is not None  # an aggregate has one row
    return None if row[1] else row[0]


@contextmanager
def withheld(connection: duckdb.DuckDBPyConnection, target: Path, *, pii: bool) -> Iterator[Withheld]:
    """Find what is withheld; while the block runs, the file before is attached as BEFORE if anything is kept of it.

    Args:
        connection: the live warehouse, under the writer's lock.
        target: the published file, which need not be there.
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
        if not same_release:  # what is private may have been declared anew: marts alone hold nothing private
            states = {name: at for name, at in states.items() if name.startswith("marts.")} if states else states
        if whole and not (states and same_release) and target.exists():
            # The file before may hold somebody who was erased: rather one without any model than that one.
            whole = False
        kept = {name: at for name, at in (states or {}).items() if whole or name in models}
        yield Withheld(models, kept, whole, usable=bool(states))


def older_files(connection: duckdb.DuckDBPyConnection, target: Path) -> int:
    """Return how many files the published file has that the warehouse lacks, or has in a version that was loaded earlier.

    A load only ever adds to the ledger, so any such file means that an older warehouse was put back.

    Args:
        connection: the live warehouse.
        target: the published file, which need not be there.
    """
    with attached_before(connection, target) as is_attached:
        if not is_attached:
            return 0
        try:
            row = connection.execute(
                f"""SELECT count(*) FROM {BEFORE}.ops.loaded_files AS before
                    LEFT JOIN ops.loaded_files AS live USING (dataset, "partition")
                    WHERE live.loaded_at IS NULL OR live.loaded_at < before.loaded_at"""
            ).fetchone()
        except duckdb.Error:  # no file of ours, or of a release that had other tables
            return 0
    assert row is not None  # an aggregate has one row
    return int(row[0])


@contextmanager
def attached_before(connection: duckdb.DuckDBPyConnection, target: Path) -> Iterator[bool]:
    """Attach the file that was published before as BEFORE, to read; False if there is none that can be read."""
    if not target.exists():
        yield False
        return
    try:
        connection.execute(f"ATTACH {literal(str(target))} AS {BEFORE} (READ_ONLY)")
    except duckdb.Error:  # damaged, or no database: nothing is taken from it
        yield False
        return
    try:
        yield True
    finally:
        let_go(connection)
        connection.execute(f"DETACH {BEFORE}")


def _states(connection: duckdb.DuckDBPyConnection, pii: bool) -> tuple[dict[str, datetime] | None, bool]:
    """When each model of the file before was published in the state it has there, None if no row may be taken; and whether
    this release wrote it."""
    try:
        signed = connection.execute(f"FROM {BEFORE}.ops.published")
        names = [column[0] for column in signed.description or ()]
        row = dict(zip(names, signed.fetchone() or (), strict=False))
    except duckdb.CatalogException:
        return None, False
    known = connection.execute("SELECT max(version) FROM ops.schema_version").fetchone()
    now, nobody = erasures(connection), connection.execute("SELECT count(*) = 0 FROM ops.erased").fetchone()
    before = row.get("erasures", 0 if nobody == (True,) else None)  # an earlier release did not count them
    if now is None or (row.get("pii"), row.get("schema_version"), before) != (pii, known and known[0], now):
        return None, False
    tables = connection.execute(
        f"""SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = '{BEFORE}'
            UNION ALL
            SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = '{BEFORE}' AND NOT internal"""
    ).fetchall()
    kept = {entry["table"]: entry["published_at"] for entry in row.get("kept") or ()}
    states = {name: kept.get(name, row["published_at"]) for (name,) in tables if name.startswith(MODEL_SCHEMAS)}
    return states, row["release"] == version("analytics-pipeline")
