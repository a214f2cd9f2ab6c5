"""`ops.parameters`: the settings that SQL models read, in one row, so that a model needs no template."""

from decimal import Decimal

import duckdb

from analytics_pipeline.warehouse.transactions import transaction


def set_parameters(connection: duckdb.DuckDBPyConnection, anomaly_floor_usd: Decimal) -> None:
    """Replace the row.

    Args:
        connection: the live warehouse, with no transaction open.
        anomaly_floor_usd: US dollars that a student's day must cost at least to be an anomaly.
    """
    with transaction(connection):
        connection.execute("DELETE FROM ops.parameters")
        connection.execute("INSERT INTO ops.parameters (anomaly_floor_usd) VALUES (?)", [anomaly_floor_usd])
