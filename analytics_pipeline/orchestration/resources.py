"""The doors to the outside as Dagster resources: the feed's bucket and the warehouse. Settings show in the UI, secrets don't.

What they open belongs in `vocareum/` and `warehouse/`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_aws.s3 import S3Resource
from dagster_duckdb import DuckDBResource
from pydantic import Field, PrivateAttr, SecretStr

from analytics_pipeline.orchestration.webhook import WebhookResource
from analytics_pipeline.settings import Settings, require
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.credentials import session
from analytics_pipeline.warehouse.connection import open_warehouse


class FeedResource(S3Resource):
    """The organisation's part of Vocareum's bucket, with one-hour credentials that refresh themselves."""

    org_id: str = Field(description="Id of the Vocareum organisation.")
    api_token: str = Field(description="API token for s3_labs; a secret.")
    api_url: str = Field(description="Vocareum's API, the only host the token goes to.")
    bucket: str = Field(description="Bucket of the feed.")
    _opened: Bucket | None = PrivateAttr(default=None)

    def open(self) -> Bucket:
        """The bucket, listing and reading under `org{org}/`; one for all steps of a run, which share its credentials.

        Raises:
            SettingsError: the organisation or the token is not set.
        """
        if self._opened is None:
            self._opened = open_bucket(self._settings())
        return self._opened

    def _settings(self) -> Settings:
        return Settings.model_construct(
            org_id=self.org_id,
            api_token=SecretStr(self.api_token),
            api_url=self.api_url,
            bucket=self.bucket,
            region=self.region_name or "us-west-2",
            s3_endpoint_url=self.endpoint_url,
        )

    def get_client(self) -> Any:
        """A boto3 S3 client with the organisation's credentials, for code of your own."""
        api = VocareumApi(self.api_url, SecretStr(self.api_token))
        return session(api, self.org_id, self.region_name or "us-west-2").client("s3", endpoint_url=self.endpoint_url)

    def get_object_to_set_on_execution_context(self) -> "FeedResource":
        """Itself: a client made before the first step would fail, with less to say, where settings are missing."""
        return self


class WarehouseResource(DuckDBResource):
    """The private warehouse: one writer at a time, who queues on a file lock and always closes."""

    data_dir: str = Field(description="Folder of the warehouse, the landing files and the published file.")

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse for this process alone; dagster-duckdb's own keeps the lock after an exception."""
        with open_warehouse(Path(self.database)) as connection:
            yield connection

    @property
    def landing(self) -> Path:
        """Folder of the files as delivered."""
        return Path(self.data_dir) / "landing"


def open_bucket(settings: Settings) -> Bucket:
    """The organisation's part of the bucket, by the settings.

    Raises:
        SettingsError: the organisation or the token is not set.
        VocareumError: an address is not safe for secrets.
    """
    require(settings)
    api = VocareumApi(settings.api_url, settings.api_token)
    return Bucket(
        session(api, settings.org_id, settings.region),
        settings.bucket,
        prefix=f"org{settings.org_id}/",
        endpoint_url=settings.s3_endpoint_url,
    )


def build_resources(settings: Settings) -> dict[str, Any]:
    """The resources by the names that assets use; what is set in the environment stays there (`EnvVar`)."""
    value = partial(_from_environment, settings)
    return {
        "feed": FeedResource(
            org_id=value("org_id"),
            api_token=value("api_token"),
            api_url=value("api_url"),
            bucket=value("bucket"),
            region_name=value("region"),
            endpoint_url=value("s3_endpoint_url"),
        ),
        "warehouse": WarehouseResource(
            database=str(settings.warehouse_path), data_dir=str(settings.data_dir.absolute())
        ),
        "webhook": WebhookResource(url=value("alert_webhook_url"), ui_url=value("ui_url")),
    }


def _from_environment(settings: Settings, field: str) -> Any:
    name = str(Settings.model_fields[field].validation_alias)
    if os.environ.get(name, "").strip():
        return dg.EnvVar(name)
    value = getattr(settings, field)
    return value.get_secret_value() if isinstance(value, SecretStr) else value
