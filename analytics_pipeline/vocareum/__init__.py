"""Everything between this machine and Vocareum: the API, one-hour credentials, the bucket.

Knows nothing of Dagster, nor of what the files contain.
"""

from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket, Downloaded, RemoteObject, Undelivered, remove_stale_parts
from analytics_pipeline.vocareum.credentials import Credentials, parse_credentials, session
from analytics_pipeline.vocareum.errors import (
    ApiRefused,
    ApiUnavailable,
    AuthenticationError,
    BucketError,
    MalformedCredentials,
    UnsafeAddress,
    VocareumError,
)

__all__ = [
    "ApiRefused",
    "ApiUnavailable",
    "AuthenticationError",
    "Bucket",
    "BucketError",
    "Credentials",
    "Downloaded",
    "MalformedCredentials",
    "RemoteObject",
    "Undelivered",
    "UnsafeAddress",
    "VocareumApi",
    "VocareumError",
    "parse_credentials",
    "remove_stale_parts",
    "session",
]
