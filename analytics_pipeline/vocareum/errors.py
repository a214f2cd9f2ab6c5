"""What can go wrong between here and Vocareum, each with what to do about it.

Only exceptions belong here. Their texts hold no token, no credential and no foreign exception's text:
S3 repeats the session token in its error bodies, and HTTP libraries quote illegal headers.
"""

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.vocareum.redaction import hide

MINT = (
    "An Org Admin can make a new API token for s3_labs in Vocareum; put it in the environment variable "
    "VOCAREUM_API_TOKEN."
)

TRY_LATER = "Try again later. If it lasts, check the network and AWS's status page."

CHECK_ADDRESS = "Check that VOCAREUM_API_URL is the API's address, such as https://api.vocareum.com/api/v2."

SET_CLOCK = "Set this machine's clock, and have it kept right (NTP)."


class VocareumError(PipelineError):
    """A failure with its cause and its remedy in plain sentences."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(hide(message), hide(remedy))


class UnsafeAddress(VocareumError):
    """An address that secrets must not be sent to: not HTTPS, or on another host than the one configured."""


class AuthenticationError(VocareumError):
    """The API token is missing, wrong, or lacks the scope s3_labs."""


class ApiRefused(VocareumError):
    """The API turned the request itself down, for example because it knows no such organisation."""


class ApiUnavailable(VocareumError):
    """The API did not answer usefully within the time allowed for retries."""


class MalformedCredentials(VocareumError):
    """The API answered, but what it said holds no usable credentials."""


class BucketError(VocareumError):
    """The bucket could not be listed, or none of its objects can be fetched."""


class Outage(BucketError):
    """S3 failed for many files of a download in a row. The files of another dataset may still be fetched."""
