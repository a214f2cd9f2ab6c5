"""Run assets in this process, and report why a run failed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import dagster as dg

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.runs.processes import command_tag
from analytics_pipeline.orchestration.runs.step_failures import FILES_FAILED, UNUSABLE


def execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    location: Location,
    selection: Sequence[dg.AssetKey],
    tags: Mapping[str, str],
    run_config: Mapping[str, Any],
    command: str = "sync",
) -> dg.ExecuteInProcessResult:
    """Run assets in this process as a run of the persistent instance, without console logs."""
    job = definitions.resolve_implicit_global_asset_job_def()
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with _streams_given_back():
        run = job.execute_in_process(
            run_config={**run_config, **quiet},
            instance=instance,
            asset_selection=list(selection),
            tags={**tags, **location.run_tags, **command_tag(command)},
            raise_on_error=False,
        )
    if any(_interrupted(event.step_failure_data.error) for event in _step_failures(run)):
        raise KeyboardInterrupt  # Dagster reports a failed step, and the next run would start
    return run


@contextmanager
def _streams_given_back() -> Iterator[None]:
    """Point stdout and stderr, at the end, to where they pointed before.

    Dagster points them to files while a step runs. If it can't flush such a file, as on a full
    disk, it leaves them there, and nobody would see the command's error message.
    """
    copies: dict[int, int] = {}
    for stream in (1, 2):
        with suppress(OSError):  # it is closed
            copies[stream] = os.dup(stream)
    try:
        yield
    finally:
        for stream, copy in copies.items():
            os.dup2(copy, stream)
            os.close(copy)


def failure_text(run: dg.ExecuteInProcessResult) -> str:
    """Return what a failed run reports besides the results of its files; may be empty."""
    failures = _step_failures(run)
    if not failures:
        return "the run failed before its first step"
    stopped = [event for event in failures if _has(event, UNUSABLE)]
    shown = stopped[:1] or [event for event in failures if not _has(event, FILES_FAILED)]
    return "\n".join(dict.fromkeys(map(_step_text, shown)))


def _step_text(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    failure = data.user_failure_data
    if failure and failure.description:
        return str(failure.description)
    return data.error_display_string if data.error else "the step failed"


def nothing_usable(run: dg.ExecuteInProcessResult) -> bool:
    """Return whether the next run would fail too, for instance because the API is unavailable."""
    return any(_has(event, UNUSABLE) for event in _step_failures(run))


def _has(event: dg.DagsterEvent, metadata: str) -> bool:
    failure = event.step_failure_data.user_failure_data
    return failure is not None and metadata in failure.metadata


def _interrupted(error: Any) -> bool:
    """Return whether an error, or one that it was raised from, is Dagster's error for Ctrl-C."""
    return error is not None and (
        error.cls_name == "DagsterExecutionInterruptedError"
        or _interrupted(error.cause)
        or _interrupted(error.context)
    )


def _step_failures(run: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return [
        event for event in run.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE
    ]
