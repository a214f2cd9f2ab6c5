"""How a step fails: an error that can be foreseen becomes a Dagster failure with its text alone, not worth a retry.

What such an error says is written where it is raised, what a failed file says in `ui/metadata.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import translate_disk_full
from analytics_pipeline.vocareum.errors import Outage

UNUSABLE = "unusable"
"""Metadata of a failure that no file is to blame for: settings, API, bucket or warehouse can't be used."""
FILES_FAILED = "failed"
"""Metadata of a failure that the verdicts of its files explain: their partitions."""


@contextmanager
def report_step_errors() -> Iterator[None]:
    """Turn an error whose text says what to do into a failure of the step that says just that.

    Raises:
        dagster.Failure: such an error was raised inside.
    """
    try:
        with translate_disk_full():
            yield
    except Outage as error:  # other datasets still have their turn
        raise dg.Failure(str(error), allow_retries=False) from None
    except PipelineError as error:
        raise dg.Failure(str(error), metadata={UNUSABLE: True}, allow_retries=False) from None
