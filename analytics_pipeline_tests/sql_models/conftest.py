"""A warehouse for each test, and a shared read-only one with a whole simulated organisation."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.model_warehouse import build_all, land, load
from analytics_pipeline_tests.support.odd_organisation import ODD
from analytics_pipeline_tests.support.once_per_run import made_once


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse, open. For a few rows a second thread costs more than it saves."""
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("SET threads TO 1")
        yield connection


@pytest.fixture(scope="session")
def organisation() -> Organisation:
    """Ninety days of an organisation with every trait."""
    return Organisation(OrganisationSpec(students=120))


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory, organisation: Organisation
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The organisation's warehouse with all models built.

    Shared: roll back whatever a test changes.
    """
    with _built_once(tmp_path_factory, "models of the organisation", organisation) as connection:
        yield connection


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of an organisation with every oddity. Shared like `built`."""
    with _built_once(tmp_path_factory, "models of the odd organisation", ODD) as connection:
        yield connection


def _built_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, organisation: Organisation
) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """Open a copy of an organisation's warehouse with all models built."""

    def fill(folder: Path) -> None:
        with open_warehouse(folder / "warehouse.duckdb") as connection:
            load(connection, land(folder, organisation.files() | organisation.hand_written()))
            build_all(connection)

    return open_warehouse(made_once(tmp_path_factory, name, fill) / "warehouse.duckdb")
