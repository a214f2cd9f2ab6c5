"""A person of the simulated organisation, and every trace of them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from analytics_pipeline.datasets import DATASETS, classify
from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse, read_warehouse
from analytics_pipeline.warehouse.quality import unaccounted
from analytics_pipeline_tests.support.byte_search import in_file


@dataclass(frozen=True)
class Someone:
    """A person, by all that a file may name them with."""

    user_id: int
    email: str
    name: str


def rows_of(settings: Settings, sql: str, *parameters: object) -> list[tuple]:
    with open_warehouse(settings.warehouse_path) as connection:
        return connection.execute(sql, parameters).fetchall()


def files_with_traces(person: Someone, folder: Path) -> list[str]:
    """Return files under the folder that hold the email or the name in any byte, or in any cell
    of a lake's Parquet file.
    """
    signs = [person.email.encode(), person.name.encode()]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.name for path in files if any(sign in _bytes(path) for sign in signs)]


def _bytes(path: Path) -> bytes:
    """Return the bytes of a file, and of the cells that Parquet compresses."""
    if path.suffix == ".parquet":
        return b"".join(piece for _, piece in in_file(path, path.name))
    return path.read_bytes()


def live_tables_with_traces(person: Someone, settings: Settings) -> list[str]:
    """Return the warehouse's tables with a trace."""
    with read_warehouse(settings.warehouse_path) as connection:
        return tables_with_traces(person, connection)


def tables_with_traces(person: Someone, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return tables with a cell that is the id or holds the email or the name; cells, as DuckDB may
    compress bytes.
    """
    found = []
    for name in _tables(connection):
        hit = connection.execute(
            f"""SELECT count(*) FROM (SELECT to_json(t)::VARCHAR AS row FROM {name} AS t)
                WHERE contains(row, $email) OR contains(row, $name)
                   OR regexp_matches(row, '[^0-9.]' || $id || '[^0-9]')""",
            {"email": person.email, "name": person.name, "id": str(person.user_id)},
        ).fetchone()
        if hit and hit[0]:
            found.append(name)
    return sorted(found)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the tables that the pipeline declares and builds."""
    found = connection.execute(
        """SELECT schema_name || '.' || table_name FROM duckdb_tables()
           WHERE database_name = current_database() AND table_name <> 'fence'"""
    )
    return [name for (name,) in found.fetchall()]


def assert_gone(person: Someone, settings: Settings) -> None:
    assert files_with_traces(person, settings.data_dir) == [], (
        "no byte of the email or the name may be left"
    )
    assert live_tables_with_traces(person, settings) == ["ops.erased"], "only the id, only there"
    with duckdb.connect(str(settings.published_path), read_only=True) as published:
        assert tables_with_traces(person, published) == []
    assert not [
        path for path in settings.data_dir.rglob("*") if path.name.endswith((".new", ".wal"))
    ]


def assert_every_record_accounted_for(settings: Settings) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        for dataset in DATASETS.values():
            keys = [
                key
                for (key,) in connection.execute(
                    f"SELECT DISTINCT _source_key FROM {dataset.table}"
                ).fetchall()
            ]
            assert unaccounted(connection, dataset, keys) == [], (
                f"records of {dataset.name} are lost"
            )


def content(settings: Settings) -> dict[str, str]:
    """Return every landed file, and the content of every table, as hashes."""
    with open_warehouse(settings.warehouse_path) as connection:
        tables = {
            name: str(
                connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {name} AS t").fetchall()
            )
            for name in _tables(connection)
        }
    files = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in settings.landing_dir.rglob("*.csv")
    }
    return tables | files


def redelivered(settings: Settings) -> Iterator[Delivery]:
    """Return the organisation's files, landed again in another version, as after a rewrite
    upstream.
    """
    for key, body in Organisation(OrganisationSpec.small()).files().items():
        if placed := classify(key.removeprefix("org9001/")):
            delivery = Delivery(
                *placed, key, "rewritten", len(body), datetime(2026, 11, 8, tzinfo=UTC)
            )
            landing_path(settings.landing_dir, delivery).write_bytes(body)
            yield delivery
