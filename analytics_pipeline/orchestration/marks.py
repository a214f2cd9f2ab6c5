"""What the Dagster instance remembers as loaded: the version of the file behind each materialization.

Sensors read this and not the ledger: opening the warehouse would block its writer, and the published copy may be old.
"""

from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.plan import Loaded

Version = tuple[str, str, int]
"""Key, ETag, size."""
VERSIONS = "versions"
_PAGE = 1_000


def snapshot_versions(loaded: Loaded) -> dict[str, Any]:
    """Metadata of a snapshot's materialization: the version of every file that is loaded, not of this run's alone."""
    versions = {partition: list(version) for (_, partition), version in sorted(loaded.items())}
    return {VERSIONS: dg.MetadataValue.json(versions)}


def marked(instance: dg.DagsterInstance, dataset: Dataset, key: dg.AssetKey, partitions: Collection[str]) -> Loaded:
    """The versions that were loaded last, as far as this instance knows; it knows nothing when it is new.

    Args:
        partitions: which to look for; reading ends as soon as all are found.
    """
    if dataset.period is None:
        return {(dataset.name, partition): version for partition, version in _of_snapshot(instance, key).items()}
    left, found = set(partitions), {}
    events = _newest_first(instance, key)
    while left and (event := next(events, None)):
        if event.partition in left:
            left.remove(event.partition)
            if version := _version(event.metadata):
                found[dataset.name, event.partition] = version
    return found


def _of_snapshot(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Version]:
    newest = next(_newest_first(instance, key, page=1), None)
    versions = newest.metadata.get(VERSIONS) if newest else None
    data: Any = versions.value if versions else {}
    return {partition: (name, etag, size) for partition, (name, etag, size) in data.items()}


def _newest_first(
    instance: dg.DagsterInstance, key: dg.AssetKey, page: int = _PAGE
) -> Iterator[dg.AssetMaterialization]:
    cursor = None
    while True:
        result = instance.fetch_materializations(key, limit=page, cursor=cursor)
        yield from (record.asset_materialization for record in result.records if record.asset_materialization)
        if not result.has_more:
            return
        cursor = result.cursor


def _version(metadata: Any) -> Version | None:
    names = ("key", "etag", "bytes")
    if not all(name in metadata for name in names):
        return None
    key, etag, size = (metadata[name].value for name in names)
    return key, etag, size
