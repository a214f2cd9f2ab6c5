"""The warehouse's tables and their comments: one module per subject.

`schema.py` creates the tables, and `load.py` writes their rows.
"""

from collections.abc import Iterator

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.warehouse.tables.erased import ERASED
from analytics_pipeline.warehouse.tables.files import FILES
from analytics_pipeline.warehouse.tables.models import (
    CHECKS,
    MODEL_DAYS,
    MODEL_LOADS,
    PARAMETERS,
)
from analytics_pipeline.warehouse.tables.publication import (
    PUBLICATION,
    PUBLISHED,
    PUBLISHED_PARTS,
)
from analytics_pipeline.warehouse.tables.raw_and_history import (
    EXTRA,
    SOURCE_KEY,
    history_table,
    raw_rows,
    raw_table,
)
from analytics_pipeline.warehouse.tables.table import Table, TableColumn

__all__ = [
    "EXTRA",
    "MODEL_DAYS",
    "OPERATIONS",
    "PUBLISHED",
    "SOURCE_KEY",
    "Table",
    "TableColumn",
    "history_table",
    "raw_rows",
    "raw_table",
    "tables",
]

OPERATIONS = (
    *(*FILES, ERASED, MODEL_DAYS, MODEL_LOADS),
    *(PUBLICATION, PUBLISHED_PARTS, PARAMETERS, CHECKS),
)
"""The tables of files, people, models and publications that every warehouse has."""


def tables() -> Iterator[Table]:
    """Yield every table of a warehouse but those of the models, and the view `ops.raw_rows`."""
    for dataset in DATASETS.values():
        yield raw_table(dataset)
        if dataset.keeps_history:
            yield history_table(dataset)
    yield from OPERATIONS
    yield raw_rows()
