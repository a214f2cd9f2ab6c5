"""`analytics-pipeline status`: how the warehouse stands against what is delivered."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from analytics_pipeline.cli.console import DONE, INCOMPLETE, command, note, one_line, table, tell_checks
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.plan import Delivery, Plan, place_listing, plan
from analytics_pipeline.settings import load_settings, require
from analytics_pipeline.warehouse.checks import errors, read
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import FailedFile, failed_files, loaded_versions
from analytics_pipeline.warehouse.standing import Totals, totals


@dataclass(frozen=True)
class Standing:
    """A dataset's line: files delivered, loaded, never loaded, changed upstream, failed; its rows and rejects."""

    dataset: str
    delivered: int
    loaded: int
    missing: int
    changed: int
    failed: int
    rows: int
    rejects: int
    newest: str


@command
def status(as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False) -> None:
    """Compare what is delivered with what is loaded.

    Exit codes: 0 complete, 1 not, 2 settings or credentials.
    """
    from analytics_pipeline.orchestration.decide import outside
    from analytics_pipeline.orchestration.resources import open_bucket

    settings = require(load_settings())
    bucket = open_bucket(settings)
    placed = place_listing(bucket.list(), bucket.prefix)
    with open_warehouse(settings.warehouse_path) as connection:
        todo = plan(placed, loaded_versions(connection))
        loaded = {(one.dataset.name, one.partition.key) for one in todo.unchanged}
        failed = [one for one in failed_files(connection) if (one.dataset, one.partition) not in loaded]
        failing = errors(read(connection))
        figures = {name: totals(connection, dataset) for name, dataset in DATASETS.items()}
    never = outside(todo.work, settings.start_date, datetime.now(UTC))
    todo = todo.only(lambda one: one.key not in never)
    rows = [_standing(name, todo, failed, figures[name]) for name in DATASETS]
    complete = not todo.work and not failed and not failing
    if as_json:
        typer.echo(
            json.dumps({"complete": complete, "datasets": [asdict(row) for row in rows], "unknown": todo.unknown})
        )
    else:
        columns = [name.replace("_", " ") for name in Standing.__dataclass_fields__]
        table(f"org{settings.org_id}", columns, [tuple(asdict(row).values()) for row in rows])
        for one in failed:
            note(f"{one.source_key}: {one.reason}. {one.remedy}")
        tell_checks(failing, [one.source_key for one in failed])
        for key in todo.unknown:
            note(f"No dataset is like {one_line(key)}: it is not loaded.")
        note("Complete." if complete else "Not complete: run `analytics-pipeline sync`.")
    raise typer.Exit(DONE if complete else INCOMPLETE)


def _standing(name: str, todo: Plan, failed: list[FailedFile], figures: Totals) -> Standing:
    def count(deliveries: tuple[Delivery, ...]) -> int:
        return sum(one.dataset.name == name for one in deliveries)

    failing = {one.partition for one in failed if one.dataset == name}
    never = [one for one in todo.new if one.dataset.name == name and one.partition.key not in failing]
    return Standing(
        dataset=name,
        delivered=count(todo.delivered),
        loaded=figures.files,
        missing=len(never),
        changed=count(todo.changed),
        failed=len(failing),
        rows=figures.rows,
        rejects=figures.rejects,
        newest=(figures.newest_partition or "") if DATASETS[name].period else "",
    )
