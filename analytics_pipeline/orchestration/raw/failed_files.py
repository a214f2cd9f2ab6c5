"""What a run of a raw asset records about the files that it could not load."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.orchestration.runs.run_records import failed_tag, verdict_tags
from analytics_pipeline.orchestration.runs.step_failures import FILES_FAILED
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.words import named


def tag_refused(
    context: dg.AssetExecutionContext, dataset: Dataset, results: Sequence[FileResult]
) -> None:
    """Tag the run with the versions that it could not load, and with those of them whose failure
    counts as no attempt.
    """
    failed = [(result.landed.delivery, result.failure) for result in results if result.failure]
    refused = {delivery.partition.key: delivery.fingerprint for delivery, _ in failed}
    uncounted = {delivery.partition.key for delivery, failure in failed if not failure.counts}
    if tags := verdict_tags(dataset, refused, context.run.tags, uncounted):
        context.instance.add_run_tags(context.run.run_id, tags)


@contextmanager
def recording_failure(context: dg.AssetExecutionContext, dataset: Dataset) -> Iterator[None]:
    """Tag the run if the step failed, so that alerts name this dataset and not all of the run's."""
    failed = True
    try:
        yield
        failed = False
    finally:
        if failed or failed_tag(dataset) in context.run.tags:  # a retried run inherits tags
            context.instance.add_run_tags(
                context.run.run_id, {failed_tag(dataset): str(failed).lower()}
            )


def raise_if_failed(dataset: Dataset, results: Sequence[FileResult]) -> None:
    """Fail the run if a file could not be loaded; name the files and what to do.

    Raises:
        dagster.Failure: a file failed; the others are loaded.
    """
    failed = [result for result in results if result.failure]
    if not failed:
        return
    lines = named(map(ui_metadata.failure, failed), ui_metadata.MOST_FILES, "\n")
    raise dg.Failure(
        f"{len(failed)} of {len(results)} files of {dataset.name} could not be loaded; their"
        f" previous rows stay.\n{lines}",
        metadata={FILES_FAILED: [result.landed.delivery.partition.key for result in failed]},
        allow_retries=False,
    )
