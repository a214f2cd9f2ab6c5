"""Materialize files that no run could: replayed ones, a dead run's, and closed ones."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.delivery import Delivery, Place
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.raw.materializations import (
    file_version,
    is_materialized,
    is_of,
    last_materialized,
    materialized_versions,
    newest_events,
    snapshot_versions,
)
from analytics_pipeline.warehouse.generation import NEVER, Generation
from analytics_pipeline.warehouse.ledger import LoadedFile

OVERLAP = timedelta(days=1)
"""Longer than two runs of a dataset overlap: one may die unrecorded before the other records."""


def materialize_unrecorded(
    instance: dg.DagsterInstance,
    location: Location,
    loaded: Sequence[LoadedFile],
    generation: Generation,
    now: datetime,
) -> None:
    """Materialize files loaded by a replay, or by a run that died before it recorded them.

    Versions decide. Times only limit how far back the records of days and months are read. If a
    wrong clock dated a materialization after now (UTC), it sets no limit.
    """
    newest = newest_events(instance, map(location.asset_key, DATASETS.values()))
    for name, dataset in DATASETS.items():
        key = location.asset_key(dataset)
        files = [file for file in loaded if file.dataset == name]
        if dataset.period:
            last = last_materialized(newest, key)
            oldest = last - OVERLAP.total_seconds() if last <= now.timestamp() else 0.0
            files = [
                file for file in files if file.loaded_at.replace(tzinfo=UTC).timestamp() >= oldest
            ]
        partitions = {file.partition for file in files}
        recorded = materialized_versions(instance, dataset, key, partitions) if files else {}
        unrecorded = [file for file in files if recorded.get(file.place) != file.version]
        if dataset.period:
            for file in sorted(unrecorded, key=lambda file: file.place):
                metadata = file_version(file.version, generation)
                _report_materialization(instance, key, metadata, file.partition)
        elif unrecorded:
            versions = {file.place: file.version for file in files}
            _report_materialization(instance, key, snapshot_versions(versions, generation))


def materialize_closed(
    instance: dg.DagsterInstance,
    location: Location,
    closed: Sequence[Place],
    loaded: Sequence[LoadedFile],
    generation: Generation,
) -> None:
    """Materialize datasets with closed files, so that models are rebuilt without them.

    A file is not materialized as closed yet if its last materialization still names a version.
    """
    loaded_versions = {file.place: file.version for file in loaded}
    for name, partition in closed:
        dataset = DATASETS.get(name)
        if (
            not dataset
            or (name, partition) in loaded_versions
            or not is_materialized(instance, dataset, location.asset_key(dataset), partition)
        ):
            continue
        versions = {
            place: version for place, version in loaded_versions.items() if place[0] == name
        }
        _report_materialization(
            instance,
            location.asset_key(dataset),
            {} if dataset.period else snapshot_versions(versions, generation),
            partition if dataset.period else None,
        )


def _report_materialization(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    metadata: Mapping[str, Any],
    partition: str | None = None,
) -> None:
    event = dg.AssetMaterialization(key, partition=partition, metadata=metadata)
    instance.report_runless_asset_event(event)


def unmaterialized(
    instance: dg.DagsterInstance,
    location: Location,
    unchanged: Sequence[Delivery],
    generation: Generation,
) -> Iterator[Delivery]:
    """Yield loaded files that this instance, being new or interrupted, has not materialized.

    Args:
        generation: tells which materializations describe the present warehouse. Others don't count.
    """
    datasets = {delivery.dataset.name: delivery.dataset for delivery in unchanged}.values()
    newest = newest_events(instance, map(location.asset_key, datasets))
    for dataset in datasets:
        key = location.asset_key(dataset)
        if dataset.period is None and is_of(newest.get(key), generation):
            continue
        ours = [delivery for delivery in unchanged if delivery.dataset is dataset]
        recorded = instance.get_materialized_partitions(key) if dataset.period else set()
        if generation != NEVER:
            partitions = {delivery.partition.key for delivery in ours}
            known = materialized_versions(instance, dataset, key, partitions, generation)
            recorded = {partition for _, partition in known}
        yield from (delivery for delivery in ours if delivery.partition.key not in recorded)
