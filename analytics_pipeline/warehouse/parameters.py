"""`ops.parameters`: settings that SQL models read, in one row, so that models need no templates."""

from decimal import Decimal

import duckdb

from analytics_pipeline.warehouse.transactions import transaction


def set_parameters(connection: duckdb.DuckDBPyConnection, anomaly_floor_usd: Decimal) -> None:
    """Replace the row of parameters.

    Args:
        connection: the live warehouse, with no transaction open.
        anomaly_floor_usd: minimum cost of an anomalous student-day, in US dollars.
    """
    with transaction(connection):
        connection.execute("DELETE FROM ops.parameters")
        connection.execute(
            "INSERT INTO ops.parameters (anomaly_floor_usd) VALUES (?)", [anomaly_floor_usd]
        )
