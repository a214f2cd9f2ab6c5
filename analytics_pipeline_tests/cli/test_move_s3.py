"""`move` into a lake whose data files are in S3, and back."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline_tests.support.buckets import REGION, Bucket, running_bucket
from analytics_pipeline_tests.support.lakes import lake_settings
from analytics_pipeline_tests.support.moved_warehouse import differing, everything, write_env_file
from analytics_pipeline_tests.support.postgres import PASSWORD, Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with running_bucket(monkeypatch) as bucket:
        yield bucket


def use(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> Settings:
    """Set variables for the following commands; return their settings."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def move(env_file: Path) -> str:
    """Move to the settings of an env file; return what the command prints."""
    result = CliRunner().invoke(app, ["move", "--to", str(env_file)])
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    return result.output


def test_a_warehouse_moves_into_a_lake_in_s3_and_back_with_every_row(
    settings: Settings,
    postgres: Postgres,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    common = {"VOCAREUM_ORG_ID": "9001", "ANALYTICS_DATA_DIR": str(settings.data_dir)}
    lake = {
        "ANALYTICS_WAREHOUSE": lake_settings(postgres, tmp_path).warehouse_url.get_secret_value(),
        "ANALYTICS_WAREHOUSE_DATA": f"s3://{bucket.name}/lake",
        "ANALYTICS_WAREHOUSE_ENDPOINT_URL": bucket.endpoint,
        "ANALYTICS_WAREHOUSE_REGION": REGION,
    }
    monkeypatch.chdir(tmp_path)
    file = use(monkeypatch, common | {"DAGSTER_HOME": ""})
    before, content = everything(file), file.warehouse_path.read_bytes()
    assert before["marts.spend_days"] and before["history.grades"] and before["quarantine.rejects"]

    for name in keys:  # the env file names the keys of the lake's bucket
        monkeypatch.delenv(name)
    printed = move(write_env_file(tmp_path / "lake.env", common | lake | keys))
    assert f"data in s3://{bucket.name}/lake/org9001/" in printed
    assert file.warehouse_path.read_bytes() == content, "the source is unchanged"
    objects = [key for key in bucket.objects() if key.startswith("lake/org9001/raw/")]
    assert len(objects) >= 8 and all(key.endswith(".parquet") for key in objects)

    in_lake = use(monkeypatch, lake | keys)
    assert differing(before, everything(in_lake)) == []
    for old in file.data_dir.glob("warehouse.duckdb*"):
        old.unlink()
    to_file = write_env_file(tmp_path / "file.env", common)
    printed = move(to_file)
    assert "is copied to" in printed
    assert f"aws s3 rm --recursive s3://{bucket.name}/lake/org9001/" in printed
    assert differing(before, everything(file)) == []
    assert "was copied before to" in move(to_file)
