"""Names of assets, and which runs of a Dagster instance are ours.

An asset's key is the table that it writes. Dagster keeps events by asset key, and runs, for the
whole instance. Several organisations share an instance as one code location each: then every key
begins with the organisation, and each location reads only its own runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.orchestration.dagster_private import REPOSITORY_LABEL_TAG
from analytics_pipeline.settings import Settings

_REPOSITORY = "__repository__"
"""Dagster's name of the one repository in a code location."""


class LocationMisnamed(PipelineError):
    """A code location has another name than its asset keys, so it would not find its runs."""


@dataclass(frozen=True)
class Location:
    """A code location's part of a Dagster instance: its asset keys and its runs.

    Attributes:
        prefix: first part of each asset key and name of the code location, such as `org9417`;
            empty if the instance has one organisation.
    """

    prefix: str = ""

    @classmethod
    def of(cls, settings: Settings) -> "Location":
        """Return the location of an organisation."""
        return cls(settings.key_prefix)

    def asset_key(self, dataset: Dataset) -> dg.AssetKey:
        """Return the asset key of a dataset; its path is the table's name."""
        return self.model_key(dataset.table)

    def model_key(self, name: str) -> dg.AssetKey:
        """Return the asset key of a table. (The ledger and histories belong to the raw assets.)"""
        return dg.AssetKey([*([self.prefix] if self.prefix else []), *name.split(".")])

    @property
    def bucket(self) -> dg.AssetKey:
        """Return the asset key of Vocareum's bucket."""
        return self.model_key("vocareum.bucket")

    @property
    def published(self) -> dg.AssetKey:
        """Return the asset key of the published file."""
        return self.model_key("published.analytics")

    @property
    def report(self) -> dg.AssetKey:
        """Return the asset key of the report page."""
        return self.model_key("published.report")

    def table(self, key: dg.AssetKey) -> str:
        """Return the table of one of our asset keys, such as `raw.lab_sessions`."""
        return ".".join(key.path[1:] if self.prefix else key.path)

    @property
    def key_text(self) -> str:
        """Return the start of our asset keys as Dagster stores them; empty for all keys."""
        return f'["{self.prefix}", ' if self.prefix else ""

    @property
    def run_tags(self) -> Mapping[str, str]:
        """Return the tags of our runs. Dagster sets the same ones on the runs that it launches."""
        return {REPOSITORY_LABEL_TAG: f"{_REPOSITORY}@{self.prefix}"} if self.prefix else {}

    def runs(self, *, tags: Mapping[str, str] | None = None, **conditions: Any) -> dg.RunsFilter:
        """Return a filter for our runs.

        Args:
            tags: tags that they must have, too.
            conditions: other conditions of `dagster.RunsFilter`.
        """
        return dg.RunsFilter(tags={**self.run_tags, **(tags or {})}, **conditions)

    def require_name(self, context: dg.SensorEvaluationContext) -> None:
        """Check that the code location has the name by which its runs are found.

        Raises:
            LocationMisnamed: it has another one.
        """
        origin = context.code_location_origin
        if self.prefix and origin and origin.location_name != self.prefix:
            raise LocationMisnamed(
                f"This code location is called {origin.location_name}, but its asset keys begin"
                f" with {self.prefix} (ANALYTICS_KEY_PREFIX), so it would not find its runs.",
                "Add the organisation with `analytics-pipeline workspace add FILE`, and start"
                " Dagster with `analytics-pipeline dev` or `daemon`.",
            )


ALONE = Location()
"""The location of an instance with one organisation."""
