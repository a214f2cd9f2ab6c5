"""Buckets of our own: for a lake's data files, and for what is published.

Credentials are boto3's usual ones (environment or the machine's role), never those of Vocareum's
feed.
"""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from analytics_pipeline.errors import PipelineError


class BucketSilent(PipelineError):
    """A bucket does not say whether it keeps versions."""


def s3_client(endpoint_url: str | None, region: str) -> Any:
    """Return a client for a bucket of ours.

    Args:
        endpoint_url: S3 endpoint, if it is not Amazon's. AWS_ENDPOINT_URL_S3 is the feed's, so
            boto3 must not take it.
        region: the bucket's region.
    """
    return boto3.Session().client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 4},
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # newer than its stubs
            s3={"addressing_style": "path"} if endpoint_url else {},
        ),
    )


def retained(client: Any, bucket: str, what: str) -> str:
    """Return why the bucket keeps deleted objects, with the remedy; empty if it doesn't.

    Args:
        client: an S3 client.
        bucket: name of the bucket.
        what: what is kept in it, for the remedy.

    Raises:
        BucketSilent: the bucket does not say.
    """
    try:
        status = client.get_bucket_versioning(Bucket=bucket).get("Status")
    except (BotoCoreError, ClientError) as error:
        raise BucketSilent(
            f"The bucket {bucket} does not say whether it keeps versions: {error}",
            "Allow s3:GetBucketVersioning, or check it in the console.",
        ) from None
    if not status:
        return ""
    return (
        f"The bucket {bucket} keeps versions of objects ({status}), so it keeps erased people."
        f" Keep {what} in a bucket without versioning, or let a lifecycle rule expire earlier"
        " versions."
    )
