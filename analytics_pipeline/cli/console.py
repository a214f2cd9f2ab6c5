"""How commands speak: tables, progress, errors with their remedy, exit codes. No command's own words belong here."""

import functools
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from analytics_pipeline.cli.env_file import read_env_file
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import translate_disk_full
from analytics_pipeline.warehouse.checks import Check

_SHORT = 16  # characters of a cell that is not broken over lines

DONE, INCOMPLETE, UNUSABLE = 0, 1, 2
"""Exit codes: done; some file failed or is missing; settings, credentials or the warehouse can't be used."""

_WIDE = 160
"""Columns of a page that is no terminal: a file or a log."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE)


Command = TypeVar("Command", bound=Callable[..., Any])


def command(function: Command) -> Command:
    """Read `.env` first, and turn a foreseeable error into its text and exit code 2."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            if file := read_env_file():
                err.print(printable(f"Settings are read from {file}."), style="dim", markup=False, soft_wrap=True)
            with translate_disk_full():
                return function(*args, **kwargs)
        except PipelineError as error:
            fail(str(error), error.exit_code)
        except OSError as error:
            fail(f"{error.strerror or error}: {error.filename or 'unknown file'}. Check the disk and the permissions.")
        except KeyboardInterrupt:
            fail("Interrupted. Nothing is half done: run the same command again to go on.", 130)

    return cast(Command, wrapped)


def fail(text: str, code: int = UNUSABLE) -> NoReturn:
    """Say what is wrong and end with an exit code."""
    print_error(text)
    raise typer.Exit(code)


def print_error(text: str) -> None:
    """Say what is wrong, on stderr."""
    err.print(printable(text), style="red", markup=False, soft_wrap=True)


def print_checks(failing: Iterable[Check], told: Collection[str] = ()) -> None:
    """Print each failing check with its remedy.

    Args:
        failing: as `ops.checks` holds them.
        told: keys of files that people have been told of already: a check that is about one of them is left out.
    """
    for check in failing:
        if not any(key in check.text for key in told):
            print_error(str(check))


def known_dataset(name: str) -> str:
    """A dataset's name as given; ends the command where there is no such dataset."""
    if name not in DATASETS:
        fail(f"There is no dataset {name!r}. The datasets are: {', '.join(DATASETS)}.")
    return name


def print_info(text: str) -> None:
    """A line of prose."""
    out.print(printable(text), markup=False, soft_wrap=True)


def files(count: int) -> str:
    """So many files."""
    return f"{count:,} {'file' if count == 1 else 'files'}"


def printable(text: str) -> str:
    """Text without what would steer a terminal: delivered cells and keys may hold anything."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def one_line(text: str) -> str:
    """A sender's text within a line of ours: it can't begin a line of its own."""
    return printable(text).replace("\n", "\\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], whole: Collection[str] = ()) -> None:
    """A table; whole numbers stand at the right, and cells of the columns in `whole` are not broken over lines."""
    # Text, as Rich takes `[x]` in a str for markup.
    made = Table(
        title=Text(printable(title)) if title else None, title_justify="left", title_style="bold", expand=False
    )
    least = 3 * len(columns) + 1
    for at, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[at], int) for row in rows)
        longest = max(len(_cell(one)) for one in (name, *(row[at] for row in rows)))
        unbroken = name in whole or all(len(str(row[at])) <= _SHORT for row in rows)
        least += longest if unbroken else _SHORT
        made.add_column(
            Text(printable(name)), justify="right" if numeric else "left", overflow="fold", no_wrap=unbroken
        )
    for row in rows:
        made.add_row(*(Text(_cell(cell)) for cell in row))
    # Rich cuts what may not be broken, numbers too, where a terminal is too narrow for it: rather have the terminal wrap.
    if least > out.width:
        made.width = least
    out.print(made, crop=False)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, a line now and then elsewhere; yields the function that counts one up."""
    if not out.is_terminal:
        yield _lines(what, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def _lines(what: str, total: int) -> Callable[[], None]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done == total or done % max(1, total // 10) == 0:
            print_info(f"{what}: {done} of {total}")

    return advance
