"""Files as real exports write them, loaded through every stage."""

from collections.abc import Mapping
from pathlib import Path

from analytics_pipeline.sql_models import build, load_project
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse

AWS = "cloud_spend/aws_cost_2026-01-0{}.csv"


def built(folder: Path, files: Mapping[str, str]) -> Warehouse:
    """Load files through every stage; none may fail, and all models are built."""
    warehouse = Warehouse(folder)
    failed = [
        str(result.failure) for result in warehouse.load(warehouse.deliver(files)) if result.failure
    ]
    assert failed == []
    with open_warehouse(warehouse.path) as connection:
        assert [
            result.failure
            for result in build(connection, load_project().models.values())
            if result.failure
        ] == []
    return warehouse


def spend(account: str, cost: str, updated: str = "1767830400") -> str:
    """Return a line of aws_cost."""
    return f"{account}, 5, a@b, 7, lab, {cost}, {updated}\n"
