"""`analytics-pipeline models`: show the SQL models, and try changes of them in memory."""

from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    command,
    fail,
    print_info,
    table,
    tabular,
)
from analytics_pipeline.cli.model_results import (
    build_selected,
    print_differences,
    print_rows,
    print_tests,
)
from analytics_pipeline.cli.options import whole_number
from analytics_pipeline.cli.published import current_file
from analytics_pipeline.settings import load_settings
from analytics_pipeline.sql_models import Severity, Tested, load_project
from analytics_pipeline.sql_models.compare import changed_rows, difference
from analytics_pipeline.sql_models.dbt_project import dbt_files
from analytics_pipeline.sql_models.keys import grain
from analytics_pipeline.sql_models.sandbox import open_sandbox
from analytics_pipeline.sql_models.selection import find
from analytics_pipeline.words import counted

app = typer.Typer(
    help="Show the SQL models, or try a change of one in memory.", no_args_is_help=True
)


def _complete(incomplete: str) -> list[str]:
    return [name for name in load_project().models if name.startswith(incomplete)]


FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="DIR",
        help="Folder with staging/, marts/ and tests/; dbt_like_sql/ by default.",
        exists=True,
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
        "--from",
        metavar="FILE",
        help="Published file to use instead of that of the settings.",
        dir_okay=False,
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
    """List the models in build order.

    Shows the tables that each one reads.
    """
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
            metavar="MODEL",
            autocompletion=_complete,
            help="Such as course_summary or marts.course_summary.",
        ),
    ],
    folder: FolderOption = None,
) -> None:
    """Show a model's columns, sources, readers and tests."""
    project = load_project(folder)
    model = find(project, name)
    print_info(f"{model.qualified}: {model.description}")
    print_info(f"Grain: {', '.join(grain(model, project.tests)) or 'not declared by a test'}.")
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
    """Build models in memory, and compare with the published rows.

    Builds from analytics.duckdb. Writes nothing and needs no private data. A model that reads a
    private column can't be built: the command names it and uses its published rows.

    Exit codes: 0 built, 1 a model failed, 2 no published file, or an invalid .sql file.
    """
    project = load_project(folder)
    with open_sandbox(file or current_file(load_settings()), project) as sandbox:
        built, failed = build_selected(sandbox, selected)
        print_differences(sandbox, built)
        for model in built:
            if rows:
                print_rows(
                    f"{model.qualified}, first rows",
                    *sandbox.rows(f"FROM {model.qualified}", rows),
                    model,
                    "rows",
                )
            if changes and not difference(sandbox, model).is_same:
                print_rows(
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
    """Build models in memory, and run the tests that read them.

    Exit codes: 0 all pass, 1 a test or model failed, 2 no published file, or an invalid .sql file.
    """
    project = load_project(folder)
    with open_sandbox(file or current_file(load_settings()), project) as sandbox:
        built, failed = build_selected(sandbox, selected)
        names = {model.qualified for model in (built if selected else project.models.values())}
        results = [
            (test, sandbox.run(test)) for test in project.tests.values() if test.depends_on & names
        ]
        ran = [result for _, result in results if isinstance(result, Tested)]
        print_tests(sandbox, ran, rows)
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
    """Write the models as a dbt project.

    It has ref, source, descriptions and tests. Its profile attaches analytics.duckdb read-only and
    builds into dev.duckdb. A model that reads private columns selects its published rows.

    Exit codes: 0 done, 2 the folder is not empty, no published file, or an invalid .sql file.
    """
    published = (file or current_file(load_settings())).absolute()
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
        f"{target}: {counted(len(files), 'file')}. With dbt-core and dbt-duckdb installed:"
        f" dbt build --project-dir {target} --profiles-dir {target}"
    )
