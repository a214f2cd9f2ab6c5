"""Parse the cells that the quick step left unread: rare forms, "no value", invalid values.

Runs only on those cells, so that a file of plain cells costs nothing extra.
"""

import duckdb
import polars as pl

from analytics_pipeline.datasets import Column, Dataset
from analytics_pipeline.datasets.sql_types import careful_sql, no_value_sql, trim_all_sql


def typed_columns(dataset: Dataset) -> list[Column]:
    """Return the columns that are not text, in order: their cells may fail to parse."""
    return [column for column in dataset.columns if not column.is_text]


def parse_unread(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: pl.DataFrame, unread: str
) -> pl.DataFrame:
    """Parse the texts that the quick step left unread.

    Args:
        connection: any connection; nothing is written.
        dataset: dataset of the rows.
        rows: typed rows. `unread` holds NULL, or for each of `typed_columns` the unread text or
            NULL.
        unread: name of that column.

    Returns:
        The rows with the parsed values; `unread` keeps only texts that are neither valid nor "no
        value".
    """
    pending = rows[unread].is_not_null()
    if not pending.any():
        return rows
    texts = rows[unread].filter(pending)
    concerned = {
        at: column
        for at, column in enumerate(typed_columns(dataset))
        if texts.list.get(at).null_count() < len(texts)
    }
    parsed = _parse(connection, texts, concerned, len(typed_columns(dataset)))
    place = pl.select(pl.when(pending).then(pending.cum_sum().cast(pl.Int64) - 1)).to_series()
    return rows.with_columns(
        *(
            pl.coalesce(pl.col(column.name), parsed[f"v{at}"].gather(place))
            for at, column in concerned.items()
        ),
        parsed["unread"].gather(place).alias(unread),
    )


def _parse(
    connection: duckdb.DuckDBPyConnection,
    texts: pl.Series,
    concerned: dict[int, Column],
    width: int,
) -> pl.DataFrame:
    """Return for each row `v<n>` (typed column n) and `unread` (the invalid texts)."""
    connection.register("unread_texts", pl.DataFrame({"texts": texts}))
    trimmed = ", ".join(f"{trim_all_sql(f'texts[{at + 1}]')} AS t{at}" for at in concerned)
    values = ", ".join(
        (
            f"CAST(nullif(nullif({careful_sql(column.dtype, f't{at}')}, 0), -1) AS BIGINT) AS v{at}"
            if column.zero_is_none
            else f"CAST({careful_sql(column.dtype, f't{at}')} AS {column.sql_type}) AS v{at}"
        )
        for at, column in concerned.items()
    )
    no_value = {
        at: no_value_sql(column.dtype, f"t{at}", zero_is_none=column.zero_is_none)
        for at, column in concerned.items()
    }
    unread = {
        at: f"CASE WHEN v{at} IS NULL AND NOT {is_none} THEN t{at} END"
        for at, is_none in no_value.items()
    }
    kept = ", ".join(unread.get(at, "NULL::VARCHAR") for at in range(width))
    any_unread = " OR ".join(f"({text}) IS NOT NULL" for text in unread.values())
    parsed = connection.sql(f"""
        WITH trimmed AS (SELECT {trimmed} FROM unread_texts),
          typed AS (SELECT *, {values} FROM trimmed)
        SELECT COLUMNS('v[0-9]+'),
          CASE WHEN {any_unread} THEN [{kept}] END AS unread FROM typed""").pl()
    connection.unregister("unread_texts")
    return parsed
