"""What the Dagster UI shows beside an asset: code, owners, personal data, freshness, and who ran
what.
"""

from pathlib import Path

import dagster as dg
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.runs.in_process import execute
from analytics_pipeline.settings import Settings, SettingsError, load_settings
from analytics_pipeline_tests.orchestration.conftest import Pipeline, lab_sessions

SESSIONS = dg.AssetKey(["raw", "lab_sessions"])


def specs(settings: Settings) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in build_definitions(settings).resolve_all_asset_specs()}


def test_every_asset_names_the_file_that_declares_it(tmp_path: Path) -> None:
    for key, spec in specs(Settings(ANALYTICS_DATA_DIR=str(tmp_path))).items():
        if key.path[0] in ("raw", "staging", "marts"):
            [reference] = spec.metadata["dagster/code_references"].code_references
            file = Path(reference.file_path)
            assert file.is_file() and file.stem == key.path[1], key


def test_owners_come_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASSET_OWNERS", "team:labs, ada@example.org")
    assert {tuple(spec.owners) for spec in specs(load_settings()).values()} == {
        ("team:labs", "ada@example.org")
    }
    monkeypatch.setenv("ASSET_OWNERS", "ada")
    with pytest.raises(
        SettingsError,
        match=r"ASSET_OWNERS: .*'ada' is not an owner: give an email address, or a team",
    ):
        load_settings()


def test_assets_with_columns_of_people_are_tagged_and_no_other(tmp_path: Path) -> None:
    def tagged(**changes: str) -> set[str]:
        found = specs(Settings(ANALYTICS_DATA_DIR=str(tmp_path), **changes))
        return {
            key.to_user_string() for key, spec in found.items() if spec.tags.get("pii") == "true"
        }

    people = {"lab_sessions", "aws_cost", "azure_cost", "service_spend", "enrollment"}
    assert {name for name, dataset in DATASETS.items() if dataset.is_personal} == people
    assert tagged() == {f"raw/{name}" for name in people}
    assert tagged(PUBLISH_PII="true") == {f"raw/{name}" for name in people} | {
        ALONE.published.to_user_string()
    }


def test_what_is_published_has_a_freshness_of_its_own(tmp_path: Path) -> None:
    found = specs(Settings(ANALYTICS_DATA_DIR=str(tmp_path)))
    for key in (ALONE.published, ALONE.report):
        assert found[key].freshness_policy == found[SESSIONS].freshness_policy, key


def test_a_run_of_a_command_names_it_in_one_tag_and_its_metadata_says_nothing_twice(
    pipeline: Pipeline,
) -> None:
    pipeline.vocareum.put(*lab_sessions("2026-10-21", rows=3))
    tags = {
        "dagster/asset_partition_range_start": "2026-10-21",
        "dagster/asset_partition_range_end": "2026-10-21",
    }
    run = execute(pipeline.definitions, pipeline.instance, ALONE, [SESSIONS], tags, {})
    assert run.success
    kept = pipeline.instance.get_run_by_id(run.run_id)
    assert kept is not None
    own = {
        name: value for name, value in kept.tags.items() if name.startswith("analytics_pipeline/")
    }
    assert list(own) == ["analytics_pipeline/command"] and own[
        "analytics_pipeline/command"
    ].startswith("sync@")
    event = pipeline.instance.get_latest_materialization_event(SESSIONS)
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["dagster/partition_row_count"].value == 3 and "rows" not in metadata
