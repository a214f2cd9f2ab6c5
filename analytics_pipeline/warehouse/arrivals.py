"""When each delivered file was first seen: kept for good, as an overwritten or copied file has a new time of writing.

What is loaded is in `ledger.py`; whether a file was late is decided in `dbt_like_sql/marts/data_completeness.sql`.
"""

import duckdb


def note_arrivals(connection: duckdb.DuckDBPyConnection) -> None:
    """Record the batch's files that were never seen before, loaded or failed; part of the batch's transaction.

    To be called before the ledger is replaced: of a file that an earlier release loaded, the ledger knows more.
    """
    connection.execute(
        """INSERT INTO ops.arrivals BY NAME
           SELECT dataset, partition,
                  coalesce(ledger.last_modified, files.last_modified) AS first_written,
                  coalesce(ledger.loaded_at, files.written_at) AS first_seen
           FROM batch_files AS files
           LEFT JOIN ops.loaded_files AS ledger USING (dataset, partition)
           ANTI JOIN ops.arrivals USING (dataset, partition)"""
    )
