"""Which models are stale according to the warehouse alone, whatever its times say."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from analytics_pipeline.sql_models import Project, build_and_test, stale_models
from analytics_pipeline.sql_models.parse import parse_test
from analytics_pipeline.warehouse.parameters import Parameters, set_parameters
from analytics_pipeline_tests.support.model_warehouse import PROJECT, WRITTEN, put

MODEL = "staging.grades"
ONE = Project({MODEL: PROJECT.models[MODEL]}, {})
PARAMETERS = Parameters(Decimal(5))
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
    assert stale_models(connection, ONE, PARAMETERS) == []
    load(connection, "lab_sessions", WRITTEN + timedelta(hours=1), "other")
    assert stale_models(connection, ONE, PARAMETERS) == [], "it does not read lab sessions"
    load(connection, "grades", WRITTEN + timedelta(hours=1), "second")
    assert stale_models(connection, ONE, PARAMETERS) == [MODEL]
    build(connection, WRITTEN + timedelta(hours=2))
    assert stale_models(connection, ONE, PARAMETERS) == []


@pytest.mark.parametrize("ahead", [timedelta(minutes=14), timedelta(days=40)])
def test_a_load_after_a_build_whose_clock_was_ahead_makes_the_model_stale(
    connection: duckdb.DuckDBPyConnection, ahead: timedelta
) -> None:
    build(connection, WRITTEN + ahead)
    load(connection, "grades", WRITTEN + timedelta(minutes=1), "second")
    assert stale_models(connection, ONE, PARAMETERS) == [MODEL]


def test_a_model_that_was_built_of_a_load_whose_clock_was_ahead_is_not_stale(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, "grades", AHEAD, "second")
    assert stale_models(connection, ONE, PARAMETERS) == [MODEL]
    build(connection, WRITTEN + timedelta(hours=1))
    assert stale_models(connection, ONE, PARAMETERS) == []


def test_a_model_is_stale_after_a_file_left_the_ledger(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("DELETE FROM ops.loaded_files")
    assert stale_models(connection, ONE, PARAMETERS) == [MODEL]


def test_a_model_that_an_earlier_release_built_is_not_called_stale(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, "grades", AHEAD, "second")
    connection.execute("DROP TABLE ops.model_loads")
    assert stale_models(connection, ONE, PARAMETERS) == [], "nothing is known about it"


def test_a_model_is_stale_after_its_sql_or_that_of_a_test_changed(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    model, test = ONE.models[MODEL], "-- Nothing.\nSELECT score FROM staging.grades WHERE false"
    other_sql = replace(model, sql=f"{model.sql} -- changed")
    tested = Project(ONE.models, {"t": parse_test("t", test)})
    changed_test = Project(ONE.models, {"t": parse_test("t", f"{test} AND true")})
    assert stale_models(connection, Project({MODEL: other_sql}, {}), PARAMETERS) == [MODEL]
    assert stale_models(connection, tested, PARAMETERS) == [MODEL], "the test never ran"
    build_and_test(connection, tested, tested.models.values(), WRITTEN)
    assert stale_models(connection, tested, PARAMETERS) == []
    assert stale_models(connection, changed_test, PARAMETERS) == [MODEL]
    assert stale_models(connection, ONE, PARAMETERS) == [MODEL], "the test's verdict must go"


def test_a_model_is_stale_after_a_parameter_that_it_reads_changed(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    set_parameters(warehouse, PARAMETERS)
    build_and_test(warehouse, PROJECT, PROJECT.models.values(), WRITTEN)
    assert stale_models(warehouse, PROJECT, PARAMETERS) == []
    stale = stale_models(warehouse, PROJECT, Parameters(Decimal(50)))
    assert "marts.spend_anomalies" in stale and "marts.lab_sessions" not in stale
