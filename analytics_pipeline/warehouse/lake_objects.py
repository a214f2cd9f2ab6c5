"""The bucket of a lake's data files: DuckDB's access to it, and whether it keeps versions."""

from dataclasses import dataclass
from datetime import UTC, datetime

import boto3
import duckdb
from botocore.exceptions import BotoCoreError, ClientError

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.buckets import retained, s3_client
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.sql_text import literal


@dataclass(frozen=True)
class ObjectStore:
    """Access to the bucket of the lake's data files, with boto3's usual credentials.

    Attributes:
        endpoint_url: S3 endpoint, if it is not Amazon's.
        region: region of the bucket.
    """

    endpoint_url: str | None
    region: str

    @classmethod
    def of(cls, settings: Settings) -> "ObjectStore":
        """Return the store that the settings name."""
        return cls(settings.warehouse_endpoint_url, settings.warehouse_region or settings.region)

    def authorise(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Hand the current credentials to DuckDB: temporary ones are renewed before they end.

        Raises:
            WarehouseUnusable: there are none.
        """
        try:
            found = boto3.Session().get_credentials()
            keys = found.get_frozen_credentials() if found else None
        except BotoCoreError as error:  # such as an unknown AWS_PROFILE, or an expired login
            raise _without_credentials(f": {error}") from None
        if keys is None:
            raise _without_credentials()
        options = {
            "KEY_ID": keys.access_key or "",
            "SECRET": keys.secret_key or "",
            "SESSION_TOKEN": keys.token or "",
            "REGION": self.region,
        }
        if self.endpoint_url:
            scheme, _, host = self.endpoint_url.rpartition("://")
            options |= {"ENDPOINT": host, "URL_STYLE": "path"}
            options["USE_SSL"] = "false" if scheme == "http" else "true"
        listed = ", ".join(f"{name} {literal(value)}" for name, value in options.items())
        connection.execute(f"CREATE OR REPLACE SECRET data_files (TYPE s3, {listed})")

    def clock(self, data_path: str) -> datetime:
        """Return the time (UTC) by which the bucket dates objects.

        Raises:
            WarehouseUnusable: an object can't be written or deleted.
        """
        bucket, _, prefix = data_path.removeprefix("s3://").partition("/")
        client = s3_client(self.endpoint_url, self.region)
        place = {"Bucket": bucket, "Key": f"{prefix}clock"}
        try:
            client.put_object(**place)
            written: datetime = client.head_object(**place)["LastModified"]
            client.delete_object(**place)
        except (BotoCoreError, ClientError) as error:
            raise WarehouseUnusable(
                f"The time of the bucket {bucket} can't be read: {error}",
                "Allow s3:PutObject, s3:GetObject and s3:DeleteObject.",
            ) from None
        return written.astimezone(UTC)

    def retained(self, data_path: str) -> str:
        """Return why the bucket keeps deleted objects, with the remedy; empty if it doesn't.

        Raises:
            BucketSilent: the bucket does not say.
        """
        bucket = data_path.removeprefix("s3://").partition("/")[0]
        return retained(s3_client(self.endpoint_url, self.region), bucket, "the lake")


def _without_credentials(reason: str = "") -> WarehouseUnusable:
    return WarehouseUnusable(
        f"No AWS credentials for the lake's data files were found{reason}.",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role.",
    )
