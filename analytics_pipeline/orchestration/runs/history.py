"""Delete runs from Dagster's SQLite tables and files; no other module writes to them.

`retention.py` decides which runs. Dagster 1.13 deletes both too much and too little.
`DagsterInstance.delete_run` also deletes the run's materializations, so that its partitions count
as missing. It keeps the run's event database, compute logs, tags and check records.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.dagster_private import (
    INDEX_SHARD_NAME,
    LocalComputeLogManager,
    SqliteEventLogStorage,
    SqliteRunStorage,
)

_BATCH = 200
"""Runs per transaction. It limits how long another process waits for the lock."""
_WAIT_SECONDS = 60.0
_RUNLESS = ""

_DELETE_RUNS = (
    "DELETE FROM run_tags WHERE run_id IN (SELECT value FROM json_each(:runs))",
    "DELETE FROM runs WHERE run_id IN (SELECT value FROM json_each(:runs))",
)
_OURS = "substr(coalesce(asset_key, ''), 1, length(:keys)) = :keys"
"""Events outside of runs belong to the location whose prefix their asset key has."""
_DELETE_OLD_EVENTS = f"DELETE FROM event_logs WHERE timestamp < :before AND {_OURS}"
# Keep the newest materialization of each partition and the newest verdict of each check: the UI,
# sensors and `sync` read them. Also keep the newest row of a table: SQLite would reuse its id, and
# the daemon's cursors rely on ids.
_DELETE_INDEXED = (
    f"""
    DELETE FROM event_logs
    WHERE (run_id IN (SELECT value FROM json_each(:runs))
    OR (run_id = '' AND timestamp < :before AND {_OURS}))
      AND id <> (SELECT max(id) FROM event_logs)
      AND id NOT IN (
        SELECT max(id) FROM event_logs
        WHERE dagster_event_type IN ('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION')
        GROUP BY asset_key, dagster_event_type, partition
      )
    """,
    "DELETE FROM asset_event_tags WHERE event_id NOT IN (SELECT id FROM event_logs)",
    f"""
    DELETE FROM asset_check_executions
    WHERE (run_id IN (SELECT value FROM json_each(:runs))
    OR (run_id = '' AND evaluation_event_timestamp < :before AND {_OURS}))
      AND id <> (SELECT max(id) FROM asset_check_executions)
      AND id NOT IN (
        SELECT max(id) FROM asset_check_executions
        WHERE execution_status IN ('SUCCEEDED', 'FAILED')
        GROUP BY asset_key, check_name, partition
      )
    """,
)

_DELETE_PLANNED = """
    DELETE FROM asset_check_executions
    WHERE execution_status = 'PLANNED' AND partition IS NOT NULL
    AND run_id IN (SELECT value FROM json_each(:runs))
      AND id <> (SELECT max(id) FROM asset_check_executions)
"""


def keeps_history_on_disk(instance: dg.DagsterInstance) -> bool:
    """Return whether the instance has Dagster's default storage; we delete from no other."""
    events, runs = instance.event_log_storage, instance.run_storage
    return isinstance(events, SqliteEventLogStorage) and isinstance(runs, SqliteRunStorage)


def delete_runs(
    instance: dg.DagsterInstance, location: Location, run_ids: Sequence[str], before: datetime
) -> None:
    """Delete runs with their events, logs and tags, and a location's old events outside of runs.

    Keeps records that the state of assets, partitions and checks depends on. Deletes a run's row
    last, so that the next call completes an interrupted one.

    Args:
        location: the location of the runs.
        run_ids: runs that have ended.
        before: delete older events outside of runs (UTC).
    """
    shard, index, runs = (
        _shard(instance, _RUNLESS),
        _shard(instance, INDEX_SHARD_NAME),
        _runs(instance),
    )
    limits = {
        "before": f"{before.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}",
        "keys": location.key_text,
    }
    if shard.exists():
        with _transaction(shard) as connection:
            connection.execute(_DELETE_OLD_EVENTS, limits)
    for at in range(0, max(len(run_ids), 1), _BATCH):
        batch = run_ids[at : at + _BATCH]
        for run_id in batch:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            for suffix in ("", "-wal", "-shm"):
                path = _shard(instance, run_id)
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        for file, statements in ((index, _DELETE_INDEXED), (runs, _DELETE_RUNS)):
            with _transaction(file) as connection:
                for statement in statements:
                    connection.execute(statement, {"runs": json.dumps(batch), **limits})


def delete_planned_checks(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Delete planned checks without a result, which runs of earlier releases left.

    Args:
        run_ids: runs that have ended.
    """
    with _transaction(_shard(instance, INDEX_SHARD_NAME)) as connection:
        connection.execute(_DELETE_PLANNED, {"runs": json.dumps(run_ids)})


def delete_tick_logs(instance: dg.DagsterInstance, before: datetime) -> None:
    """Delete logs of sensor and schedule ticks before a time (UTC).

    Dagster deletes ticks, but not their logs.
    """
    manager = instance.compute_log_manager
    if not isinstance(manager, LocalComputeLogManager):
        return
    for repository in Path(manager._base_dir).glob("__repository__*"):
        for file in repository.rglob("*"):
            if file.is_file() and file.stat().st_mtime < before.timestamp():
                file.unlink(missing_ok=True)


def _shard(instance: dg.DagsterInstance, name: str) -> Path:
    """Return the path of the database with a run's events, or with the index of all runs."""
    events = instance.event_log_storage
    assert isinstance(events, SqliteEventLogStorage), "check keeps_history_on_disk first"
    return Path(events.path_for_shard(name))


def _runs(instance: dg.DagsterInstance) -> Path:
    return _shard(instance, INDEX_SHARD_NAME).parent.with_suffix(".db")


@contextmanager
def _transaction(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, timeout=_WAIT_SECONDS)) as connection:
        with connection:
            yield connection
        # Instances keep the file open, so its log would stay at the size that it once reached.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
