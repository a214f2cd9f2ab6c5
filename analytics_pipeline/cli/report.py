"""`analytics-pipeline report`: write the report page from the published file."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.settings import load_settings


@command
def report(
    output: Annotated[
        Path | None,
        typer.Option(help="File to write. Default: report.html next to the published file."),
    ] = None,
    course: Annotated[
        int | None,
        typer.Option(
            help=(
                "Id of the only course on the page, for its teacher. Default file:"
                " report-course-ID.html."
            )
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write report.html from the published file.

    One page without names, emails or ids of people, which works offline and can be mailed. With
    --course it holds nothing of other courses. Hours of the day are in REPORT_TIMEZONE; days of
    money are UTC.

    Exit codes: 0 done, 2 the published file is missing, or lacks a table or the course.
    """
    from analytics_pipeline.report import write_report  # Altair takes a second to import

    settings = load_settings()
    usual = (
        settings.report_path
        if course is None
        else settings.report_path.with_name(f"report-course-{course}.html")
    )
    target = write_report(
        settings.published_path,
        (output or usual).absolute(),
        settings.report_timezone,
        course,
        settings.cache_dir,
    )
    print_info(f"Written: {target} ({target.stat().st_size / 1e6:.1f} MB)")
    if show and not webbrowser.open(target.as_uri()):
        print_info("No browser could be opened here: open the file yourself.")
