"""The command line `analytics-pipeline`. One module per command; the work is done by the packages below."""

import os
from importlib.metadata import version
from typing import Annotated

import typer

from analytics_pipeline.cli import (
    backup,
    close,
    daemon,
    demo,
    dev,
    dictionary,
    doctor,
    erase,
    findings,
    publish,
    quarantine,
    query,
    report,
    status,
    sync,
    webserver,
)

app = typer.Typer(
    name="analytics-pipeline",
    help="From Vocareum's data feed to a DuckDB warehouse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"analytics-pipeline {version('analytics-pipeline')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """From Vocareum's data feed to a DuckDB warehouse."""


app.command()(demo.demo)
app.command()(sync.sync)
app.command()(status.status)
app.command()(doctor.doctor)
app.command(context_settings={"ignore_unknown_options": True})(query.query)  # SQL may start with a comment (--)
app.command()(publish.publish)
app.command()(report.report)
app.command()(dictionary.dictionary)
app.command()(findings.findings)
app.command()(close.close)
app.command()(erase.erase)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(dev.dev)
app.command()(daemon.daemon)
app.command()(webserver.webserver)
app.add_typer(quarantine.app, name="quarantine")


def main() -> None:
    """Run the command line. All files that it and its children write, including Dagster's, are private to their owner."""
    os.umask(0o077)
    app()
