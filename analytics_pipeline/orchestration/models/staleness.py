"""Find models made stale by loads from a terminal, or by a change of their SQL or parameters.

Under the daemon the models' automation condition does the same. `sql_models/` builds the models.
"""

from collections.abc import Mapping, Sequence

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.dagster_private import CODE_VERSION_TAG
from analytics_pipeline.orchestration.models.assets import code_version
from analytics_pipeline.orchestration.raw.materializations import (
    Newest,
    last_materialized,
    newest_events,
)
from analytics_pipeline.orchestration.raw.problem_assets import problem_keys
from analytics_pipeline.sql_models import load_project, touched_by
from analytics_pipeline.warehouse.parameters import Parameters


def stale_assets(
    instance: dg.DagsterInstance, location: Location, parameters: Parameters
) -> list[dg.AssetKey]:
    """Return the models to rebuild, and the published file; empty if it is up to date.

    Includes everything for which a process died between load or build and publication.
    """
    project = load_project()
    keys = [location.model_key(name) for name in project.models]
    problems = problem_keys(location)
    sources = {
        location.asset_key(dataset): touched_by([name]) for name, dataset in DATASETS.items()
    }
    sources |= {key: {table} for table, key in problems.items()}
    newest = newest_events(instance, [location.published, *sources, *keys])
    began = _run_starts(instance, newest, keys)
    late = {
        model.qualified
        for key, touched in sources.items()
        for model in project.affected(touched)
        if last_materialized(newest, key) > began.get(location.model_key(model.qualified), 0)
    }
    changed = {
        model.qualified
        for model in project.models.values()
        if _built_as(newest, location.model_key(model.qualified)) != code_version(model, parameters)
    }
    names = late | changed | {model.qualified for model in project.affected(changed)}
    unpublished = any(
        last_materialized(newest, key) > last_materialized(newest, location.published)
        for key in (*keys, *problems.values())
    )
    return (
        [
            *(location.model_key(model.qualified) for model in project.select(names)),
            location.published,
        ]
        if names or unpublished
        else []
    )


def _run_starts(
    instance: dg.DagsterInstance, newest: Newest, keys: Sequence[dg.AssetKey]
) -> Mapping[dg.AssetKey, float]:
    """Return when each model's last run began (epoch seconds): it may have missed later loads."""
    runs = {newest[key].run_id for key in keys if key in newest}
    records = instance.get_run_records(dg.RunsFilter(run_ids=list(runs))) if runs else []
    starts = {record.dagster_run.run_id: record.start_time for record in records}
    return {
        key: starts.get(newest[key].run_id) or last_materialized(newest, key)
        for key in keys
        if key in newest
    }


def _built_as(newest: Newest, key: dg.AssetKey) -> str | None:
    """Return the code version of a model's last build; None if it was never built."""
    event = newest.get(key)
    materialization = event.asset_materialization if event else None
    return (materialization.tags or {}).get(CODE_VERSION_TAG) if materialization else None
