"""`analytics-pipeline fetch`: get the published file and the report from the store."""

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    command,
    fail,
    print_error,
    print_info,
)
from analytics_pipeline.settings import load_settings
from analytics_pipeline.warehouse.published_file import published_file, store_of


@command
def fetch() -> None:
    """Get the current published file and report from the store.

    Needs ANALYTICS_PUBLISHED_STORE, and no warehouse. Downloads only what differs.

    Exit codes: 0 done, 1 the store can't be read or has nothing yet, 2 no store is set.
    """
    settings = load_settings()
    if not settings.published_store:
        fail("ANALYTICS_PUBLISHED_STORE is not set: there is no store to fetch from.")
    store, is_complete = store_of(settings), True
    published, report = published_file(settings), store.fetch(settings.report_path)
    for path, fetched, problem in (
        (published.path, published.fetched, published.notice),
        (settings.report_path, report, str(report.problem or "")),
    ):
        version = fetched.pointer.version if fetched.pointer else None
        if version and not problem:
            at, size = f"{version.at:%Y-%m-%d %H:%M} UTC", f"{version.size / 1e6:,.1f} MB"
            print_info(f"{path}: the version of {at}, {size}.")
        else:
            print_error(problem or f"{store.describe(path.name)} is missing: nothing is published.")
            is_complete = False
    raise typer.Exit(DONE if is_complete else INCOMPLETE)
