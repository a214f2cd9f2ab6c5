"""Turn foreseeable errors into Dagster failures with only their text, and without a retry.

The error's text is written where it is raised. `ui/metadata.py` describes failed files.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import file_error_text, translate_disk_full
from analytics_pipeline.vocareum.errors import Outage

UNUSABLE = "unusable"
"""Metadata of a failure that is no file's fault: settings, API, bucket or warehouse are
unusable."""
FILES_FAILED = "failed"
"""Metadata of a failure that the results of its files explain: their partitions."""


@contextmanager
def report_step_errors() -> Iterator[None]:
    """Turn a PipelineError into a failure of the step that shows exactly its text.

    Raises:
        dagster.Failure: such an error, or one of a file or folder, was raised inside the block.
    """
    try:
        with translate_disk_full():
            yield
    except Outage as error:  # other datasets are still tried
        raise dg.Failure(str(error), allow_retries=False) from None
    except PipelineError as error:
        raise dg.Failure(str(error), metadata={UNUSABLE: True}, allow_retries=False) from None
    except OSError as error:
        if not error.filename:  # it is not one of the disk or the permissions
            raise
        raise dg.Failure(file_error_text(error)) from error
