"""Failures of the store in S3, in words for people: what failed, and the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from analytics_pipeline.storage.store import StoreFailed

_ACTIONS = "s3:GetObject, s3:PutObject, s3:DeleteObject and, on the bucket, s3:ListBucket"


class Refused(StoreFailed):
    """S3 refused a request, and so did nothing. After other errors it may have done it."""


@contextmanager
def reporting(verb: str, url: str) -> Iterator[None]:
    """Turn errors of S3 and the network into `StoreFailed`, without their texts.

    Args:
        verb: what is done there, such as "read" or "delete".
        url: address of the object or the prefix.
    """
    try:
        yield
    except NoCredentialsError:
        raise StoreFailed(
            f"No AWS credentials for {url} were found.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role.",
        ) from None
    except ClientError as error:
        refused = f"S3 does not let us {verb} {url}: {_status(error) or ''} {error_code(error)}."
        kind = Refused if _status(error) in range(400, 500) else StoreFailed
        raise kind(refused, _remedy(error)) from None
    except BotoCoreError as error:
        raise StoreFailed(
            f"{url} can't be reached: {type(error).__name__}.",
            "Check the network and ANALYTICS_PUBLISHED_STORE_ENDPOINT_URL, and run the same"
            " command again.",
        ) from None


def error_code(error: ClientError) -> str:
    """Return S3's code of an error, such as `NoSuchKey`; empty if it gives none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _remedy(error: ClientError) -> str:
    code = error_code(error)
    if code == "NoSuchBucket":
        return "Make the bucket, or correct ANALYTICS_PUBLISHED_STORE."
    if code in ("PermanentRedirect", "IllegalLocationConstraintException", "301"):
        return "Set ANALYTICS_PUBLISHED_STORE_REGION to the bucket's region."
    if _status(error) in (400, 401, 403):
        return (
            f"Allow {_ACTIONS} to this machine's role or AWS_ACCESS_KEY_ID (for readers the first"
            " one is enough), and check the key."
        )
    return "Run the same command again later."
