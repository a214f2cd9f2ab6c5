"""The quarantine limit: with more rejects a file fails as a whole, and its previous rows stay."""

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.csv.header import FileRefused
from analytics_pipeline.words import words

MAX_REJECT_SHARE = 0.10
MAX_REJECTS = 20
"""A file fails if more than this share of its records *and* more than this number of them are
rejected."""
KEPT_OF_A_FAILED_FILE = 1_000
"""Number of rejects kept of a failed file; the file itself stays in the landing folder."""


def over_limit(dataset: Dataset, rejects: int, records: int) -> FileRefused | None:
    """Return the failure of a file with too many rejects; None if it is within the limit."""
    if rejects <= MAX_REJECTS or rejects <= MAX_REJECT_SHARE * records:
        return None
    return FileRefused(
        words(
            "{:,} of {:,} records are rejected, more than {:.0%}",
            rejects,
            records,
            MAX_REJECT_SHARE,
        ),
        words(
            "See why with `analytics-pipeline quarantine list --dataset {0}`. If the file is"
            " damaged, {1}; if the rule is wrong, change analytics_pipeline/datasets/{0}.py and run"
            " `analytics-pipeline quarantine replay`.",
            dataset.word,
            dataset.request,
        ),
    )
