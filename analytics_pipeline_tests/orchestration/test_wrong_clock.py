"""A machine whose clock was ahead for a while: the order of what happened decides, not its time."""

from typing import Any

import dagster as dg
import pytest

from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.models.staleness import stale_assets
from analytics_pipeline.orchestration.runs.in_process import execute
from analytics_pipeline.warehouse.parameters import Parameters
from analytics_pipeline_tests.orchestration.conftest import Pipeline
from analytics_pipeline_tests.support.clocks import machine_ahead

SCORES = "marts/assignment_scores"


def stale(pipeline: Pipeline) -> set[str]:
    found = stale_assets(pipeline.instance, ALONE, Parameters.of(pipeline.settings))
    return {key.to_user_string() for key in found}


def build(pipeline: Pipeline, names: set[str]) -> None:
    keys = [dg.AssetKey.from_user_string(name) for name in sorted(names)]
    assert execute(pipeline.definitions, pipeline.instance, ALONE, keys, {}, {}).success


def load(pipeline: Pipeline) -> None:
    event = dg.AssetMaterialization(dg.AssetKey(["raw", "grades"]))
    pipeline.instance.report_runless_asset_event(event)


@pytest.mark.parametrize(
    "by",
    [
        pytest.param({"days": 40}, id="40 days"),
        pytest.param({"minutes": 14}, id="14 minutes", marks=pytest.mark.thorough),
    ],
)
def test_models_that_were_built_while_the_clock_was_ahead_follow_a_later_load(
    loaded: Pipeline, by: dict[str, Any]
) -> None:
    with machine_ahead(**by):
        build(loaded, stale(loaded))
        assert stale(loaded) == set()
    load(loaded)
    assert {SCORES, "published/analytics"} <= stale(loaded)
    assert "marts/lab_sessions" not in stale(loaded), "it does not depend on grades"
    build(loaded, stale(loaded))
    assert stale(loaded) == set()


@pytest.mark.thorough
def test_a_load_that_was_recorded_while_the_clock_was_ahead_is_built_once(loaded: Pipeline) -> None:
    build(loaded, stale(loaded))
    with machine_ahead(days=40):
        load(loaded)
    assert SCORES in stale(loaded)
    build(loaded, stale(loaded))
    assert stale(loaded) == set(), "it would be rebuilt by each sync until that date"


@pytest.mark.thorough
def test_models_that_were_built_after_a_publication_ahead_are_unpublished(loaded: Pipeline) -> None:
    with machine_ahead(days=40):
        build(loaded, stale(loaded))
    build(loaded, {SCORES})
    assert stale(loaded) == {"published/analytics"}
