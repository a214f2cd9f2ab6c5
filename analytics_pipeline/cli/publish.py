"""`analytics-pipeline publish`: write analytics.duckdb, and the marts as Parquet files."""

from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    command,
    fail,
    print_checks,
    print_error,
    print_info,
)
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.warehouse import publish as publishing
from analytics_pipeline.warehouse.checks import errors, read
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.export_parquet import export_parquet


@command
def publish(
    parquet: Annotated[
        Path | None,
        typer.Option(
            help="Also write each mart to a Parquet file in this folder.", file_okay=False
        ),
    ] = None,
) -> None:
    """Write analytics.duckdb from the loaded data.

    Marts that a failing test is about keep their previous published state.

    Exit codes: 0 done, 1 a check fails, 2 the warehouse is missing or unusable.
    """
    settings = load_settings()
    if not settings.warehouse_path.exists():
        fail(
            f"There is no warehouse at {settings.warehouse_path} yet. Run `analytics-pipeline sync`"
            " first."
        )
    with open_warehouse(settings.warehouse_path) as connection:
        done = publishing.publish(connection, settings.published_path, pii=settings.publish_pii)
        exported = export_parquet(connection, parquet) if parquet else {}
        failing = errors(read(connection))
    if done.is_written:
        _print_written(settings, done)
    else:
        print_error(
            "Nothing was published: a check of the raw tables fails, and there is no previous file."
        )
    if parquet:
        print_info(f"{parquet.absolute()}: {len(exported)} Parquet files.")
    print_checks(failing)
    raise typer.Exit(INCOMPLETE if failing else DONE)


def _print_written(settings: Settings, done: publishing.Published) -> None:
    print_info(
        f"{settings.published_path}: {len(done.rows)} tables, {sum(done.rows.values()):,} rows,"
        f" {done.bytes / 1e6:,.1f} MB in {done.seconds:.1f} s,"
        f" {'with' if settings.publish_pii else 'without'} personal data."
    )
    for line in done.withheld:
        print_error(line)
