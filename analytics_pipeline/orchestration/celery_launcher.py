"""The run launcher that `deploy/dagster.yaml` names.

Only an instance that names it imports it, as dagster-celery is in the extra `workers`.
"""

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from analytics_pipeline.orchestration.dagster_private import CheckRunHealthResult, WorkerStatus


class RunLauncher(CeleryRunLauncher):
    """Dagster-celery's run launcher, which also handles runs that it did not launch.

    A command such as `sync` executes its runs itself. They have no task in the queue, and
    dagster-celery's launcher fails with a KeyError when Dagster's daemon monitors them.
    """

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether a run's worker lives; a command's run counts as alive.

        `end_dead_runs` and Dagster's `max_runtime_seconds` end those whose process is gone.
        """
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return super().check_run_worker_health(run)

    def terminate(self, run_id: str) -> bool:
        """Ask a run's worker to end it; return whether it was asked.

        A command's run has no worker.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        return super().terminate(run_id)
