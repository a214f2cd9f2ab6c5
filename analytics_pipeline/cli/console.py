"""Console output of all commands: tables, progress, errors with their remedy, exit codes.

A table is drawn on a terminal, is tab-separated text in a pipe or file, and is an array of objects
with `--json`.
"""

import functools
import inspect
import json
import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO, TypeVar, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer.exceptions import TyperException

from analytics_pipeline.cli.env_file import read_env_file
from analytics_pipeline.cli.standard_output import unescaped
from analytics_pipeline.cli.tables import drawn, printable, text_field
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import file_error_text, translate_disk_full

if TYPE_CHECKING:  # importing it takes pandera and polars, which `query` does not need
    from analytics_pipeline.warehouse.checks import Check

DONE, INCOMPLETE, UNUSABLE = 0, 1, 2
"""Exit codes: done; a file failed or is missing; settings, credentials or the warehouse are
unusable."""

_WIDE = 160
"""Columns of output that is not a terminal: a file or a log."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE)


@dataclass
class _OutputOptions:
    """Output options of the running command.

    Attributes:
        as_json: whether to print one JSON document instead of text.
        quiet: whether to omit notes and progress.
        tables: rows given to `table`, by key, for the document.
        notes, problems: texts given to `print_info` and `print_error`, for the document.
        has_own_document: whether the command printed its own document.
    """

    as_json: bool = False
    quiet: bool = False
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    has_own_document: bool = False


_output = _OutputOptions()

Command = TypeVar("Command", bound=Callable[..., Any])

_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="Print no notes and no progress.")]
_VERBOSE = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print the pipeline's log on stderr.")
]


def command(function: Command) -> Command:
    """Load `.env` first, and turn expected errors into a message and exit code 2.

    Adds `--quiet` and `--verbose`.
    """
    return _command(function, {"quiet": _QUIET, "verbose": _VERBOSE})


def tabular(function: Command) -> Command:
    """Extend `command` for commands that print tables: adds `--json`.

    The document is an object: each table by its key as an array of objects, `notes` and `problems`
    as arrays of texts.
    """
    return _command(function, {"as_json": _JSON, "quiet": _QUIET, "verbose": _VERBOSE})


def _command(function: Command, options: dict[str, Any]) -> Command:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        global _output
        values = {name: kwargs.pop(name, False) for name in options}
        _output = _OutputOptions(values.get("as_json", False), values["quiet"])
        with _logged(verbose=values["verbose"]):
            try:
                return _run(function, *args, **kwargs)
            finally:
                if _output.as_json and not _output.has_own_document:
                    print_json(
                        {**_output.tables, "notes": _output.notes, "problems": _output.problems}
                    )
                _output = _OutputOptions()  # its options end with the command

    signature = inspect.signature(function, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in options.items()
    ]
    wrapped.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]
    return cast(Command, wrapped)


def _run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        if file := read_env_file():
            err.print(
                printable(f"Settings loaded from {file}."),
                style="dim",
                markup=False,
                soft_wrap=True,
            )
        with translate_disk_full():
            return function(*args, **kwargs)
    except PipelineError as error:
        fail(str(error), error.exit_code)
    except OSError as error:
        fail(file_error_text(error))
    except (typer.Exit, typer.Abort, TyperException):
        raise
    except Exception as error:
        _output.problems.append(
            f"This command ended by a fault of its own ({type(error).__name__}). Report it with the"
            " traceback, which is on stderr."
        )
        raise
    except KeyboardInterrupt:
        fail("Interrupted. Nothing is half done: run the same command again to continue.", 130)


@contextmanager
def _logged(*, verbose: bool) -> Iterator[None]:
    """Print this package's log from INFO on to stderr, if requested."""
    if not verbose:
        yield
        return
    logger, handler = logging.getLogger("analytics_pipeline"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before, logger.propagate = (logger.level, logger.propagate), False
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


def wants_json() -> bool:
    """Return whether the running command has `--json`."""
    return _output.as_json


def print_json(document: object) -> None:
    """Print a JSON document as the command's only output.

    Decimals and times are strings, NULL is null.
    """
    _output.has_own_document = True
    typer.echo(json.dumps(document, default=str))


def print_text(write: Callable[[TextIO], None]) -> None:
    """Let a function write the command's only output to stdout."""
    _output.has_own_document = True
    with unescaped() as stream:
        write(stream)


def fail(text: str, code: int = UNUSABLE) -> NoReturn:
    """Print an error and end with an exit code."""
    print_error(text)
    raise typer.Exit(code)


def print_error(text: str) -> None:
    """Print an error to stderr."""
    _output.problems.append(text)
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


def print_failing(failing: Sequence["Check"], withheld: Iterable[str]) -> int:
    """Print what a publication withholds, and each failing check; return the exit code.

    Args:
        failing: the ERROR checks of `ops.checks` that fail.
        withheld: lines about tables that are not published in their current state.
    """
    for line in withheld:
        print_error(line)
    print_checks(failing)
    return INCOMPLETE if failing else DONE


def print_info(text: str, label: tuple[str, str] | None = None) -> None:
    """Print a line of text, after a label in its colour, unless the command is quiet."""
    _output.notes.append(text)
    if not (_output.as_json or _output.quiet):
        if label:
            out.print(label[0], style=label[1], end=" ")
        out.print(printable(text), markup=False, soft_wrap=True)


def print_hint(text: str) -> None:
    """Print on stderr what is not data, so that a pipe gets only the rows."""
    if not (_output.as_json or _output.quiet):
        err.print(printable(text), style="dim", markup=False, soft_wrap=True)


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    unbroken: Collection[str] = (),
    key: str | None = None,
) -> None:
    """Print a table.

    Args:
        title: heading. In a pipe it goes to stderr, so that stdout holds only rows.
        columns: column names, as text.
        rows: cells in the order of the columns. Integers are right-aligned.
        unbroken: columns whose cells are not wrapped.
        key: name in the JSON document. Defaults to the title in snake case.
    """
    if _output.as_json:
        names = [_snake(name) for name in columns]
        _output.tables[key or _snake(title)] = [dict(zip(names, row, strict=True)) for row in rows]
    elif out.is_terminal:
        drawing = drawn(title, columns, rows, unbroken, out.width)
        out.print(drawing, crop=False)  # the terminal wraps cells that must not break
    else:
        if title:
            print_hint(title)
        for row in (columns, *rows):
            typer.echo("\t".join(map(text_field, row)))


def _snake(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower()).strip("_")


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar, or lines off a terminal; yield the function that advances it by one."""
    if _output.as_json or _output.quiet:
        yield lambda: None
        return
    if not out.is_terminal:
        yield _lines(label, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)


def _lines(label: str, total: int) -> Callable[[], None]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done == total or done % max(1, total // 10) == 0:
            print_info(f"{label}: {done} of {total}")

    return advance
