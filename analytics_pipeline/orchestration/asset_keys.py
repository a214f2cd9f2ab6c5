"""Names of assets: an asset's key is the table that it writes."""

import dagster as dg

from analytics_pipeline.datasets import Dataset


def asset_key(dataset: Dataset) -> dg.AssetKey:
    """Return the asset key of a dataset; its path is the table's name."""
    return dg.AssetKey(dataset.table.split("."))


def model_key(name: str) -> dg.AssetKey:
    """Return the asset key of a table. (The ledger and histories belong to the raw assets.)"""
    return dg.AssetKey(name.split("."))
