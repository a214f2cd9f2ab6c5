"""When each delivered file was first seen.

Kept permanently, as overwriting or copying a file changes its timestamp. `ledger.py` reads the
loaded files. `dbt_like_sql/marts/data_completeness.sql` decides whether a file was late.
"""

import duckdb


def record_arrivals(connection: duckdb.DuckDBPyConnection) -> None:
    """Record files that were never seen before, loaded or failed, in the batch's transaction.

    Call it before the ledger is replaced: the ledger knows more about files that an earlier release
    loaded.
    """
    connection.execute("""INSERT INTO ops.arrivals BY NAME
           SELECT dataset, partition,
                  coalesce(ledger.last_modified, files.last_modified) AS first_written,
                  coalesce(ledger.loaded_at, files.written_at) AS first_seen
           FROM batch_files AS files
           LEFT JOIN ops.loaded_files AS ledger USING (dataset, partition)
           ANTI JOIN ops.arrivals USING (dataset, partition)""")
