"""Lakes of the tests: settings of one, and what is compared between a lake and a file."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from analytics_pipeline.datasets import FEED
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.ledger import delivery_of, failed_files, loaded_files
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline_tests.support.loaded_warehouse import NOT_COMPARED
from analytics_pipeline_tests.support.postgres import Postgres


def lake_settings(postgres: Postgres, folder: Path, database: str | None = None) -> Settings:
    """Return settings of a lake in a new database, with everything else below a folder."""
    dsn = postgres.dsn(database or postgres.new_database())
    return Settings(
        VOCAREUM_ORG_ID="9001",
        ANALYTICS_DATA_DIR=str(folder / "data"),
        ANALYTICS_WAREHOUSE=f"ducklake:postgres:{dsn}",
        ANALYTICS_WAREHOUSE_DATA=str(folder / "lake"),
    )


def database_of(settings: Settings) -> str:
    """Return the name of the database that holds the catalog of a lake."""
    return settings.warehouse_url.get_secret_value().rpartition("dbname=")[2]


def deliveries_of(settings: Settings) -> list[Delivery]:
    """Return every version that a warehouse loaded, or failed to load."""
    with warehouse_of(settings).read() as connection:
        files = [*loaded_files(connection), *failed_files(connection)]
    return [delivery_of(file) for file in files]


def load(settings: Settings, landing: Path, deliveries: Iterable[Delivery]) -> list[FileResult]:
    """Load landed files into the settings' warehouse."""
    chosen = list(deliveries)
    loader = Loader(None, landing, warehouse_of(settings).open, "test")
    return [
        result
        for dataset in FEED.values()
        for result in loader.load(
            dataset, [delivery for delivery in chosen if delivery.dataset is dataset]
        )
    ]


def digests(settings: Settings) -> dict[str, tuple[int, int]]:
    """Return the number of rows and a hash of each table and model, without times of the run."""
    with warehouse_of(settings).read() as connection:
        return {name: _digest(connection, name) for name in sorted(_relations(connection))}


def _relations(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute(
        """SELECT table_schema || '.' || table_name FROM information_schema.tables
           WHERE table_catalog = current_database()
             AND table_schema IN ('staging', 'marts')"""
    ).fetchall()
    kept = {"ops.schema_version", "ops.publication", "ops.published_parts", "ops.model_days"}
    return {name for (name,) in found} | {table.name for table in tables()} - kept


def _digest(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[int, int]:
    columns = [
        column
        for (column, *_) in connection.execute(f"DESCRIBE {name}").fetchall()
        if column not in NOT_COMPARED
    ]
    cells = ", ".join(f'"{column}"::VARCHAR' for column in columns)
    [(rows, hashed)] = connection.execute(
        f"SELECT count(*), coalesce(sum(hash({cells})::HUGEINT), 0) FROM {name}"
    ).fetchall()
    return rows, hashed
