"""The marts as Parquet files."""

import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project, model_texts
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.export_parquet import export_parquet


def test_parquet_files_describe_their_columns(settings: Settings, tmp_path: Path) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        files = export_parquet(connection, tmp_path / "out", model_texts)
    model = load_project().models["marts.focus_cost"]
    metadata = pq.read_schema(files["focus_cost"]).metadata
    assert metadata[b"description"].decode() == model.description
    assert json.loads(metadata[b"columns"]) == model.columns
    assert set(pq.read_schema(files["focus_cost"]).names) == model.columns.keys()


def test_marts_are_exported_to_parquet_files(settings: Settings, tmp_path: Path) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        files = export_parquet(connection, tmp_path / "out")
        counted = {
            name: connection.execute(f"SELECT count(*) FROM marts.{name}").fetchall()
            for name in files
        }
    assert "daily_cloud_spend" in files
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{name}.parquet" for name in files
    }
    for name, path in files.items():
        assert (
            duckdb.execute("SELECT count(*) FROM read_parquet($1)", [str(path)]).fetchall()
            == counted[name]
        )
