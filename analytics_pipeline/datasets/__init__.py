"""What an organisation is delivered: one module per dataset, each with a pandera model and `DATASET`.

This is the single declaration: tables, casts, checks, partitions and the dictionary are derived from it. A ninth
dataset is one new module in this folder and nothing else.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from analytics_pipeline.datasets.columns import Person, Privacy, Row
from analytics_pipeline.datasets.spec import PERIODS, WHOLE_ORGANISATION, Cadence, Column, Dataset, Partition

__all__ = [
    "DATASETS",
    "PERIODS",
    "WHOLE_ORGANISATION",
    "Cadence",
    "Column",
    "Dataset",
    "Partition",
    "Person",
    "Privacy",
    "Row",
    "normal_form",
    "place",
]

_MECHANISM = {"cells", "columns", "spec", "sql_types"}


def _discover() -> Mapping[str, Dataset]:
    modules = (module.name for module in iter_modules(__path__) if module.name not in _MECHANISM)
    found = (import_module(f"{__name__}.{name}").DATASET for name in modules)
    return {dataset.name: dataset for dataset in found}


DATASETS: Mapping[str, Dataset] = _discover()
"""Every dataset by its name."""


def normal_form(header: str) -> str:
    """The column name that a delivered header stands for: `Duration (min)` -> `duration_min`.

    Lower case; every run of other characters becomes one `_`, none at the ends (the vendor's own "Data Terms" do so).
    """
    return re.sub(r"[^a-z0-9]+", "_", header.strip().lower()).strip("_")


def place(key: str) -> tuple[Dataset, Partition] | None:
    """The dataset and partition of a key below `org{org}/`; None for a key that no dataset knows."""
    for dataset in DATASETS.values():
        if partition := dataset.match(key):
            return dataset, partition
    return None
