"""`analytics-pipeline close`: accept that a file is gone, or load a held version."""

from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    UNUSABLE,
    command,
    print_error,
    print_info,
)
from analytics_pipeline.cli.existing_warehouse import existing_warehouse
from analytics_pipeline.cli.options import complete_dataset, known_dataset
from analytics_pipeline.cli.rebuild import rebuild
from analytics_pipeline.cli.status import RETRY_SECONDS
from analytics_pipeline.cli.tables import one_line
from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.operations.close_partition import Closed
from analytics_pipeline.operations.close_partition import close as close_partition
from analytics_pipeline.settings import Settings, load_settings, require
from analytics_pipeline.words import counted


@command
def close(
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Dataset of the file.",
            autocompletion=complete_dataset,
            callback=known_dataset,
        ),
    ],
    partition: Annotated[
        str, typer.Option(metavar="PARTITION", help="Day, month, course id, or `organisation`.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
) -> None:
    """Accept that a file is gone, reverted, lost rows or money, is a copy, or has other days' rows.

    `status` names such files. If the file is gone, its rows are removed, and history keeps them
    with their end time. If a version is held because it lost rows or money, is a copy, or has rows
    of other days, it is loaded. If an older warehouse lacks the file (reverted), it is no longer
    reported. Then the models are rebuilt and published.

    The rows of a file that is delivered again are not removed, as far as the bucket can be asked.

    Exit codes: 0 done, 1 the version can't be loaded, a model fails, or a check withholds a table,
    2 nothing is missing there.
    """
    settings = load_settings()
    existing_warehouse(settings)
    _require_gone(settings, DATASETS[dataset], partition)
    done = close_partition(settings, DATASETS[dataset], partition, dry_run=dry_run)
    if not done.absences:
        print_error(
            f"Nothing is missing from {dataset} {one_line(partition)}, so there is nothing to"
            " close. `analytics-pipeline status` compares the bucket with the warehouse and names"
            " missing files."
        )
        raise typer.Exit(UNUSABLE)
    _print_outcome(done, dry_run=dry_run)
    if dry_run:
        return
    failed = done.result is not None and done.result.failure is not None
    rebuilt = failed or rebuild(
        settings, "close", [done.result.landed.delivery] if done.result else []
    )
    raise typer.Exit(INCOMPLETE if failed or not rebuilt else DONE)


def _require_gone(settings: Settings, dataset: Dataset, partition: str) -> None:
    """Refuse to remove the rows of a file that is delivered again; say so if nobody can tell."""
    from analytics_pipeline.ingest.sources import open_sources

    planned = close_partition(settings, dataset, partition, dry_run=True)
    if not planned.ended:
        return
    key = planned.absences[0].source_key
    try:
        sources = open_sources(require(settings), RETRY_SECONDS)
        is_delivered = any(
            found.key == key for found in sources.list(key.removeprefix(sources.prefix))
        )
    except PipelineError as error:
        print_info(f"Whether {one_line(key)} is delivered again could not be checked: {error}")
        return
    if is_delivered:
        print_error(
            f"{one_line(key)} is delivered again, so nothing was removed. Run"
            " `analytics-pipeline sync`, which loads it."
        )
        raise typer.Exit(UNUSABLE)


def _print_outcome(done: Closed, *, dry_run: bool) -> None:
    """Print what was removed or loaded, or would be."""
    for absence in done.absences:
        print_info(f"{one_line(absence.source_key)}: {absence.detail}.")
    if done.ended:
        verb = "would leave" if dry_run else "left"
        print_info(
            f"{counted(done.ended.rows, 'row')} and"
            f" {counted(done.ended.rejects, 'quarantined record')} {verb} the"
            f" warehouse; {counted(done.ended.states, 'state')} of its history"
            f" {'would end' if dry_run else 'ended'}."
        )
    elif done.result and done.result.failure:
        print_error(
            f"It was not loaded: {done.result.failure.reason}. {done.result.failure.remedy}"
        )
    elif done.accepted:
        count = done.accepted.records - done.accepted.rejects
        print_info(
            f"The new version {'would be' if dry_run else 'was'} loaded: {counted(count, 'row')},"
            " replacing the previous ones."
        )
    else:
        print_info("It would no longer be reported." if dry_run else "It is no longer reported.")
