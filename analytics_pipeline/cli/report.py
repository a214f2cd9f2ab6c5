"""`analytics-pipeline report`: write the report page from the published file."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.cli.published import current_file
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.store import FOLDER, Superseded
from analytics_pipeline.warehouse.published_file import store_of


@command
def report(
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File to write. Default: report.html next to the published file."
        ),
    ] = None,
    course: Annotated[
        int | None,
        typer.Option(
            metavar="ID",
            help=(
                "Id of the only course on the page, for its teacher. Default file:"
                " report-course-ID.html."
            ),
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write report.html from the published file.

    One page without names, emails or ids of people, which works offline and can be mailed. With
    --course it holds nothing of other courses. Hours of the day are in REPORT_TIMEZONE; days of
    money are UTC.

    Exit codes: 0 done, 1 it can't be uploaded to the store, 2 the published file is missing, or
    lacks a table or the course.
    """
    from analytics_pipeline.report import write_report  # Altair takes a second to import

    settings = load_settings()
    default = (
        settings.report_path
        if course is None
        else settings.report_path.with_name(f"report-course-{course}.html")
    )
    is_shared = output is None and course is None
    store = store_of(settings) if is_shared else FOLDER
    target = (output or default).absolute()
    address = store.describe(target.name)
    uploaded = f"Uploaded: {address} names it." if address else ""
    try:
        write_report(
            current_file(settings),
            target,
            settings.report_timezone,
            course,
            settings.cache_dir,
            store,
        )
    except Superseded as later:  # the store's report is that of a later published file
        uploaded = later.message
    print_info(f"Written: {target} ({target.stat().st_size / 1e6:.1f} MB)")
    if uploaded:
        print_info(uploaded)
    if show and not webbrowser.open(target.as_uri()):
        print_info("No browser could be opened here: open the file yourself.")
