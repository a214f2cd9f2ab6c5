"""`analytics-pipeline findings`: which lines are in quarantine or loaded with a warning, why, and what to do."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, fail, known_dataset, print_info, table
from analytics_pipeline.settings import load_settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.findings import FileFinding, file_findings


@command
def findings(
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", callback=lambda name: known_dataset(name) if name else None, help="Of this dataset."
        ),
    ] = None,
    file: Annotated[str | None, typer.Option(help="Of files whose key holds this text.")] = None,
    warnings: Annotated[bool, typer.Option("--warnings", help="Only records that are loaded with a warning.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, all of them, for programs.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Lines to show.")] = 50,
) -> None:
    """List quarantined records and warnings by file and line.

    Shows column, rule and remedy, and never a value of a record.
    """
    settings = load_settings()
    if not settings.warehouse_path.exists():
        fail(f"There is no warehouse at {settings.warehouse_path} yet. Run `analytics-pipeline sync` first.")
    with open_warehouse(settings.warehouse_path) as connection:
        found = file_findings(connection, dataset, file, warnings=warnings)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found]))
        return
    if not found:
        print_info("No findings: every record is loaded, and none with a warning." if not warnings else "No warnings.")
        return
    _show(found[:limit])
    if len(found) > limit:
        print_info(f"{len(found):,} in all: see them with --limit {len(found)}, or --json.")


def _show(found: Sequence[FileFinding]) -> None:
    """A table of the findings, then each remedy once with the rows that it is for."""
    rows, numbers = [], defaultdict[str, list[int]](list)
    for number, finding in enumerate(found, 1):
        numbers[finding.remedy].append(number)
        rows.append(
            (
                str(number),
                finding.source_key.partition("/")[2],
                ", ".join(map(str, finding.lines)),
                finding.column,
                finding.reason,
                finding.outcome,
                finding.records,
            )
        )
    table("Findings", ["#", "file", "lines", "column", "rule", "outcome", "records"], rows, ["file"])
    print_info("What to do:")
    for remedy, concerned in numbers.items():
        print_info(f"  # {_ranges(concerned)}: {remedy}")


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in order as `1-3, 7`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
