"""Plan each check of a run once, even if the run has a range of partitions.

Our checks cover a dataset as a whole. But Dagster 1.13 plans the checks of a run once per
partition, even checks without partitions, and records their single result separately. The planned
records then stay planned for ever, and the UI shows them as skipped.
"""

import dagster as dg

from analytics_pipeline.orchestration.dagster_private import (
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionsTable,
    SqlEventLogStorage,
)
from analytics_pipeline.orchestration.runs.run_records import PARTITION, RANGE_START


def plan_checks_once(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Replace the planned records per partition of a run by one per check, without a partition.

    Idempotent.
    """
    first = run.tags.get(RANGE_START) or run.tags.get(PARTITION)
    storage, table = instance.event_log_storage, AssetCheckExecutionsTable
    if first is None or not isinstance(storage, SqlEventLogStorage):
        return
    planned = (table.c.run_id == run.run_id) & (
        table.c.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value
    )
    with storage.index_connection() as connection:
        connection.execute(
            table.update().where(planned & (table.c.partition == first)).values(partition=None)
        )
        connection.execute(table.delete().where(planned & table.c.partition.is_not(None)))
