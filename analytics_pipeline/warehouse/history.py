"""History of datasets that Vocareum overwrites: open and close rows as deliveries change.

Rows are compared by their whole content, so that reloading a file changes nothing.
"""

import duckdb

from analytics_pipeline.datasets import Dataset


def follow_changes(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Update `history.<dataset>` to the files just written, inside their transaction.

    A row is valid from the time Vocareum wrote the file that brought it (never before what is known
    already) until the time of the first file without it.
    """
    names = (*(column.name for column in dataset.columns), "_extra", "_source_key")
    same = " AND ".join(f'raw."{name}" IS NOT DISTINCT FROM history."{name}"' for name in names)
    columns = ", ".join(f'raw."{name}"' for name in names)
    table = f"history.{dataset.name}"
    ours = "_source_key IN (SELECT source_key FROM moments)"  # skips the other files' rows
    connection.execute(f"""CREATE OR REPLACE TEMP TABLE moments AS
            SELECT source_key, greatest(any_value(last_modified), max(valid_from),
              max(valid_to)) AS moment
            FROM batch_files LEFT JOIN {table} ON _source_key = source_key
            WHERE NOT failed GROUP BY source_key""")
    connection.execute(
        f"""UPDATE {table} AS history SET valid_to = moments.moment FROM moments
            WHERE history._source_key = moments.source_key AND history.valid_to IS NULL
              AND NOT EXISTS
                  (SELECT 1 FROM raw.{dataset.name} AS raw WHERE raw.{ours} AND {same})"""
    )
    connection.execute(f"""INSERT INTO {table} BY NAME
            SELECT DISTINCT {columns}, moments.moment AS valid_from, NULL::TIMESTAMP AS valid_to
            FROM raw.{dataset.name} AS raw JOIN moments ON raw._source_key = moments.source_key
            WHERE NOT EXISTS (SELECT 1 FROM {table} AS history
                              WHERE history.{ours} AND history.valid_to IS NULL AND {same})""")
    connection.execute("DROP TABLE moments")
