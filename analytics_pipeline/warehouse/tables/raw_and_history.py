"""Tables of delivered rows, derived from the declarations in `datasets/`."""

from collections.abc import Iterator

from analytics_pipeline.datasets import DATASETS, Dataset, Excerpt, Privacy
from analytics_pipeline.warehouse.sql_text import literal, quoted
from analytics_pipeline.warehouse.tables.table import Table, TableColumn

EXTRA = TableColumn(
    "_extra",
    "JSON",
    "Columns that Vocareum did not announce, as delivered, and the text of cells that were left"
    " empty, by column.",
    Privacy.PRIVATE,
)
SOURCE_KEY = TableColumn("_source_key", "VARCHAR", "Key of the file in Vocareum's bucket.")
_LOADED_AT = TableColumn("_loaded_at", "TIMESTAMP", "When the row was loaded (UTC).")
_VALIDITY = (
    TableColumn(
        "valid_from",
        "TIMESTAMP",
        "Start of validity (UTC): when Vocareum wrote the first file with this row.",
    ),
    TableColumn("valid_to", "TIMESTAMP", "End of validity (UTC); NULL while the row is current."),
)


def raw_table(dataset: Dataset) -> Table:
    """Return the table of the currently delivered rows."""
    period = (
        (TableColumn(dataset.period.column, "DATE", dataset.period.description),)
        if dataset.period
        else ()
    )
    excerpts = (
        TableColumn(excerpt.name, "VARCHAR", excerpt.description, computed=_excerpt_sql(excerpt))
        for excerpt in dataset.excerpts
    )
    return Table(
        dataset.table,
        dataset.description,
        (*_delivered(dataset), *period, *excerpts, EXTRA, SOURCE_KEY, _LOADED_AT),
    )


def _excerpt_sql(excerpt: Excerpt) -> str:
    cases = " ".join(
        f"WHEN contains({quoted(excerpt.source)}, {literal(phrase)}) THEN {literal(word)}"
        for phrase, word in excerpt.words.items()
    )
    return f"CASE {cases} END"


def history_table(dataset: Dataset) -> Table:
    """Return the table of all rows delivered over time, for a dataset that Vocareum overwrites."""
    description = f"Every state in which raw.{dataset.name} was delivered. {dataset.description}"
    return Table(
        f"history.{dataset.name}",
        description,
        (*_delivered(dataset), EXTRA, SOURCE_KEY, *_VALIDITY),
    )


def raw_rows() -> Table:
    """Return the view that counts the raw rows of each file, over all datasets."""
    reads = [dataset.table for dataset in DATASETS.values()]
    counts = (
        f"SELECT '{name}' AS dataset, _source_key AS source_key, count(*) AS rows FROM {table}"
        " GROUP BY _source_key"
        for name, table in zip(DATASETS, reads, strict=True)
    )
    columns = (
        TableColumn("dataset", "VARCHAR", "Name of the dataset."),
        TableColumn("source_key", "VARCHAR", "Key of the file in Vocareum's bucket."),
        TableColumn("rows", "BIGINT", "Rows of the file in its raw table."),
    )
    description = (
        "Rows that the raw tables hold, one row per file that has any. A view, made from the"
        " declared datasets."
    )
    return Table(
        "ops.raw_rows",
        description,
        columns,
        query="\nUNION ALL\n".join(counts),
        reads=frozenset(reads),
    )


def _delivered(dataset: Dataset) -> Iterator[TableColumn]:
    for column in dataset.columns:
        yield TableColumn(column.name, column.sql_type, column.description, column.privacy)
