"""`analytics-pipeline budgets`: check the hand-written files before they are loaded."""

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    fail,
    print_error,
    print_info,
    table,
    tabular,
)
from analytics_pipeline.cli.tables import one_line
from analytics_pipeline.datasets import DATASETS, WHOLE_ORGANISATION
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.remedies import remedy
from analytics_pipeline.operations.check_budgets import Checked, check_budgets
from analytics_pipeline.settings import load_settings

app = typer.Typer(
    help="Check budgets and course labels before they are loaded.", no_args_is_help=True
)


@app.callback()
def budgets() -> None:
    """Check budgets and course labels before they are loaded."""


@app.command()
@tabular
def check() -> None:
    """Check BUDGETS_FILE and COURSE_LABELS_FILE without loading them.

    Prints row counts, rejected lines with reasons, and unknown ids of courses, departments and
    terms.

    Exit codes: 0 every line can be loaded, 1 some can't, or a file has lost all its rows, 2 neither
    file is set.
    """
    settings = load_settings()
    if not settings.hand_written:
        fail(
            "Neither BUDGETS_FILE nor COURSE_LABELS_FILE is set, so there is nothing to read. See"
            " docs/budgets.md."
        )
    checked = check_budgets(settings)
    for name, path in checked.unreadable.items():
        print_error(
            f"{DATASETS[name].setting} is {path}, which can't be read. Put the file there, or"
            " correct the setting."
        )
    rows = [
        (name, file.records, file.rows, file.rejects, file.warnings)
        for name, file in checked.files.items()
    ]
    if rows:
        table("Would be loaded", ["file", "records", "rows", "quarantined", "warnings"], rows)
    for name, file in checked.files.items():
        _print_findings(name, file)
    for name, reason in checked.held.items():
        print_error(
            f"{DATASETS[name].setting}: {reason}. Correct the file. If it is right, load it with"
            f" `analytics-pipeline sync`, then `analytics-pipeline close --dataset {name}"
            f" --partition {WHOLE_ORGANISATION}`."
        )
    for text in unknown_ids(checked):
        print_info(f"{text}.")
    if not checked.is_compared:
        print_info(
            "Course ids were not compared: there is no warehouse yet. Run `analytics-pipeline sync`"
            " first."
        )
    raise typer.Exit(DONE if checked.is_clean else INCOMPLETE)


def unknown_ids(checked: Checked) -> list[str]:
    """Return a line for each unknown id in the files: of a course, department or term."""
    return [
        f"{unknown.dataset}: no {unknown.kind.replace('_', ' ')} {one_line(unknown.id)} is known,"
        " so the row has no effect yet"
        for unknown in checked.unmatched
    ]


def _print_findings(name: str, file: FileResult) -> None:
    """Print why a file can't be read, and each broken rule with its lines."""
    path = DATASETS[name].setting
    if file.failure:
        line = f", line {file.failure.line}" if file.failure.line else ""
        print_error(f"{path}{line}: {file.failure.reason}. {file.failure.remedy}")
    for finding in file.findings:
        lines = ", ".join(map(str, finding.lines)) + (
            ", ..." if finding.count > len(finding.lines) else ""
        )
        where = f"{path}, line {lines}" + ("" if finding.column == "*" else f", {finding.column}")
        (print_error if finding.error else print_info)(
            f"{where}: {finding.reason}. {remedy(name, finding.reason, is_error=finding.error)}"
        )
