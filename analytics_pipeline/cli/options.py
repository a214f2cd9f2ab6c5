"""Options that several commands share, with their parsers, checks and completion."""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer


def whole_number(least: int, most: int | None = None) -> Callable[[str | int], int]:
    """Return an option's parser whose error names the wrong number and the allowed range.

    Typer's own error does not.
    """
    allowed = (
        f"give a whole number from {least} to {most}"
        if most
        else f"give a whole number, {least} or more"
    )

    def parse(text: str | int) -> int:
        with suppress(ValueError):
            number = int(text)
            if least <= number and (most is None or number <= most):
                return number
        raise typer.BadParameter(f"{text!r} is not allowed: {allowed}.")

    return parse


def known_dataset(name: str) -> str:
    """Return an option's value if it is a dataset.

    Raises:
        typer.BadParameter: there is no such dataset.
    """
    # This imports pandera and polars, which `query` does not need.
    from analytics_pipeline.datasets import DATASETS

    if name not in DATASETS:
        raise typer.BadParameter(
            f"There is no dataset {name!r}. The datasets are: {', '.join(DATASETS)}."
        )
    return name


def complete_dataset(incomplete: str) -> list[str]:
    """Return the datasets with this prefix, for shell completion."""
    from analytics_pipeline.datasets import DATASETS

    return [name for name in DATASETS if name.startswith(incomplete)]


DatasetOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        autocompletion=complete_dataset,
        callback=lambda name: known_dataset(name) if name else None,
        help="Only this dataset.",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--file", metavar="TEXT", help="Only files whose key contains this text."),
]
LimitOption = Annotated[
    int,
    typer.Option(
        parser=whole_number(1), metavar="INTEGER", help="Maximum number of lines to show."
    ),
]
PortOption = Annotated[
    int, typer.Option(parser=whole_number(1, 65_535), metavar="INTEGER", help="Port of the UI.")
]
