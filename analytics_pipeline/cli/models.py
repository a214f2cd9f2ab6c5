"""`analytics-pipeline models`: show the SQL models, and try changes of them in memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    command,
    fail,
    print_error,
    print_info,
    table,
    tabular,
)
from analytics_pipeline.cli.options import whole_number
from analytics_pipeline.cli.tables import plain
from analytics_pipeline.settings import load_settings
from analytics_pipeline.sql_models import Model, Severity, Tested, load_project
from analytics_pipeline.sql_models.compare import Difference, changed_rows, difference, key_of
from analytics_pipeline.sql_models.dbt_project import dbt_files
from analytics_pipeline.sql_models.sandbox import Sandbox, open_sandbox
from analytics_pipeline.sql_models.selection import find, select

app = typer.Typer(
    help="Show the SQL models, or try a change of one in memory.", no_args_is_help=True
)


def _complete(incomplete: str) -> list[str]:
    return [name for name in load_project().models if name.startswith(incomplete)]


FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--models",
        help="Folder with staging/, marts/ and tests/; dbt_like_sql/ by default.",
        file_okay=False,
    ),
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="NAME+",
        autocompletion=_complete,
        help=(
            "A model; NAME+ includes its readers, +NAME the models that it reads. May be repeated."
        ),
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Published file to use instead of that of the settings.", dir_okay=False
    ),
]
RowsOption = Annotated[
    int,
    typer.Option(
        parser=whole_number(0), metavar="INTEGER", help="Print the first rows of each model."
    ),
]


@app.command("list")
@tabular
def list_models(folder: FolderOption = None) -> None:
    """List the models in build order, with the tables that they read."""
    project = load_project(folder)
    rows = [
        (
            name,
            "view" if model.is_view else "table",
            len(model.columns),
            sum(project.home_of(test) == name for test in project.tests.values()),
            ", ".join(sorted(model.depends_on)),
        )
        for name, model in project.models.items()
    ]
    table("Models", ["model", "kind", "columns", "tests", "reads"], rows, ["model"])


@app.command()
@tabular
def show(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=_complete, help="Such as course_summary or marts.course_summary."
        ),
    ],
    folder: FolderOption = None,
) -> None:
    """Show the meaning of a model's rows and columns, its sources, its readers and its tests."""
    project = load_project(folder)
    model = find(project, name)
    print_info(f"{model.qualified}: {model.description}")
    print_info(f"Grain: {', '.join(key_of(project, model)) or 'not declared by a test'}.")
    table("Columns", ["column", "meaning"], list(model.columns.items()), ["column"])
    readers = sorted(
        other.qualified for other in project.models.values() if model.qualified in other.depends_on
    )
    tests = [test for test in project.tests.values() if project.home_of(test) == model.qualified]
    neighbours = [("reads", name) for name in sorted(model.depends_on)] + [
        ("is read by", name) for name in readers
    ]
    table("Lineage", ["direction", "table"], neighbours)
    table(
        "Tests",
        ["test", "description"],
        [(test.name, test.description) for test in tests],
        ["test"],
    )


@app.command()
@tabular
def build(
    selected: SelectOption = None,
    rows: RowsOption = 0,
    changes: Annotated[
        int,
        typer.Option(
            parser=whole_number(0),
            metavar="INTEGER",
            help="Number of changed rows to print, as published and as built.",
        ),
    ] = 0,
    file: FileOption = None,
    folder: FolderOption = None,
) -> None:
    """Build models in memory from analytics.duckdb, and compare their rows with the published ones.

    Writes nothing and needs no private data. A model that reads a private column can't be built:
    the command names it and uses its published rows.

    Exit codes: 0 built, 1 a model failed, 2 no published file, or an invalid .sql file.
    """
    project = load_project(folder)
    with open_sandbox(file or load_settings().published_path, project) as sandbox:
        built, failed = _build(sandbox, selected)
        _print_differences(sandbox, built)
        for model in built:
            if rows:
                _table(
                    f"{model.qualified}, first rows",
                    *sandbox.rows(f"FROM {model.qualified}", rows),
                    model,
                    "rows",
                )
            if changes and not difference(sandbox, model).is_same:
                _table(
                    f"{model.qualified}, changed rows",
                    *changed_rows(sandbox, model, changes),
                    model,
                    "changes",
                )
    raise typer.Exit(INCOMPLETE if failed else DONE)


@app.command()
@tabular
def test(
    selected: SelectOption = None,
    rows: RowsOption = 5,
    file: FileOption = None,
    folder: FolderOption = None,
) -> None:
    """Build models in memory as `build` does, and run the tests that read them.

    Exit codes: 0 all pass, 1 a test or model failed, 2 no published file, or an invalid .sql file.
    """
    project = load_project(folder)
    with open_sandbox(file or load_settings().published_path, project) as sandbox:
        built, failed = _build(sandbox, selected)
        names = {model.qualified for model in (built if selected else project.models.values())}
        results = [
            (test, sandbox.run(test)) for test in project.tests.values() if test.depends_on & names
        ]
        ran = [result for _, result in results if isinstance(result, Tested)]
        _print_tests(sandbox, ran, rows)
        for test, result in results:
            if isinstance(result, str):
                print_info(f"{test.name} was not run: {result}.")
    wrong = [
        result
        for result in ran
        if not result.passed and (result.failure or result.test.severity is Severity.ERROR)
    ]
    print_info(f"{sum(result.passed for result in ran)} of {len(ran)} tests pass.")
    raise typer.Exit(INCOMPLETE if failed or wrong else DONE)


@app.command("export-dbt")
@command
def export_dbt(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A new or empty folder for the project.", file_okay=False
        ),
    ],
    file: FileOption = None,
    folder: FolderOption = None,
) -> None:
    """Write the models as a dbt project: ref, source, descriptions and tests.

    Its profile attaches analytics.duckdb read-only and builds into dev.duckdb. A model that reads
    private columns selects its published rows.

    Exit codes: 0 done, 2 the folder is not empty, no published file, or an invalid .sql file.
    """
    published = (file or load_settings().published_path).absolute()
    if target.exists() and any(target.iterdir()):
        fail(f"{target} is not empty: name a new folder.")
    with open_sandbox(published, load_project(folder)) as sandbox:
        files, blocked = dbt_files(sandbox.project, published, sandbox.blocked), sandbox.blocked
    for name, text in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, reason in blocked.items():
        print_info(
            f"{name} can't be built from the published file: {reason}. The project selects its"
            " published rows."
        )
    print_info(
        f"{target}: {len(files)} files. With dbt-core and dbt-duckdb installed: dbt build"
        f" --project-dir {target} --profiles-dir {target}"
    )


def _build(sandbox: Sandbox, selected: Sequence[str] | None) -> tuple[list[Model], bool]:
    """Build the selected models and print failures.

    Return the built models, and whether any failed.
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


def _print_differences(sandbox: Sandbox, built: Sequence[Model]) -> None:
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


def _print_tests(sandbox: Sandbox, ran: Sequence[Tested], rows: int) -> None:
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
        return "holds"
    return (
        "could not run"
        if tested.failure
        else "fails"
        if tested.test.severity is Severity.ERROR
        else "warns"
    )


def _table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    model: Model,
    contents: str,
) -> None:
    table(
        title,
        columns,
        [[plain(cell) for cell in row] for row in rows],
        key=f"{contents}_of_{model.layer}_{model.name}",
    )
