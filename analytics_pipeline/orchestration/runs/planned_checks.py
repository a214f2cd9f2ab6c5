"""Plan each check of a run once, though the run has a range of partitions.

Dagster 1.13 plans the checks of a run for each of its partitions, whether the check has partitions or not, and records the one answer
beside them: what it planned stays "planned" for ever, and the UI shows it as skipped. Our checks are about a dataset as a whole.
"""

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from analytics_pipeline.orchestration.runs.run_records import PARTITION, RANGE_START


def plan_checks_once(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Make one planned record without a partition of those that Dagster made for a run; do nothing once it is done."""
    first = run.tags.get(RANGE_START) or run.tags.get(PARTITION)
    storage, table = instance.event_log_storage, AssetCheckExecutionsTable
    if first is None or not isinstance(storage, SqlEventLogStorage):
        return
    planned = (table.c.run_id == run.run_id) & (
        table.c.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value
    )
    with storage.index_connection() as connection:
        connection.execute(table.update().where(planned & (table.c.partition == first)).values(partition=None))
        connection.execute(table.delete().where(planned & table.c.partition.is_not(None)))
