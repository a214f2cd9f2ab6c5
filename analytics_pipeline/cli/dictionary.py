"""`analytics-pipeline dictionary`: describe every table and column on one page."""

from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.operations.data_dictionary import data_dictionary
from analytics_pipeline.sql_models import documentation, load_project
from analytics_pipeline.warehouse.files import replacing


@command
def dictionary(
    output: Annotated[Path | None, typer.Option(help="Write it to this file.", dir_okay=False)] = None,
) -> None:
    """Print the data dictionary as Markdown.

    It is generated from the declarations and from the comments in the SQL models.
    """
    page = data_dictionary(documentation(load_project()))
    if output is None:
        typer.echo(page, nl=False)
    else:
        with replacing(output.absolute()) as fresh:
            fresh.write_text(page, encoding="utf-8")
        print_info(f"Wrote {output}.")
