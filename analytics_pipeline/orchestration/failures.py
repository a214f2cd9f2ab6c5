"""How a step fails: an error that can be foreseen becomes a Dagster failure with its text alone, not worth a retry."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from analytics_pipeline.errors import FORESEEABLE


@contextmanager
def foreseeable() -> Iterator[None]:
    """Turn an error whose text says what to do into a failure of the step that says just that.

    Raises:
        dagster.Failure: such an error was raised inside.
    """
    try:
        yield
    except FORESEEABLE as error:
        raise dg.Failure(str(error), allow_retries=False) from None
