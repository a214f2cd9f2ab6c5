"""Console output of all commands: tables, progress, errors with their remedy, exit codes."""

import functools
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from analytics_pipeline.cli.env_file import read_env_file
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import translate_disk_full

if TYPE_CHECKING:  # importing it takes pandera and polars, which `query` does not need
    from analytics_pipeline.warehouse.checks import Check

_SHORT = 16  # characters; shorter cells are not wrapped

DONE, INCOMPLETE, UNUSABLE = 0, 1, 2
"""Exit codes: done; a file failed or is missing; settings, credentials or the warehouse are unusable."""

_WIDE = 160
"""Columns of output that is not a terminal: a file or a log."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE)


Command = TypeVar("Command", bound=Callable[..., Any])


def command(function: Command) -> Command:
    """Load `.env` first, and turn a foreseeable error into its message and exit code 2."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            if file := read_env_file():
                err.print(printable(f"Settings loaded from {file}."), style="dim", markup=False, soft_wrap=True)
            with translate_disk_full():
                return function(*args, **kwargs)
        except PipelineError as error:
            fail(str(error), error.exit_code)
        except OSError as error:
            fail(f"{error.strerror or error}: {error.filename or 'unknown file'}. Check the disk and the permissions.")
        except KeyboardInterrupt:
            fail("Interrupted. Nothing is half done: run the same command again to continue.", 130)

    return cast(Command, wrapped)


def fail(text: str, code: int = UNUSABLE) -> NoReturn:
    """Print an error and end with an exit code."""
    print_error(text)
    raise typer.Exit(code)


def print_error(text: str) -> None:
    """Print an error to stderr."""
    err.print(printable(text), style="red", markup=False, soft_wrap=True)


def print_checks(failing: Iterable["Check"], reported: Collection[str] = ()) -> None:
    """Print each failing check with its remedy.

    Args:
        failing: checks from `ops.checks`.
        reported: keys of files already reported; a check about one of them is skipped.
    """
    for check in failing:
        if not any(key in check.text for key in reported):
            print_error(str(check))


def known_dataset(name: str) -> str:
    """Return the name if it is a dataset; otherwise end the command."""
    from analytics_pipeline.datasets import DATASETS  # imports pandera and polars, which `query` does not need

    if name not in DATASETS:
        fail(f"There is no dataset {name!r}. The datasets are: {', '.join(DATASETS)}.")
    return name


def print_info(text: str) -> None:
    """Print a line of prose."""
    out.print(printable(text), markup=False, soft_wrap=True)


def files(count: int) -> str:
    """Return a count of files, such as `1 file`."""
    return f"{count:,} {'file' if count == 1 else 'files'}"


def printable(text: str) -> str:
    """Escape characters that could control a terminal: delivered cells and keys may hold anything."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def one_line(text: str) -> str:
    """Return a sender's text for use within a line; it can't start a new one."""
    return printable(text).replace("\n", "\\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], whole: Collection[str] = ()) -> None:
    """Print a table, with numbers right-aligned. Cells of the columns in `whole` are not wrapped."""
    # Text objects, because Rich would take `[x]` in a str as markup.
    made = Table(
        title=Text(printable(title)) if title else None, title_justify="left", title_style="bold", expand=False
    )
    least = 3 * len(columns) + 1
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int) for row in rows)
        longest = max(len(_cell(cell)) for cell in (name, *(row[index] for row in rows)))
        unbroken = name in whole or all(len(str(row[index])) <= _SHORT for row in rows)
        least += longest if unbroken else _SHORT
        made.add_column(
            Text(printable(name)), justify="right" if numeric else "left", overflow="fold", no_wrap=unbroken
        )
    for row in rows:
        made.add_row(*(Text(_cell(cell)) for cell in row))
    # On a narrow terminal Rich truncates cells that must not wrap, even numbers. Let the terminal wrap instead.
    if least > out.width:
        made.width = least
    out.print(made, crop=False)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal, occasional lines elsewhere; yield the function that advances it by one."""
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
