"""The vendor's bucket as an external asset, which also reports unrecognised files.

`raw/assets.py` loads the recognised files.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.ui import metadata as ui_metadata


def bucket_asset(location: Location) -> dg.AssetSpec:
    """Return the asset of Vocareum's bucket, upstream of the raw assets."""
    return dg.AssetSpec(
        location.bucket,
        description=(
            "The organisation's prefix of the bucket that Vocareum's Data Pipeline writes. Nothing"
            " is materialized here. Observations report unrecognised files, once for each kind. To"
            " load them, add a dataset: one module in `analytics_pipeline/datasets/`."
        ),
        group_name="vocareum",
        kinds={"s3"},
        tags={"layer": "vocareum"},
    )


def shapes(unknown: Collection[str], prefix: str) -> Counter[str]:
    """Count unrecognised keys by kind.

    A key is the sender's text and may name a person, so only safe parts are shown.

    In a known folder that is the file name with `#` for numbers, elsewhere only the first folder.

    Args:
        unknown: full keys.
        prefix: `org{org}/`.
    """
    return Counter(_shape(key.removeprefix(prefix)) for key in unknown)


def unknown_files(location: Location, found: Mapping[str, int]) -> dg.AssetObservation:
    """Return the observation of unrecognised files."""
    rows = [(shape, count) for shape, count in sorted(found.items())[: ui_metadata.MOST_FILES]]
    return dg.AssetObservation(
        location.bucket,
        description="Unrecognised files, which were skipped.",
        metadata={"unknown_files": ui_metadata.table(["kind", "files"], rows)},
    )


def _shape(key: str) -> str:
    folder, _, name = key.rpartition("/")
    plain = re.fullmatch(r"[a-z_]+[0-9_-]*\.[a-z]{1,8}(\.gz)?", name)
    if plain and f"{folder}/" in {
        dataset.prefix[: dataset.prefix.rfind("/") + 1] for dataset in DATASETS.values()
    }:
        return f"{folder}/{re.sub(r'[0-9]+', '#', name)}"
    first = re.fullmatch(r"[A-Za-z_-]{1,40}", key.split("/")[0]) if folder else None
    return f"{first[0]}/..." if first else "elsewhere"
