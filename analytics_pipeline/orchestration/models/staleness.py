"""Find models made stale by loads from a terminal, or by a change of their SQL or parameters.

Under the daemon the models' automation condition does the same. `sql_models/` builds the models.
The order of events in Dagster's log decides, as a clock may have been wrong.
"""

from collections.abc import Mapping

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.dagster_private import CODE_VERSION_TAG
from analytics_pipeline.orchestration.models.assets import BEGAN_AFTER, code_versions
from analytics_pipeline.orchestration.raw.materializations import (
    Newest,
    newest_events,
    newest_id,
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
    late = {
        model.qualified
        for key, touched in sources.items()
        for model in project.affected(touched)
        if newest_id(newest, key) > _began_after(newest, location.model_key(model.qualified))
    }
    changed = {
        name
        for name, version in code_versions(project, parameters).items()
        if _built_as(newest, location.model_key(name)) != version
    }
    names = late | changed | {model.qualified for model in project.affected(changed)}
    unpublished = any(
        newest_id(newest, key) > newest_id(newest, location.published)
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


def _began_after(newest: Newest, key: dg.AssetKey) -> int:
    """Return the storage id of the last event before a model's last build began.

    The build may have missed later loads. 0 if the model was never built, or was built by a release
    that did not record the id.
    """
    return int(_tags(newest, key).get(BEGAN_AFTER, 0))


def _built_as(newest: Newest, key: dg.AssetKey) -> str | None:
    """Return the code version of a model's last build; None if it was never built."""
    return _tags(newest, key).get(CODE_VERSION_TAG)


def _tags(newest: Newest, key: dg.AssetKey) -> Mapping[str, str]:
    materialization = newest[key].asset_materialization if key in newest else None
    return (materialization.tags if materialization else None) or {}
