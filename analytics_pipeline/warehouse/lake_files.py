"""Merge, rewrite and delete the data files of a lake.

A file that a writer has not committed yet is in no catalog, so it looks like one that a killed
writer left. The writers' lock keeps them apart as long as its session lives.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import duckdb

from analytics_pipeline.warehouse.transactions import write

_TRIES, _PAUSE = 100, 0.05


def maintain_files(
    connection: duckdb.DuckDBPyConnection, lake: str, storage_clock: Callable[[], datetime]
) -> None:
    """Merge small files. Delete those that only old snapshots use, and those that no catalog has
    named for a day.

    Args:
        connection: the lake, under the writers' lock.
        lake: the name under which it is attached.
        storage_clock: returns the time of the storage of the data files (UTC). By a machine's clock
            that is ahead, the files of a writer at work would be old.
    """
    a_day_ago = storage_clock() - timedelta(days=1)
    _call(
        connection,
        f"ducklake_flush_inlined_data('{lake}')",
        f"ducklake_merge_adjacent_files('{lake}')",
        f"ducklake_rewrite_data_files('{lake}')",
        f"ducklake_expire_snapshots('{lake}', older_than => now() - INTERVAL 7 DAY)",
        f"ducklake_cleanup_old_files('{lake}', older_than => now() - INTERVAL 1 DAY)",
        f"ducklake_delete_orphaned_files('{lake}', older_than => TIMESTAMPTZ '{a_day_ago}')",
    )


def purge_files(
    connection: duckdb.DuckDBPyConnection, lake: str, storage_clock: Callable[[], datetime]
) -> None:
    """Leave no deleted row in any data file: rewrite the survivors, and end every older snapshot.

    Then delete the files of killed writers. No lock is needed for that to be safe: files are
    dated by the storage's clock, and only those from before a commit of the fence are deleted. A
    transaction that wrote them and is still open conflicts with this commit.

    Args:
        connection: the lake, under the writers' lock.
        lake: the name under which it is attached.
        storage_clock: returns the time of the storage of the data files (UTC).
    """
    _call(
        connection,
        f"ducklake_flush_inlined_data('{lake}')",
        f"ducklake_rewrite_data_files('{lake}', delete_threshold => 0)",
        f"ducklake_expire_snapshots('{lake}', older_than => now())",
        f"ducklake_cleanup_old_files('{lake}', cleanup_all => true)",
    )
    until = next_second(storage_clock)
    write(connection, lambda: None)
    orphans = f"ducklake_delete_orphaned_files('{lake}', older_than => TIMESTAMPTZ '{until}')"
    _call(connection, orphans)


def next_second(clock: Callable[[], datetime]) -> datetime:
    """Wait for a clock's next second, and return it: storages date their files by whole seconds.

    Every file that exists at the call has an earlier time than the result.
    """
    first = now = clock().replace(microsecond=0)
    for _ in range(_TRIES):
        if now > first:
            break
        time.sleep(_PAUSE)
        now = clock().replace(microsecond=0)
    return now


def _call(connection: duckdb.DuckDBPyConnection, *functions: str) -> None:
    for function in functions:
        connection.execute(f"CALL {function}")
