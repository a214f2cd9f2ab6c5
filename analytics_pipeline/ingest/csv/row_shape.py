"""Judge whether a record fits its header: short, long and damaged rows.

`validate.py` then judges whether the cells of a short row are plausible where they land.
"""

from itertools import islice
from pathlib import Path

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.csv.header import Header
from analytics_pipeline.ingest.csv.tolerant_reader import Record, read_records
from analytics_pipeline.words import Words, joined, words


def begins_short(path: Path, header: Header) -> bool:
    """Return whether the first row lacks cells, as all rows of the article's example do.

    Such a file goes to the tolerant reader, as DuckDB would take 4 kB of memory for each row that
    it rejects.
    """
    first = next(islice(read_records(path, header.width), 1, None), None)
    return first is not None and not first.fault and len(first.cells) < header.width


def shape_fault(record: Record, header: Header, dataset: Dataset) -> Words | None:
    """Return why a record does not fit the header.

    A short row is accepted only if its missing cells are trailing nullable columns (the article's
    own lab_sessions example lacks two). Validation checks whether its cells are plausible where
    they land.
    """
    if record.fault:
        return record.fault
    width, cells = header.width, len(record.cells)
    if cells > width:
        return words("the row has {} cells and the header {}", cells, width)
    needed = {column.name: column.word for column in dataset.columns if not column.nullable}
    if lacking := [needed[name] for name in header.names[cells:] if name in needed]:
        return words(
            "the row has {} cells and the header {}: it lacks {}", cells, width, joined(lacking)
        )
    return None


def missing_cells(record: Record, header: Header) -> int:
    """Return how many cells a record lacks; negative if surplus empty ones were cut off."""
    return header.width - len(record.cells) or min(0, header.cells - record.delivered)
