"""`analytics-pipeline findings`: list quarantined lines and warnings, with reasons and remedies."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    print_hint,
    print_info,
    print_json,
    table,
    tabular,
    wants_json,
)
from analytics_pipeline.cli.existing_warehouse import existing_warehouse
from analytics_pipeline.cli.options import DatasetOption, KeyOption, LimitOption
from analytics_pipeline.cli.unknown_file import tell_unknown_file
from analytics_pipeline.settings import load_settings
from analytics_pipeline.warehouse.findings import FileFinding, file_findings


@tabular
def findings(
    dataset: DatasetOption = None,
    file: KeyOption = None,
    warnings: Annotated[
        bool, typer.Option("--warnings", help="Only records that loaded with a warning.")
    ] = False,
    limit: LimitOption = 50,
) -> None:
    """List quarantined records and warnings by file and line.

    Shows column, rule and remedy, never a record's value.
    """
    settings = load_settings()
    with existing_warehouse(settings).open() as connection:
        all_findings = file_findings(connection, dataset, file, warnings=warnings)
        is_unknown = tell_unknown_file(connection, dataset, file)
    if wants_json():
        print_json([asdict(finding) for finding in all_findings])
        return
    if is_unknown:
        return
    if not all_findings:
        print_info(
            "No findings: every record is loaded without a warning."
            if not warnings
            else "No warnings."
        )
        return
    _show(all_findings[:limit])
    if len(all_findings) > limit:
        print_hint(
            f"{len(all_findings):,} in total: see all with --limit {len(all_findings)}, or --json."
        )


def _show(shown: Sequence[FileFinding]) -> None:
    """Print a table of the findings, then each remedy once with the rows it applies to."""
    rows, numbers = [], defaultdict[str, list[int]](list)
    for number, finding in enumerate(shown, 1):
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
    table(
        "Findings", ["#", "file", "lines", "column", "rule", "outcome", "records"], rows, ["file"]
    )
    print_info("What to do:")
    for remedy, rows_with_it in numbers.items():
        print_info(f"  # {_ranges(rows_with_it)}: {remedy}")


def _ranges(numbers: Sequence[int]) -> str:
    """Return sorted numbers as ranges: `1-3, 7`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
