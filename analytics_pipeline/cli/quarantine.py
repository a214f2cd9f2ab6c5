"""`analytics-pipeline quarantine`: what was not loaded, why, and loading it again after a fix."""

from collections.abc import Sequence
from typing import Annotated

import duckdb
import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    command,
    fail,
    files,
    known_dataset,
    print_info,
    progress,
    table,
)
from analytics_pipeline.cli.rebuild import rebuild
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import FileVersion, delivery_of, failed_files, loaded_files

app = typer.Typer(help="List records that were not loaded, or load them again.", no_args_is_help=True)

DatasetOption = Annotated[
    str | None, typer.Option(help="Of this dataset.", callback=lambda name: known_dataset(name) if name else None)
]
FileOption = Annotated[str | None, typer.Option(help="Of files whose key holds this text.")]

_WHERE = """WHERE (dataset = $dataset OR $dataset IS NULL) AND (contains(source_key, $file) OR $file IS NULL)
              AND (contains(reason.reason, $reason) OR $reason IS NULL)"""


@app.command("list")
@command
def list_rejects(
    dataset: DatasetOption = None,
    reason: Annotated[str | None, typer.Option(help="Whose reason holds this text.")] = None,
    file: FileOption = None,
    records: Annotated[
        bool, typer.Option("--records", help="Every record with its raw text, which may hold personal data.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Lines to show.")] = 50,
) -> None:
    """Show rejects by dataset, reason and file, or each record."""
    settings = _with_warehouse()
    asked: dict[str, object] = {"dataset": dataset, "reason": reason, "file": file, "read": limit + 1}
    with open_warehouse(settings.warehouse_path) as connection:
        failed = failed_files(connection, dataset)
        (_records if records else _summary)(connection, asked, limit)
    for one in failed:
        print_info(f"Not loaded at all: {one.source_key}: {one.reason}. {one.remedy}")


def _with_warehouse() -> Settings:
    settings = load_settings()
    if not settings.warehouse_path.exists():
        fail(f"There is no warehouse at {settings.warehouse_path} yet. Run `analytics-pipeline sync` first.")
    return settings


def _summary(connection: duckdb.DuckDBPyConnection, asked: dict[str, object], limit: int) -> None:
    rows = connection.execute(
        f"""SELECT dataset, reason.column, reason.reason, count(*) AS records, source_key, min(line) AS first_line
            FROM (SELECT *, unnest(reasons) AS reason FROM quarantine.rejects) {_WHERE}
            GROUP BY ALL ORDER BY dataset, source_key, records DESC LIMIT $read""",
        asked,
    ).fetchall()
    columns = ["dataset", "column", "reason", "records", "file", "first line"]
    table(
        "Quarantine",
        columns,
        [(*row[:4], row[4].partition("/")[2].removeprefix(f"{row[0]}/"), row[5]) for row in rows[:limit]],
        ["file"],
    )
    _print_more(rows, limit)


def _records(connection: duckdb.DuckDBPyConnection, asked: dict[str, object], limit: int) -> None:
    rows = connection.execute(
        f"""SELECT source_key, line, string_agg(reason.column || ': ' || reason.reason, '; '), any_value(raw)
            FROM (SELECT *, unnest(reasons) AS reason FROM quarantine.rejects) {_WHERE}
            GROUP BY source_key, etag, line ORDER BY source_key, line LIMIT $read""",
        asked,
    ).fetchall()
    table("Quarantine", ["file", "line", "reasons", "raw"], rows[:limit])
    _print_more(rows, limit)


def _print_more(rows: Sequence[object], limit: int) -> None:
    if len(rows) > limit:
        print_info(f"There are more than {limit:,} lines: see them with --limit.")


@app.command()
@command
def replay(dataset: DatasetOption = None, file: FileOption = None) -> None:
    """Read files with rejects, and files that failed, again from the landing folder, by the rules as they are now."""
    settings = _with_warehouse()
    deliveries = [
        one
        for one in _with_rejects(settings)
        if (dataset in (None, one.dataset.name)) and (file is None or file in one.key)
    ]
    if not deliveries:
        print_info("Nothing to replay: no such file has rejects.")
        return
    loader = Loader(None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), run_id="replay")
    with progress("Replaying", len(deliveries)) as advance:
        results = []
        for name in sorted({one.dataset.name for one in deliveries}):
            for result in loader.load(DATASETS[name], [one for one in deliveries if one.dataset.name == name]):
                results.append(result)
                advance()
    loaded = [one for one in results if one.failure is None]
    print_info(
        f"{files(len(loaded))} read again: {sum(one.rows for one in loaded):,} rows loaded, "
        f"{sum(one.rejects for one in loaded):,} records still in quarantine."
    )
    for one in results:
        if one.failure:
            print_info(f"{one.landed.delivery.key}: {one.failure.reason}. {one.failure.remedy}")
    rebuilt = not loaded or rebuild(settings)
    raise typer.Exit(DONE if len(loaded) == len(results) and rebuilt else INCOMPLETE)


def _with_rejects(settings: Settings) -> list[Delivery]:
    """Deliveries to read again: a failed version rather than the one that is loaded."""
    with open_warehouse(settings.warehouse_path) as connection:
        rejected = [one for one in loaded_files(connection) if one.rejects]
        failed = failed_files(connection)
    newest: dict[tuple[str, str], FileVersion] = {(one.dataset, one.partition): one for one in (*rejected, *failed)}
    return [delivery_of(one) for one in newest.values() if one.dataset in DATASETS]
