"""Find files with the rows of the day before or after, in any order.

Such a file is no copy by its bytes if it was written again, from a query without an order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import duckdb
import polars as pl

from analytics_pipeline.ingest.batch import Batch
from analytics_pipeline.ingest.csv.typing_query import FILE
from analytics_pipeline.warehouse.ledger import LoadedFile, delivery_of
from analytics_pipeline.words import Words


def find_copied_rows(
    connection: duckdb.DuckDBPyConnection, batch: Batch, loaded: Mapping[str, LoadedFile]
) -> dict[int, Words]:
    """Return the partition whose rows each copy repeats, by file index; the later one is the copy.

    Args:
        connection: the live warehouse.
        batch: the batch as read.
        loaded: the dataset's loaded files, by partition.
    """
    if batch.dataset.period is None or batch.dataset.dated_by is None:
        return {}  # equal rows may be right
    search = _Search(connection, batch, loaded)
    copies = {}
    order = sorted(search.index.keys() | loaded.keys())
    for pair in pairwise(order):
        # The later one is the copy, unless it is loaded already.
        copy, original = reversed(pair) if pair[1] in search.index else pair
        if copy in search.index and search.have_same_rows(copy, original):
            copies[search.index[copy]] = search.word(original)
    return copies


@dataclass(frozen=True)
class _Search:
    """The files of a batch, and the loaded ones, by partition."""

    connection: duckdb.DuckDBPyConnection
    batch: Batch
    loaded: Mapping[str, LoadedFile]

    @cached_property
    def index(self) -> dict[str, int]:
        """Index of each partition's file in the batch, if it has rows."""
        return {
            file.landed.delivery.partition.key: at
            for at, file in enumerate(self.batch.files)
            if file.rows and file.failure is None
        }

    def word(self, partition: str) -> Words:
        """Return a partition's key as declared text."""
        if partition in self.index:
            return self.batch.files[self.index[partition]].landed.delivery.partition.word
        return delivery_of(self.loaded[partition]).partition.word

    @cached_property
    def extents(self) -> dict[int, tuple[Any, Any]]:
        """First and last date of each file's rows, by index: they tell most files apart."""
        dates = pl.col(str(self.batch.dataset.dated_by))
        found = self.batch.rows.group_by(FILE).agg(dates.min().alias("first"), dates.max())
        return {file: (first, last) for file, first, last in found.iter_rows()}

    @cached_property
    def names(self) -> list[str]:
        """Names of the delivered columns."""
        return [column.name for column in self.batch.dataset.columns]

    def have_same_rows(self, partition: str, other: str) -> bool:
        """Return whether a file of the batch and another one have the same rows.

        The other one is in the batch, or loaded.
        """
        at = self.index[partition]
        count = self.batch.files[at].rows
        if other in self.index:
            at_other = self.index[other]
            if (
                self.batch.files[at_other].rows != count
                or self.extents[at] != self.extents[at_other]
            ):
                return False
            return self._rows(at).equals(self._rows(at_other))
        file = self.loaded.get(other)
        if file is None or file.rows != count or self._loaded_extent(file) != self.extents[at]:
            return False
        return self._rows(at).equals(self._loaded_rows(file))

    def _rows(self, at: int) -> pl.DataFrame:
        rows = self.batch.rows.filter(pl.col(FILE) == at)
        return rows.select(self.names).sort(self.names)

    def _loaded_extent(self, file: LoadedFile) -> tuple[Any, Any] | None:
        dataset = self.batch.dataset
        assert dataset.period is not None
        return self.connection.execute(
            f"SELECT min({dataset.dated_by}), max({dataset.dated_by}) FROM {dataset.table}"
            f" WHERE {dataset.period.column} = ?",
            [delivery_of(file).partition.start],
        ).fetchone()

    def _loaded_rows(self, file: LoadedFile) -> pl.DataFrame:
        dataset = self.batch.dataset
        assert dataset.period is not None
        rows = self.connection.sql(
            f"SELECT * FROM {dataset.table} WHERE {dataset.period.column} = ?",
            params=[delivery_of(file).partition.start],
        ).pl()
        types = dict(self.batch.rows.select(self.names).schema)
        return rows.select(self.names).cast(types).sort(self.names)  # type: ignore[arg-type]
