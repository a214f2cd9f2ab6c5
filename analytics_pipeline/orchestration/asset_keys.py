"""How assets are named: the key of an asset is the table that it writes."""

import dagster as dg

from analytics_pipeline.datasets import Dataset

OWNER = "team:data-engineering"


def asset_key(dataset: Dataset) -> dg.AssetKey:
    """The asset of a dataset; its path is the table's name."""
    return dg.AssetKey(dataset.table.split("."))


def model_key(name: str) -> dg.AssetKey:
    """The asset of a table, whoever makes it; the ledger and the histories are written with the raw tables."""
    return dg.AssetKey(name.split("."))
