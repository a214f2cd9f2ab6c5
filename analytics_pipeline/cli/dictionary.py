"""`analytics-pipeline dictionary`: describe every table and column on one page, or for dbt."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.operations.data_dictionary import data_dictionary
from analytics_pipeline.operations.dbt_sources import dbt_sources
from analytics_pipeline.sql_models import documentation, load_project
from analytics_pipeline.storage.atomic_write import replacing


class Format(StrEnum):
    """Output format of the dictionary."""

    MARKDOWN = "markdown"
    DBT = "dbt"


@command
def dictionary(
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help=(
                "markdown, or dbt: a sources.yml of marts and staging with descriptions and tests."
            ),
        ),
    ] = Format.MARKDOWN,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it to this file.", dir_okay=False)
    ] = None,
) -> None:
    """Print the data dictionary, as Markdown or for dbt.

    For dbt it is a sources.yml. It is generated from the declarations and from the comments in the
    SQL models.
    """
    project = load_project()
    models = documentation(project)
    page = dbt_sources(models, project) if form is Format.DBT else data_dictionary(models)
    if output is None:
        typer.echo(page, nl=False)
    else:
        with replacing(output.absolute()) as fresh:
            fresh.write_text(page, encoding="utf-8")
        print_info(f"Wrote {output}.")
