"""The tables of failed and missing files as assets, for everything that reads them.

A load materializes its dataset only if a file is loaded. A run that only found a file broken or
gone changes these tables. It then materializes them, so that models and the published file follow.
"""

from collections.abc import Mapping

import dagster as dg
import duckdb

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.raw.materializations import newest_events
from analytics_pipeline.warehouse.ledger import PROBLEMS, problem_digests
from analytics_pipeline.warehouse.tables import tables

GROUP = "ops"
_DIGEST = "digest"


def problem_keys(location: Location) -> Mapping[str, dg.AssetKey]:
    """Return the asset key of each of these tables, by table."""
    return {table: location.model_key(table) for table in PROBLEMS}


def problem_assets(location: Location) -> list[dg.AssetSpec]:
    """Return the assets. No step materializes them: `report_problems` does."""
    described = {table.name: table.description for table in tables()}
    return [
        dg.AssetSpec(
            key,
            description=described[table],
            group_name=GROUP,
            kinds={"duckdb"},
            tags={"layer": GROUP},
            metadata={"dagster/table_name": table},
        )
        for table, key in problem_keys(location).items()
    ]


def report_problems(
    instance: dg.DagsterInstance, location: Location, connection: duckdb.DuckDBPyConnection
) -> None:
    """Materialize the tables whose content differs from what this instance last recorded."""
    keys = problem_keys(location)
    newest = newest_events(instance, keys.values())
    for table, (rows, digest) in problem_digests(connection).items():
        key = keys[table]
        event = newest[key].asset_materialization if key in newest else None
        recorded = event.metadata[_DIGEST].value if event else None
        if digest != recorded and (rows or event):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(key, metadata={"dagster/row_count": rows, _DIGEST: digest})
            )
