"""A second look at the cells that the quick typing did not understand: rarer forms, words for "no value", or no such value.

It runs on those cells alone, so that a file of plain cells pays nothing for what others may hold.
"""

import duckdb
import polars as pl

from analytics_pipeline.datasets import Column, Dataset
from analytics_pipeline.datasets.sql_types import careful_sql, no_value_sql, trim_all_sql


def typed_columns(dataset: Dataset) -> list[Column]:
    """The columns that are not text, in their order: those whose cells may say no value of their type."""
    return [column for column in dataset.columns if not column.is_text]


def look_again(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: pl.DataFrame, unread: str
) -> pl.DataFrame:
    """Read what the quick typing left unread.

    Args:
        connection: any; nothing is written.
        dataset: what the rows are of.
        rows: typed rows. `unread` holds NULL, or for each of `typed_columns` the text that was not read, else NULL.
        unread: name of that column.

    Returns:
        The rows with what the texts say; `unread` keeps the texts alone that say no such value and not "no value" either.
    """
    again = rows[unread].is_not_null()
    if not again.any():
        return rows
    texts = rows[unread].filter(again)
    concerned = {
        at: column for at, column in enumerate(typed_columns(dataset)) if texts.list.get(at).null_count() < len(texts)
    }
    found = _read_again(connection, texts, concerned, len(typed_columns(dataset)))
    place = pl.select(pl.when(again).then(again.cum_sum().cast(pl.Int64) - 1)).to_series()
    return rows.with_columns(
        *(pl.coalesce(pl.col(column.name), found[f"v{at}"].gather(place)) for at, column in concerned.items()),
        found["unread"].gather(place).alias(unread),
    )


def _read_again(
    connection: duckdb.DuckDBPyConnection, texts: pl.Series, concerned: dict[int, Column], width: int
) -> pl.DataFrame:
    """For each row `v<n>`, what the text of the typed column at place n says, and `unread`, the texts that say nothing."""
    connection.register("unread_texts", pl.DataFrame({"texts": texts}))
    trimmed = ", ".join(f"{trim_all_sql(f'texts[{at + 1}]')} AS t{at}" for at in concerned)
    values = ", ".join(
        f"CAST(nullif(nullif({careful_sql(column.dtype, f't{at}')}, 0), -1) AS BIGINT) AS v{at}"
        if column.zero_is_none
        else f"CAST({careful_sql(column.dtype, f't{at}')} AS {column.sql_type}) AS v{at}"
        for at, column in concerned.items()
    )
    silent = {
        at: no_value_sql(column.dtype, f"t{at}", zero_is_none=column.zero_is_none) for at, column in concerned.items()
    }
    left = {at: f"CASE WHEN v{at} IS NULL AND NOT {says_nothing} THEN t{at} END" for at, says_nothing in silent.items()}
    kept = ", ".join(left.get(at, "NULL::VARCHAR") for at in range(width))
    some = " OR ".join(f"({text}) IS NOT NULL" for text in left.values())
    found = connection.sql(f"""
        WITH trimmed AS (SELECT {trimmed} FROM unread_texts), typed AS (SELECT *, {values} FROM trimmed)
        SELECT COLUMNS('v[0-9]+'), CASE WHEN {some} THEN [{kept}] END AS unread FROM typed""").pl()
    connection.unregister("unread_texts")
    return found
