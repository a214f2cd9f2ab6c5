"""The datasets: one module each, with a pandera model and `DATASET`.

This is the only declaration. Tables, casts, checks, partitions and the data dictionary are derived
from it. To add a dataset, add one module to this folder.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from analytics_pipeline.datasets.columns import Person, Privacy, Row
from analytics_pipeline.datasets.spec import (
    BY_HAND_PREFIX,
    PERIODS,
    WHOLE_ORGANISATION,
    Cadence,
    Column,
    Dataset,
    Excerpt,
    Partition,
)

__all__ = [
    "BY_HAND_PREFIX",
    "DATASETS",
    "FEED",
    "PERIODS",
    "WHOLE_ORGANISATION",
    "Cadence",
    "Column",
    "Dataset",
    "Excerpt",
    "Partition",
    "Person",
    "Privacy",
    "Row",
    "classify",
    "normal_form",
]

_MECHANISM = {"cells", "columns", "spec", "sql_types"}


def _discover() -> Mapping[str, Dataset]:
    modules = (module.name for module in iter_modules(__path__) if module.name not in _MECHANISM)
    declared = (import_module(f"{__name__}.{name}").DATASET for name in modules)
    return {dataset.name: dataset for dataset in declared}


DATASETS: Mapping[str, Dataset] = _discover()
"""Every dataset by its name."""
FEED: Mapping[str, Dataset] = {
    name: dataset for name, dataset in DATASETS.items() if dataset.setting is None
}
"""Datasets that Vocareum delivers. The others are hand-written files."""


def normal_form(header: str) -> str:
    """Return the column name of a delivered header: `duration_min` for `Duration (min)`.

    Lower case; each run of other characters becomes one `_`, with none at the ends. The vendor's
    own "Data Terms" follow this rule (docs/feed.md).
    """
    return re.sub(r"[^a-z0-9]+", "_", header.strip().lower()).strip("_")


def classify(key: str) -> tuple[Dataset, Partition] | None:
    """Return the dataset and partition of a key below `org{org}/`; None if no dataset matches."""
    for dataset in DATASETS.values():
        if partition := dataset.match(key):
            return dataset, partition
    return None
