"""`analytics-pipeline sync`: load, rebuild and publish from a terminal."""

import re
from contextlib import suppress
from datetime import date
from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    UNUSABLE,
    fail,
    print_checks,
    print_error,
    print_info,
    progress,
    table,
    tabular,
)
from analytics_pipeline.cli.feed_notice import nothing_delivered
from analytics_pipeline.cli.options import complete_dataset, known_dataset
from analytics_pipeline.cli.tables import one_line
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.left_out import lines
from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.settings import Settings, load_settings, require
from analytics_pipeline.storage.disk import translate_disk_full
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.gone import BEGUN_ANEW, gone
from analytics_pipeline.warehouse.published_file import store_of
from analytics_pipeline.warehouse.sidecar import REPLACED
from analytics_pipeline.words import counted


@tabular
def sync(
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this dataset; may be repeated.",
            autocompletion=complete_dataset,
            callback=lambda names: [known_dataset(name) for name in names or []],
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="First day, YYYY-MM-DD.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day, YYYY-MM-DD.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Fetch and load everything again.")] = False,
) -> None:
    """Load what is new or changed, rebuild, publish.

    Lists the bucket once, and fetches only files whose ETag or size differs from the ledger. Every
    load is a run of the Dagster instance, and its partitions show in the UI.

    Exit codes: 0 done, 1 a file or check failed, or an erasure is not finished, 2 settings,
    credentials or the network, or nothing was ever delivered. With --dataset, --since or --until
    only the selected files and their checks count; those of others are only reported.
    """
    first, last = _day("--since", since), _day("--until", until)
    if first and last and first > last:
        fail(f"--since {first} is after --until {last}: give the earlier day first.")
    settings = require(load_settings())
    selection = Selection(frozenset(dataset or []), first, last)
    raise typer.Exit(run_sync(settings, selection, full=full))


def run_sync(settings: Settings, selection: Selection, *, full: bool = False) -> int:
    """Sync, print a summary, and return the exit code."""
    from analytics_pipeline.orchestration import sync as engine  # Dagster takes seconds to import
    from analytics_pipeline.orchestration.definitions import build_definitions
    from analytics_pipeline.orchestration.instance import open_instance

    warehouse = warehouse_of(settings)
    before, lost = warehouse.generation(), gone(settings)
    todo = engine.make_plan(settings, selection)
    if lost:
        print_error(f"{lost.message} {BEGUN_ANEW}")
    elif warehouse.generation() != before:
        print_error(REPLACED)
    work = todo.delivered if full else todo.work
    print_info(
        f"org{settings.org_id}: {counted(len(todo.delivered), 'file')} {_scope(selection)},"
        f" {len(todo.new)} new, {len(todo.changed)} changed, {len(todo.unchanged)} unchanged."
    )
    with (
        translate_disk_full(settings.dagster_home),
        open_instance(settings) as instance,
        progress("Loading", len(work)) as advance,
    ):
        done = engine.sync(
            settings,
            build_definitions(settings),
            instance,
            todo,
            full=full,
            on_file=lambda _: advance(),
            on_rebuild=lambda: print_info("Rebuilding the models and publishing."),
        )
    return print_summary(settings, done, selection)


def print_summary(settings: Settings, done: "engine.Synced", selection: Selection) -> int:  # type: ignore[name-defined] # noqa: F821
    """Print what was loaded, what failed and what to do; return the exit code."""
    if done.results:
        _print_datasets(done)
    elif not (done.failed_runs or done.todo.is_empty_bucket):
        verb = "load" if done.rebuilt else "do"
        print_info(f"Nothing to {verb}: everything {_scope(selection)} is loaded.")
    if done.todo.is_empty_bucket:
        print_error(nothing_delivered(settings, done.todo.unknown))
    if done.rebuilt:
        print_info(f"Published: {settings.published_path}")
        if address := store_of(settings).describe(settings.published_path.name):
            print_info(f"Uploaded: {address} names it.")
    for line in done.withheld:
        print_error(line)
    _print_left_out(done)
    for copy in done.copies:
        print_info(f"{copy.source_key}: {copy.detail}. {copy.remedy}")
    failed = [result for result in done.results if result.failure]
    for result in failed:
        failure, key = result.failure, result.landed.delivery.key
        assert failure is not None
        place = f"{key}, line {failure.line}" if failure.line else key
        print_error(f"{place}: {failure.reason}. {failure.remedy}")
    for text in done.failed_runs.values():
        if text:
            print_error(text)
    for alarm in done.alarms:
        print_info(f"Alarm, {one_line(alarm.alarm)}: {one_line(alarm.message)}")
    if done.silent:
        print_error(done.silent)
    for line in () if done.silent else done.late:
        print_info(line)
    for line in done.erasures:
        print_error(line)
    selected = done.failing_of(selection)
    print_checks(selected, [result.landed.delivery.key for result in failed])
    for check in done.failing:
        if check not in selected:
            print_info(f"Not selected, so not part of the exit code: {check}")
    if done.stopped or (done.todo.is_empty_bucket and not done.absences):
        return UNUSABLE
    return INCOMPLETE if failed or done.failed_runs or selected or done.erasures else DONE


def _scope(selection: Selection) -> str:
    """Return the scope of a count: everything delivered, or the selection."""
    return "delivered" if selection == Selection() else "delivered in the selection"


def _print_datasets(done: "engine.Synced") -> None:  # type: ignore[name-defined] # noqa: F821
    rows = []
    for name in DATASETS:
        results = [result for result in done.results if result.landed.delivery.dataset.name == name]
        if results:
            loaded = [result for result in results if result.failure is None]
            rows.append(
                (
                    name,
                    len(loaded),
                    len(results) - len(loaded),
                    sum(result.rows for result in loaded),
                    sum(result.rejects for result in loaded),
                    sum(result.warnings for result in loaded),
                )
            )
    table("Loaded", ["dataset", "files", "failed", "rows", "quarantined", "warnings"], rows)
    if any(quarantined or warnings for *_, quarantined, warnings in rows):
        print_info("For the lines, reasons and remedies: `analytics-pipeline findings`.")


def _print_left_out(done: "engine.Synced") -> None:  # type: ignore[name-defined] # noqa: F821
    for key in done.todo.unknown:
        print_info(f"Unrecognised file, skipped: {one_line(key)}")
    for text, remedy in lines(done.todo.left_out):
        print_info(f"{text} {remedy}")
    named = {file.source_key for file in done.todo.left_out}
    if again := [delivery.key for delivery in done.early if delivery.key not in named]:
        print_info(
            f"{counted(len(again), 'loaded file')} not loaded again (outside the partitions):"
            f" {again[0]}"
        )


def _day(option: str, text: str | None) -> date | None:
    """Return the day that an option gives; end the command if it is not a day."""
    if text is None:
        return None
    with suppress(ValueError):
        # `fromisoformat` alone would accept other forms too.
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    return fail(
        f"{option} {text!r} is not a calendar day: give it as YYYY-MM-DD, such as {option}"
        " 2026-11-05."
    )
