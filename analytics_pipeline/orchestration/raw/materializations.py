"""Versions that the Dagster instance recorded as loaded, from its materializations.

Sensors read these and not the ledger: opening the warehouse would block its writer, and the
published copy may be old.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.delivery import Version
from analytics_pipeline.ingest.plan import Loaded
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.warehouse.generation import NEVER, Generation

Newest = Mapping[dg.AssetKey, dg.EventLogRecord]
"""The latest materialization of each asset that has any. Storage ids give the order, not times:
clocks are wrong at times, and differ between machines."""
VERSIONS = "versions"
VERSION = ("key", "etag", "bytes")
"""Names of a version's parts in the metadata of a day's or month's materialization."""
_GENERATION = "warehouse_generation"
_PAGE, _SMALL_PAGE = 1_000, 50


def generation_named(generation: Generation) -> dict[str, str]:
    """Return metadata for every materialization that names versions."""
    return {_GENERATION: generation.id} if generation.id else {}


def file_version(version: Version, generation: Generation) -> dict[str, Any]:
    """Return metadata for a day's or month's materialization: the version of its loaded file."""
    return {**dict(zip(VERSION, version, strict=True)), **generation_named(generation)}


def snapshot_versions(loaded: Loaded, generation: Generation) -> dict[str, Any]:
    """Return metadata for a snapshot's materialization: the versions of all loaded files."""
    versions = {partition: list(version) for (_, partition), version in sorted(loaded.items())}
    return {VERSIONS: dg.MetadataValue.json(versions), **generation_named(generation)}


def is_of(record: dg.EventLogRecord | None, generation: Generation) -> bool:
    """Return whether a materialization, if there is one, describes the present warehouse."""
    if record is None or record.asset_materialization is None:
        return False
    named = record.asset_materialization.metadata.get(_GENERATION)
    return generation.includes(str(named.value) if named else "", record.timestamp)


def materialized_versions(
    instance: dg.DagsterInstance,
    dataset: Dataset,
    key: dg.AssetKey,
    partitions: Collection[str],
    generation: Generation = NEVER,
) -> Loaded:
    """Return the versions that this instance last recorded as loaded; empty if the instance is new.

    Args:
        partitions: partitions to look for; reading ends when all that were ever materialized are
            found.
        generation: which events describe the present warehouse.
    """
    if dataset.period is None:
        return {
            (dataset.name, partition): version
            for partition, version in _of_snapshot(instance, key, generation).items()
        }
    # A partition that never loads would be searched for back to the start of the log, at each tick.
    left, found = set(partitions) & instance.get_materialized_partitions(key), {}
    page = _SMALL_PAGE if len(left) < _SMALL_PAGE else _PAGE  # recent ones are on the first
    events = _newest_first(instance, key, generation, page)
    while left and (event := next(events, None)):
        if event.partition in left:
            left.remove(event.partition)
            if version := _version(event.metadata):
                found[dataset.name, event.partition] = version
    return found


def is_materialized(
    instance: dg.DagsterInstance, dataset: Dataset, key: dg.AssetKey, partition: str
) -> bool:
    """Return whether a partition's last materialization names a loaded version."""
    if dataset.period is None:
        return partition in _of_snapshot(instance, key, NEVER)
    asked = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
    records = instance.fetch_materializations(asked, limit=1).records
    last = records[0].asset_materialization if records else None
    return last is not None and _version(last.metadata) is not None


def first_materialized(instance: dg.DagsterInstance, location: Location) -> date | None:
    """Return a location's first materialized day or month; None if there is none."""
    firsts = []
    for dataset in DATASETS.values():
        if dataset.period:
            days = instance.get_materialized_partitions(location.asset_key(dataset))
            first = min(days, default=None)
            # A month's key lacks the day.
            firsts += [date.fromisoformat(f"{first}-01"[:10])] if first else []
    return min(firsts, default=None)


def newest_events(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> Newest:
    """Return the latest materializations of some assets, with one query."""
    records = instance.get_asset_records(list(keys))
    return {
        record.asset_entry.asset_key: record.asset_entry.last_materialization_record
        for record in records
        if record.asset_entry.last_materialization_record
    }


def newest_id(newest: Newest, key: dg.AssetKey) -> int:
    """Return the storage id of an asset's last materialization; 0 if there is none."""
    return newest[key].storage_id if key in newest else 0


def last_materialized(newest: Newest, key: dg.AssetKey) -> float:
    """Return when an asset was last materialized (epoch seconds); 0 if never."""
    return newest[key].timestamp if key in newest else 0.0


def _of_snapshot(
    instance: dg.DagsterInstance, key: dg.AssetKey, generation: Generation
) -> dict[str, Version]:
    newest = newest_events(instance, [key]).get(key)
    present = newest.asset_materialization if newest and is_of(newest, generation) else None
    versions = present.metadata.get(VERSIONS) if present else None
    data: Any = versions.value if versions else {}
    return {partition: (name, etag, size) for partition, (name, etag, size) in data.items()}


def _newest_first(
    instance: dg.DagsterInstance, key: dg.AssetKey, generation: Generation, page: int
) -> Iterator[dg.AssetMaterialization]:
    """Yield materializations, up to the first version of another generation."""
    cursor = None
    while True:
        result = instance.fetch_materializations(key, limit=page, cursor=cursor)
        for record in result.records:
            if materialization := record.asset_materialization:
                # One that names no version, such as a day without a file, names no generation.
                if _version(materialization.metadata) and not is_of(record, generation):
                    return
                yield materialization
        if not result.has_more:
            return
        cursor, page = result.cursor, _PAGE


def _version(metadata: Any) -> Version | None:
    if not all(name in metadata for name in VERSION):
        return None
    key, etag, size = (metadata[name].value for name in VERSION)
    return key, etag, size
