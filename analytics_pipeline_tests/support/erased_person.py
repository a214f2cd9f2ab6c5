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
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.quality import unaccounted


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
    """Return files under the folder that hold the email or the name in any byte."""
    signs = [person.email.encode(), person.name.encode()]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.name for path in files if any(sign in path.read_bytes() for sign in signs)]


def tables_with_traces(person: Someone, path: Path) -> list[str]:
    """Return tables with a cell that is the id or holds the email or the name; cells, as DuckDB may
    compress bytes.
    """
    found = []
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        ).fetchall()
        for (name,) in names:
            hit = connection.execute(
                f"""SELECT count(*) FROM (SELECT to_json(t)::VARCHAR AS row FROM {name} AS t)
                    WHERE contains(row, $email) OR contains(row, $name)
                       OR regexp_matches(row, '[^0-9.]' || $id || '[^0-9]')""",
                {"email": person.email, "name": person.name, "id": str(person.user_id)},
            ).fetchone()
            if hit and hit[0]:
                found.append(name)
    return sorted(found)


def assert_gone(person: Someone, settings: Settings) -> None:
    assert files_with_traces(person, settings.data_dir) == [], (
        "no byte of the email or the name may be left"
    )
    assert tables_with_traces(person, settings.warehouse_path) == ["ops.erased"], (
        "only the id, only there"
    )
    assert tables_with_traces(person, settings.published_path) == []
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
        names = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        ).fetchall()
        tables = {
            name: str(
                connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {name} AS t").fetchall()
            )
            for (name,) in names
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
