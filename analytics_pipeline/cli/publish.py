"""`analytics-pipeline publish`: write analytics.duckdb, and the marts as Parquet files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    command,
    fail,
    print_error,
    print_failing,
    print_info,
)
from analytics_pipeline.cli.existing_warehouse import existing_warehouse
from analytics_pipeline.cli.published import current_file
from analytics_pipeline.env_file import settings_in_force
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.sql_models import model_texts
from analytics_pipeline.warehouse import publish as publishing
from analytics_pipeline.warehouse.checks import errors, read
from analytics_pipeline.warehouse.export_parquet import export_parquet
from analytics_pipeline.warehouse.published_file import store_of
from analytics_pipeline.words import counted


@command
def publish(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PUBLISHED",
            help="With --across: published files; by default those of the workspace.",
        ),
    ] = None,
    across: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the marts of several organisations to this one file, and nothing else.",
            dir_okay=False,
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also write each mart to a Parquet file in this folder.",
            file_okay=False,
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace a file that an earlier warehouse published."),
    ] = False,
) -> None:
    """Write analytics.duckdb from the loaded data.

    A mart of which a test fails keeps its previous published rows. With --across, write one
    file from the published files of several organisations, with the organisation as first column.

    Exit codes: 0 done, 1 a check fails, the file can't be uploaded to the store, or a file given to
    --across is more than two days old, 2 the warehouse is missing or unusable.
    """
    settings = load_settings()
    if across and (parquet or replace):
        fail("--parquet and --replace are for one organisation: run `publish` without --across.")
    if across:
        raise typer.Exit(_publish_across(files or _of_workspace(settings), across))
    if files:
        fail("Published files are read only with --across.")
    raise typer.Exit(_publish(settings, parquet, replace=replace))


def _publish(settings: Settings, parquet: Path | None, *, replace: bool) -> int:
    """Write the published file, and Parquet files if asked; return the exit code."""
    with existing_warehouse(settings).open() as connection:
        done = publishing.publish(
            connection,
            settings.published_path,
            pii=settings.publish_pii,
            replaces_other=replace,
            store=store_of(settings),
            model_texts=model_texts,
        )
        exported = export_parquet(connection, parquet, model_texts) if parquet else {}
        failing = errors(read(connection))
    if done.is_written:
        _print_written(settings, done)
    else:
        print_error(
            "Nothing was published: a check of the raw tables fails, and there is no previous file."
        )
    if parquet:
        print_info(f"{parquet.absolute()}: {counted(len(exported), 'Parquet file')}.")
    return print_failing(failing, done.withheld if done.is_written else ())


def _print_written(settings: Settings, done: publishing.Published) -> None:
    print_info(
        f"{settings.published_path}: {counted(len(done.rows), 'table')},"
        f" {counted(sum(done.rows.values()), 'row')},"
        f" {done.bytes / 1e6:,.1f} MB in {done.seconds:.1f} s,"
        f" {'with' if settings.publish_pii else 'without'} personal data."
    )
    if address := store_of(settings).describe(settings.published_path.name):
        print_info(f"Uploaded: {address} names it.")


def _of_workspace(settings: Settings) -> list[Path]:
    """Return the published file of each organisation in the workspace."""
    from analytics_pipeline.orchestration import workspace  # Dagster takes seconds to import

    env_files = workspace.env_files(settings)
    if not env_files:
        fail(
            f"No organisation is in the workspace of {settings.dagster_home}. Give the published"
            " files, or run `analytics-pipeline workspace add`."
        )
    found = []
    for file in env_files.values():
        workspace.organisation(file)  # refuses a file that does not separate it from the others
        with settings_in_force(file) as own:  # it may name the keys of a store
            found.append(current_file(own))
    return found


def _publish_across(files: Sequence[Path], target: Path) -> int:
    """Write the file across organisations; return the exit code."""
    from analytics_pipeline.warehouse.across import publish_across

    target = target.expanduser().absolute()
    done = publish_across([file.absolute() for file in files], target)
    print_info(
        f"{target}: {counted(len(done.organisations), 'organisation')}"
        f" ({', '.join(done.organisations)}), {counted(len(done.rows), 'mart')},"
        f" {counted(sum(done.rows.values()), 'row')}, {done.bytes / 1e6:,.1f} MB in"
        f" {done.seconds:.1f} s."
    )
    for line in (problems := [*done.withheld, *done.old]):
        print_error(line)
    return INCOMPLETE if problems else DONE
