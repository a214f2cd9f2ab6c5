"""Which models are stale according to the warehouse alone, whatever its times say."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import duckdb
import pytest

from analytics_pipeline.sql_models import Project, build_and_test, stale_models
from analytics_pipeline_tests.support.model_warehouse import PROJECT, WRITTEN, put

MODEL = "staging.grades"
ONE = Project({MODEL: PROJECT.models[MODEL]}, {})
AHEAD = WRITTEN + timedelta(days=40)


def load(connection: duckdb.DuckDBPyConnection, dataset: str, at: datetime, run_id: str) -> None:
    """Record a load of the dataset's only file, as one that replaces it does."""
    connection.execute("DELETE FROM ops.loaded_files WHERE dataset = ?", [dataset])
    file = {"dataset": dataset, "partition": "200", "etag": "e", "loaded_at": at, "run_id": run_id}
    put(connection, "ops.loaded_files", file)


def build(connection: duckdb.DuckDBPyConnection, at: datetime) -> None:
    build_and_test(connection, ONE, ONE.models.values(), at)


@pytest.fixture
def connection(
    warehouse: duckdb.DuckDBPyConnection,
) -> Iterator[duckdb.DuckDBPyConnection]:
    load(warehouse, "grades", WRITTEN, "first")
    build(warehouse, WRITTEN)
    yield warehouse


def test_a_model_is_stale_after_a_load_and_not_after_its_build(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert stale_models(connection, ONE) == []
    load(connection, "lab_sessions", WRITTEN + timedelta(hours=1), "other")
    assert stale_models(connection, ONE) == [], "it does not read lab sessions"
    load(connection, "grades", WRITTEN + timedelta(hours=1), "second")
    assert stale_models(connection, ONE) == [MODEL]
    build(connection, WRITTEN + timedelta(hours=2))
    assert stale_models(connection, ONE) == []


@pytest.mark.parametrize("ahead", [timedelta(minutes=14), timedelta(days=40)])
def test_a_load_after_a_build_whose_clock_was_ahead_makes_the_model_stale(
    connection: duckdb.DuckDBPyConnection, ahead: timedelta
) -> None:
    build(connection, WRITTEN + ahead)
    load(connection, "grades", WRITTEN + timedelta(minutes=1), "second")
    assert stale_models(connection, ONE) == [MODEL]


def test_a_model_that_was_built_of_a_load_whose_clock_was_ahead_is_not_stale(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, "grades", AHEAD, "second")
    assert stale_models(connection, ONE) == [MODEL]
    build(connection, WRITTEN + timedelta(hours=1))
    assert stale_models(connection, ONE) == []


def test_a_model_is_stale_after_a_file_left_the_ledger(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("DELETE FROM ops.loaded_files")
    assert stale_models(connection, ONE) == [MODEL]


def test_a_model_that_an_earlier_release_built_is_not_called_stale(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, "grades", AHEAD, "second")
    connection.execute("DROP TABLE ops.model_loads")
    assert stale_models(connection, ONE) == [], "nothing is known about it"
