"""The config of a run that loads a dataset."""

from dataclasses import dataclass

import dagster as dg


@dataclass(frozen=True)
class LoadConfig:
    """Config of a raw asset's run.

    Attributes:
        full: fetch and load every file again, even if it is loaded.
        only: partitions of the run's range (courses of a snapshot) to load; all of them if empty.
        versions: the version of each of these partitions at the time of the request. Selects
            nothing; if the run dies, it records which versions the run attempted.
        retry_failed: whether to retry versions that could not be loaded; schedules, which compare
            the whole dataset with the bucket, leave that to the sensor, which spaces the retries.
    """

    full: bool
    only: list[str]
    versions: dict[str, str]
    retry_failed: bool


# Plain types: a field of `dg.Config` would accept {"env": NAME}, and so read any variable, even the
# token's.
CONFIG_SCHEMA = {
    "full": dg.Field(bool, default_value=False, description="Fetch and load every file again."),
    "only": dg.Field(
        [str],
        default_value=[],
        description="Partitions (courses of a snapshot) to load; all if empty.",
    ),
    "versions": dg.Field(
        {str: str}, default_value={}, description="The versions that the run attempts."
    ),
    "retry_failed": dg.Field(
        bool, default_value=True, description="Retry versions that could not be loaded."
    ),
}
