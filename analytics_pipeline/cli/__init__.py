"""The command line `analytics-pipeline`.

One module per command; the work is done by the packages below.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperGroup
from typer.exceptions import TyperException

from analytics_pipeline.cli.env_file import choose_env_file
from analytics_pipeline.cli.standard_output import (
    lost_output_reported,
    tolerate_lost_output,
)

COMMANDS = {
    "demo": "demo:demo",
    "sync": "sync:sync",
    "status": "status:status",
    "doctor": "doctor:doctor",
    "query": "query:query",
    "publish": "publish:publish",
    "report": "report:report",
    "fetch": "fetch:fetch",
    "dictionary": "dictionary:dictionary",
    "findings": "findings:findings",
    "close": "close:close",
    "erase": "erase:erase",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "maintain": "maintain:maintain",
    "move": "move:move",
    "dev": "dev:dev",
    "daemon": "daemon:daemon",
    "webserver": "webserver:webserver",
    "workspace": "workspace:app",
    "quarantine": "quarantine:app",
    "budgets": "budgets:app",
    "models": "models:app",
}
"""Module in `cli/` and function or group of each command, in the order of the help."""
TAKES_DASHES = frozenset({"query"})
"""Commands whose argument may start with a dash: SQL may start with a comment (--)."""


class LazyCommands(Mapping[str, Any]):
    """The commands by name. A command's module is imported on first use.

    `query` therefore does not import boto3, polars and pandera, which takes longer than most
    queries.
    """

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"{__name__}.{module}"), attribute)
        group = typer.Typer(add_completion=False, rich_markup_mode=None, callback=lambda: None)
        if isinstance(command, typer.Typer):
            group.add_typer(command, name=name)
        else:
            group.command(name, context_settings={"ignore_unknown_options": name in TAKES_DASHES})(
                command
            )
        loaded = typer.main.get_group(group).commands[name]
        _name_arguments(loaded)
        return loaded

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _name_arguments(command: Any) -> None:
    """Let the help show arguments by name alone: Typer adds the type, as in `NAME <str>`."""
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            parameter.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
    for subcommand in getattr(command, "commands", {}).values():
        _name_arguments(subcommand)


class _Group(TyperGroup):
    """All commands. With --json, the parser's errors are in the JSON document, too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"commands": LazyCommands()})

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> Any:
        as_json = "--json" in args  # parsing empties the list
        with _told_in_json(as_json):
            context = super().make_context(info_name, args, *more, **extra)
        context.meta[__name__] = as_json
        return context

    def invoke(self, ctx: Any) -> Any:
        with _told_in_json(ctx.meta[__name__]):
            return super().invoke(ctx)


@contextmanager
def _told_in_json(as_json: bool) -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        if as_json:
            from analytics_pipeline.cli.console import print_json

            print_json({"notes": [], "problems": [error.format_message()]})
        raise


app = typer.Typer(
    name="analytics-pipeline",
    cls=_Group,
    help="From Vocareum's data feed to a DuckDB warehouse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"analytics-pipeline {version('analytics-pipeline')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with all settings, instead of .env and the environment.",
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """From Vocareum's data feed to a DuckDB warehouse."""
    choose_env_file(env_file)


def main() -> None:
    """Run the command line.

    All files that it and its children write, including Dagster's, are private to their owner.
    """
    os.umask(0o077)
    tolerate_lost_output()
    with lost_output_reported():
        app()
