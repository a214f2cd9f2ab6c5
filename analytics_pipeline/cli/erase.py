"""`analytics-pipeline erase`: erase one person from all stored data."""

from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    fail,
    print_error,
    print_info,
    table,
    tabular,
    wants_json,
)
from analytics_pipeline.cli.options import whole_number
from analytics_pipeline.operations.erase_person import Receipt, receipt_path
from analytics_pipeline.operations.erase_person import erase as erase_person
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.gone import gone
from analytics_pipeline.words import counted


@tabular
def erase(
    user_id: Annotated[
        int,
        typer.Option(help="Vocareum id of the person.", parser=whole_number(1), metavar="INTEGER"),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before erasing.")] = False,
) -> None:
    """Erase a person, and keep them out of later loads.

    Covers the landed files, the warehouse and the published file.

    Replaces their emails in all other texts, including those loaded from your own files, and
    removes their ids from other people's rows. It does not change your own files: it names each one
    that still holds the person, with the lines.

    Does not reach earlier exports (Parquet files, copies, backups) or their name in other people's
    texts; the receipt lists what was searched and what was not. If interrupted, run it again.

    With a store, the earlier published files are deleted from it at once.

    Exit codes: 0 done; 1 erased, but a model could not be built, a check withholds a table, or your
    own file still holds the person; 2 nothing was erased, or it must be run again.
    """
    if wants_json() and not (yes or dry_run):
        fail("With --json, `erase` can't ask you: add --yes to erase, or --dry-run to count.")
    settings = load_settings()
    warehouse = warehouse_of(settings)
    if lost := gone(settings):
        fail(f"{lost} Then run the same command again: what is left may hold the person.")
    if not warehouse.exists():
        fail(f"There is no warehouse at {warehouse.describe()}: nothing is stored about anybody.")
    if dry_run or not yes:
        _show(erase_person(settings, user_id, dry_run=True))
    if dry_run:
        return
    if not yes:
        typer.confirm(
            f"Erase user {user_id} permanently, and drop their records from later loads?",
            abort=True,
            err=True,
        )
    raise typer.Exit(_report(settings, erase_person(settings, user_id, dry_run=False)))


def _report(settings: Settings, receipt: Receipt) -> int:
    """Print what was erased and what is left to do; return the exit code."""
    _show(receipt)
    if receipt.deleted_versions:
        print_info(
            f"Deleted from the store: {counted(len(receipt.deleted_versions), 'file')} of earlier"
            " publications."
        )
    print_info(f"Receipt: {receipt_path(settings, receipt)}")
    if receipt.not_stored:
        fail(
            "Erased here, but the store may still hold the person: run the same command again."
            f" {receipt.not_stored}"
        )
    if receipt.models_not_built:
        print_error(
            f"Not built, so missing from the published file: {', '.join(receipt.models_not_built)}."
            " Correct their .sql files and run the same command again, which builds all models."
        )
    if receipt.invalid_models:
        print_error(
            f"Missing from the published file:\n{receipt.invalid_models}\nCorrect the file and run"
            " the same command again, which builds all models."
        )
    for line in (*receipt.withheld, *receipt.failing_checks):
        print_error(line)
    left = (
        receipt.models_not_built
        or receipt.invalid_models
        or receipt.failing_checks
        or receipt.own_files
    )
    return INCOMPLETE if left else DONE


def _show(receipt: Receipt) -> None:
    for own_file in receipt.own_files:
        print_error(str(own_file))
    if not receipt.tables and not receipt.files:
        print_info(f"Nothing is stored about user {receipt.user_id}.")
        return
    done = "would be removed" if receipt.dry_run else "removed"
    columns = ["rows or records", "cells emptied in others' rows"]
    tables = [(name, removed.rows, removed.cells) for name, removed in receipt.tables.items()]
    table(f"User {receipt.user_id}: {done} from tables", ["table", *columns], tables, key="tables")
    datasets = sorted({name.partition("/")[0] for name in receipt.files})
    files = [_files(receipt, name) for name in datasets]
    table("... and from landed files", ["dataset", "files", *columns], files, key="files")


def _files(receipt: Receipt, dataset: str) -> tuple[str, int, int, int]:
    redactions = [
        redacted for path, redacted in receipt.files.items() if path.startswith(f"{dataset}/")
    ]
    return (
        dataset,
        len(redactions),
        sum(file.records for file in redactions),
        sum(file.cells for file in redactions),
    )
