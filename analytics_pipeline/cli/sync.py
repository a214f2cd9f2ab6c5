"""`analytics-pipeline sync`: the main job, from a terminal."""

import re
from contextlib import suppress
from datetime import date
from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    UNUSABLE,
    command,
    fail,
    files,
    known_dataset,
    one_line,
    print_checks,
    print_error,
    print_info,
    progress,
    table,
)
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.plan import Plan, Selection
from analytics_pipeline.settings import Settings, load_settings, require
from analytics_pipeline.storage.disk import translate_disk_full
from analytics_pipeline.warehouse.sidecar import REPLACED, replaced_at


@command
def sync(
    dataset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This dataset only; may be given several times.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day, YYYY-MM-DD.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Fetch and load everything again.")] = False,
) -> None:
    """Load what is new or changed, rebuild, publish.

    The bucket is listed once; only files whose ETag or size is not the ledger's are fetched. Every load is a run of the
    Dagster instance, and its partitions show in the UI.

    Exit codes: 0 done, 1 some file or check failed, 2 settings, credentials or the network. With --dataset, --since or --until
    only files and checks that this is about count; others that fail are named.
    """
    first, last = _day("--since", since), _day("--until", until)
    if first and last and first > last:
        fail(f"--since {first} is after --until {last}: give the earlier day first.")
    settings = require(load_settings())
    selection = Selection(frozenset(map(known_dataset, dataset or [])), first, last)
    raise typer.Exit(run_sync(settings, selection, full=full))


def run_sync(settings: Settings, selection: Selection, *, full: bool = False) -> int:
    """Sync and tell a person what was done; returns the exit code."""
    from analytics_pipeline.orchestration import sync as engine  # Dagster takes seconds to import
    from analytics_pipeline.orchestration.definitions import build_definitions
    from analytics_pipeline.orchestration.instance import open_instance

    before = replaced_at(settings.warehouse_path)
    todo = engine.make_plan(settings, selection)
    if replaced_at(settings.warehouse_path) > before:
        print_error(REPLACED)
    work = todo.delivered if full else todo.work
    print_info(
        f"org{settings.org_id}: {files(len(todo.delivered))} {_asked(selection)}, {len(todo.new)} new, {len(todo.changed)} changed, "
        f"{len(todo.unchanged)} unchanged."
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
    """What was loaded, what failed and what to do; returns the exit code."""
    if done.results:
        _print_datasets(done)
    elif not done.failed_runs:
        print_info(f"Nothing to do: everything {_asked(selection)} is loaded.")
    if done.rebuilt:
        print_info(f"Published: {settings.published_path}")
    for line in done.withheld:
        print_error(line)
    _print_left_out(settings, done.todo, len(done.early))
    for copy in done.copies:
        print_info(f"{copy.source_key}: {copy.detail}. {copy.remedy}")
    failed = [one for one in done.results if one.failure]
    for one in failed:
        failure, key = one.failure, one.landed.delivery.key
        assert failure is not None
        place = f"{key}, line {failure.line}" if failure.line else key
        print_error(f"{place}: {failure.reason}. {failure.remedy}")
    for text in done.failed_runs.values():
        if text:
            print_error(text)
    if done.silent:
        print_error(done.silent)
    asked = done.failing_of(selection)
    print_checks(asked, [result.landed.delivery.key for result in failed])
    for check in done.failing:
        if check not in asked:
            print_info(f"Not asked for, and no part of the exit code: {check}")
    if done.stopped:
        return UNUSABLE
    return INCOMPLETE if failed or done.failed_runs or asked else DONE


def _asked(selection: Selection) -> str:
    """What a figure is about: all that is delivered, or less."""
    return "delivered" if selection == Selection() else "delivered of what was asked for"


def _print_datasets(done: "engine.Synced") -> None:  # type: ignore[name-defined] # noqa: F821
    rows = []
    for name in DATASETS:
        results = [one for one in done.results if one.landed.delivery.dataset.name == name]
        if results:
            loaded = [one for one in results if one.failure is None]
            rows.append(
                (
                    name,
                    len(loaded),
                    len(results) - len(loaded),
                    sum(one.rows for one in loaded),
                    sum(one.rejects for one in loaded),
                    sum(one.warnings for one in loaded),
                )
            )
    table("Loaded", ["dataset", "files", "failed", "rows", "quarantined", "warnings"], rows)
    if any(quarantined or warnings for *_, quarantined, warnings in rows):
        print_info("Which lines are quarantined or odd, why, and what to do: `analytics-pipeline findings`.")


def _print_left_out(settings: Settings, todo: Plan, early: int) -> None:
    for key in todo.unknown:
        print_info(f"Unrecognised file, skipped: {one_line(key)}")
    if todo.superseded:
        print_info(
            f"{files(len(todo.superseded))} left out for a newer one of the same day or month: {one_line(todo.superseded[0])}"
        )
    if early:
        print_info(
            f"{files(early)} outside of the partitions (before VOCAREUM_START_DATE = {settings.start_date}, or not over yet) "
            "not loaded."
        )


def _day(option: str, text: str | None) -> date | None:
    """Return the day that an option gives; end the command where it is none."""
    if text is None:
        return None
    with suppress(ValueError):
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):  # fromisoformat takes other forms, too
            return date.fromisoformat(text)
    return fail(f"{option} {text!r} is not a day of the calendar: give it as YYYY-MM-DD, such as {option} 2026-11-05.")
