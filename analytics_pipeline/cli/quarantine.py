"""`analytics-pipeline quarantine`: list rejected records, and reload their files after a fix."""

from collections.abc import Sequence
from typing import Annotated

import duckdb
import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    command,
    print_error,
    print_hint,
    print_info,
    progress,
    table,
    tabular,
)
from analytics_pipeline.cli.existing_warehouse import existing_warehouse
from analytics_pipeline.cli.options import DatasetOption, KeyOption, LimitOption
from analytics_pipeline.cli.rebuild import rebuild
from analytics_pipeline.cli.unknown_file import tell_unknown_file
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.delivery import Delivery, Place
from analytics_pipeline.ingest.landing import has_landed
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.warehouse.backend import Warehouse
from analytics_pipeline.warehouse.ledger import FailedFile, delivery_of, failed_files, loaded_files
from analytics_pipeline.words import counted

app = typer.Typer(
    help="List records that were not loaded, or reload their files.", no_args_is_help=True
)

_WHERE = """WHERE (dataset = $dataset OR $dataset IS NULL)
            AND (contains(source_key, $file) OR $file IS NULL)
              AND (contains(reason.reason, $reason) OR $reason IS NULL)"""


@app.command("list")
@tabular
def list_rejects(
    dataset: DatasetOption = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only reasons that contain this text.")
    ] = None,
    file: KeyOption = None,
    records: Annotated[
        bool,
        typer.Option(
            "--records", help="Every record with its raw text, which may hold personal data."
        ),
    ] = False,
    limit: LimitOption = 50,
) -> None:
    """Show rejects by dataset, reason and file, or each record."""
    settings = load_settings()
    warehouse = existing_warehouse(settings)
    filters: dict[str, object] = {
        "dataset": dataset,
        "reason": reason,
        "file": file,
        "read": limit + 1,
    }
    with warehouse.open() as connection:
        if tell_unknown_file(connection, dataset, file):
            return
        failed = failed_files(connection, dataset)
        (_records if records else _summary)(connection, filters, limit)
    for version in failed:
        print_info(f"Not loaded at all: {version.source_key}: {version.reason}. {version.remedy}")


def _summary(connection: duckdb.DuckDBPyConnection, filters: dict[str, object], limit: int) -> None:
    rows = connection.execute(
        f"""SELECT dataset, reason.column, reason.reason, count(*) AS records, source_key,
            min(line) AS first_line
            FROM (SELECT *, unnest(reasons) AS reason FROM quarantine.rejects) {_WHERE}
            GROUP BY ALL ORDER BY dataset, source_key, records DESC LIMIT $read""",
        filters,
    ).fetchall()
    columns = ["dataset", "column", "reason", "records", "file", "first line"]
    table(
        "Quarantine",
        columns,
        [
            (*row[:4], row[4].partition("/")[2].removeprefix(f"{row[0]}/"), row[5])
            for row in rows[:limit]
        ],
        ["file"],
    )
    _print_more(rows, limit)


def _records(connection: duckdb.DuckDBPyConnection, filters: dict[str, object], limit: int) -> None:
    rows = connection.execute(
        f"""SELECT source_key, line, string_agg(reason.column || ': ' || reason.reason, '; '),
            any_value(raw)
            FROM (SELECT *, unnest(reasons) AS reason FROM quarantine.rejects) {_WHERE}
            GROUP BY source_key, etag, line ORDER BY source_key, line LIMIT $read""",
        filters,
    ).fetchall()
    table("Quarantine", ["file", "line", "reasons", "raw"], rows[:limit])
    _print_more(rows, limit)


def _print_more(rows: Sequence[object], limit: int) -> None:
    if len(rows) > limit:
        print_hint(f"There are more than {limit:,} lines: raise --limit to see them.")


@app.command()
@command
def replay(dataset: DatasetOption = None, file: KeyOption = None) -> None:
    """Reload files that failed or have rejects.

    Reads them from the landing folder, and applies the current rules. Then the models are rebuilt
    and published.

    Exit codes: 0 done, 1 a file can't be loaded, a model fails, or a check withholds a table, 2 the
    settings or the warehouse are unusable.
    """
    settings = load_settings()
    warehouse = existing_warehouse(settings)
    deliveries = [
        delivery
        for delivery in _with_rejects(settings, warehouse)
        if (dataset in (None, delivery.dataset.name)) and (file is None or file in delivery.key)
    ]
    if not deliveries:
        with warehouse.open() as connection:
            if not tell_unknown_file(connection, dataset, file):
                print_info("Nothing to replay: no such file has rejects.")
        return
    max_mb = settings.max_file_mb
    loader = Loader(
        None,
        settings.landing_dir,
        warehouse.open,
        run_id="replay",
        max_mb=max_mb,
    )
    with progress("Replaying", len(deliveries)) as advance:
        results = []
        for name in sorted({delivery.dataset.name for delivery in deliveries}):
            chosen = [delivery for delivery in deliveries if delivery.dataset.name == name]
            for result in loader.load(DATASETS[name], chosen):
                results.append(result)
                advance()
    _print_results(results)
    loaded = [result.landed.delivery for result in results if result.failure is None]
    rebuilt = not loaded or rebuild(settings, "replay", loaded)
    raise typer.Exit(DONE if rebuilt and len(loaded) == len(results) else INCOMPLETE)


def _print_results(results: Sequence[FileResult]) -> None:
    """Print what was reloaded, and each file that could not be."""
    loaded = [result for result in results if result.failure is None]
    print_info(
        f"{counted(len(loaded), 'file')} reloaded:"
        f" {counted(sum(result.rows for result in loaded), 'row')} loaded,"
        f" {counted(sum(result.rejects for result in loaded), 'record')} still in quarantine."
    )
    for result in results:
        if result.failure:
            print_error(
                f"{result.landed.delivery.key}: {result.failure.reason}. {result.failure.remedy}"
            )


def _with_rejects(settings: Settings, warehouse: Warehouse) -> list[Delivery]:
    """Return the deliveries to reload; the failed version of a failed file, not the loaded one."""
    with warehouse.open() as connection:
        rejected = [file for file in loaded_files(connection) if file.rejects]
        failed = failed_files(connection)
    newest: dict[Place, Delivery] = {}
    for file in (file for file in (*rejected, *failed) if file.dataset in DATASETS):
        delivery = delivery_of(file)
        # A failed version that S3 refused never landed: there is nothing to read again.
        if not isinstance(file, FailedFile) or has_landed(settings.landing_dir, delivery):
            newest[file.place] = delivery
    return list(newest.values())
