"""Build models in the sandbox, and print their differences and the results of their tests."""

from collections.abc import Sequence

from analytics_pipeline.cli.console import print_error, print_info, table
from analytics_pipeline.cli.tables import plain
from analytics_pipeline.sql_models import Model, Severity, Tested
from analytics_pipeline.sql_models.compare import Difference, difference
from analytics_pipeline.sql_models.sandbox import Sandbox
from analytics_pipeline.sql_models.selection import find, select


def build_selected(sandbox: Sandbox, selected: Sequence[str] | None) -> tuple[list[Model], bool]:
    """Build the selected models, and print failures.

    Returns:
        The built models, and whether any failed.
    """
    project = sandbox.project
    chosen = select(project, selected or ())
    named = {find(project, pattern.strip("+")).qualified for pattern in selected or ()}
    results = sandbox.build(sandbox.plan(chosen))
    for result in results:
        if result.failure:
            print_error(f"{result.model.qualified} was not built: {result.failure}")
    blocked = [model.qualified for model in chosen if model.qualified in sandbox.blocked]
    for name in blocked:
        text = f"{name} can't be built from the published file: {sandbox.blocked[name]}."
        if name in named:
            print_error(
                f"{text} Try it with `analytics-pipeline demo`, or ask who runs the pipeline to"
                " build it."
            )
        else:
            print_info(f"{text} Its published rows are used.")
    failed = any(result.failure for result in results) or bool(named & set(blocked))
    return [result.model for result in results if not result.failure], failed


def print_differences(sandbox: Sandbox, built: Sequence[Model]) -> None:
    """Print for each built model how its rows differ from the published ones."""
    differences = {model.qualified: difference(sandbox, model) for model in built}
    rows = [
        (
            name,
            change.rows,
            change.before,
            change.added,
            change.removed,
            change.changed,
            _columns(change),
        )
        for name, change in differences.items()
    ]
    columns = ["model", "rows", "published", "added", "removed", "changed", "columns that differ"]
    table(
        "Built in memory, compared with the published file", columns, rows, ["model"], key="built"
    )
    if same := sum(change.is_same for change in differences.values()):
        print_info(f"{same} of {len(differences)} are as published.")


def _columns(change: Difference) -> str:
    parts = [f"{name}: {count:,}" for name, count in change.columns.items()]
    parts += [f"{name}: new" for name in change.added_columns] if change.before is not None else []
    parts += [f"{name}: gone" for name in change.removed_columns]
    return "; ".join([*parts, *change.retyped])


def print_tests(sandbox: Sandbox, ran: Sequence[Tested], rows: int) -> None:
    """Print the verdicts, and of each test that fails its meaning and its first `rows` rows."""
    table(
        "Tests",
        ["test", "verdict", "rows"],
        [(result.test.name, _verdict(result), result.violations) for result in ran],
        ["test"],
    )
    for result in ran:
        if result.failure:
            print_error(f"{result.test.name} could not run: {result.failure}")
        elif not result.passed:
            (print_error if result.test.severity is Severity.ERROR else print_info)(
                f"{result.test.name}: {result.test.description}"
            )
            if rows:
                columns, violating = sandbox.rows(result.test.sql, rows)
                table(
                    result.test.name, columns, [[plain(cell) for cell in row] for row in violating]
                )


def _verdict(tested: Tested) -> str:
    if tested.passed:
        return "passes"
    return (
        "could not run"
        if tested.failure
        else "fails"
        if tested.test.severity is Severity.ERROR
        else "warns"
    )


def print_rows(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    model: Model,
    contents: str,
) -> None:
    """Print rows of a model; `contents` names them in the JSON document, such as `changes`."""
    table(
        title,
        columns,
        [[plain(cell) for cell in row] for row in rows],
        key=f"{contents}_of_{model.layer}_{model.name}",
    )
