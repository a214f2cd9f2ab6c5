"""Private names of Dagster. No other module imports `dagster._...`.

A Dagster release may move or rename them without notice. `test_dagster_private.py` tests each one,
so it fails first after such an upgrade.
"""

from typing import Any

from dagster._core.definitions.data_version import CODE_VERSION_TAG
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG

__all__ = [
    "CODE_VERSION_TAG",
    "DAEMON",
    "INDEX_SHARD_NAME",
    "REPOSITORY_LABEL_TAG",
    "AssetCheckExecutionRecordStatus",
    "AssetCheckExecutionsTable",
    "CheckRunHealthResult",
    "DagsterSqliteStorage",
    "InstigatorState",
    "InstigatorTick",
    "LocalComputeLogManager",
    "SqlEventLogStorage",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
    "WorkerStatus",
    "dev_module",
    "run_daemon",
]

DAEMON = "dagster._daemon"
"""The module that `dagster dev` starts as the daemon."""


def run_daemon() -> None:
    """Run `dagster-daemon` with the options of the command line."""
    from dagster._daemon import cli  # half a second, which other processes do without

    cli.main()


def dev_module() -> Any:
    """Return the module of `dagster dev`, with `open_ipc_subprocess` and `dev_command`."""
    from dagster._cli import dev

    return dev
