"""`ops.parameters`: settings that SQL models read, in one row, so that models need no templates."""

from dataclasses import astuple, dataclass
from decimal import Decimal

import duckdb

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.transactions import write


@dataclass(frozen=True)
class Parameters:
    """The settings that SQL models read.

    Attributes:
        anomaly_floor_usd: minimum cost of an anomalous student-day, in US dollars.
    """

    anomaly_floor_usd: Decimal

    @classmethod
    def of(cls, settings: Settings) -> "Parameters":
        """Return the parameters of these settings."""
        return cls(settings.anomaly_floor_usd)


def set_parameters(connection: duckdb.DuckDBPyConnection, parameters: Parameters) -> None:
    """Replace the row of parameters, if they changed.

    Args:
        connection: the live warehouse, with no transaction open.
        parameters: their current values.
    """

    def replace() -> None:
        connection.execute("DELETE FROM ops.parameters")
        connection.execute(
            "INSERT INTO ops.parameters (anomaly_floor_usd) VALUES (?)", astuple(parameters)
        )

    if not are_set(connection, parameters):
        write(connection, replace)


def are_set(connection: duckdb.DuckDBPyConnection, parameters: Parameters) -> bool:
    """Return whether the models were last built with these parameters.

    Args:
        connection: the warehouse, or a published file.
        parameters: their current values.
    """
    try:
        current = connection.execute("SELECT anomaly_floor_usd FROM ops.parameters").fetchall()
    except duckdb.CatalogException:  # written by an earlier release
        return False
    return current == [astuple(parameters)]
