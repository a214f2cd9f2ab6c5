"""Errors between this machine and Vocareum, each with its remedy.

Their texts hold no token, no credentials and no foreign exception's text: S3 repeats the session
token in its error bodies, and HTTP libraries quote illegal headers.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.vocareum.redaction import hide

MINT = (
    "An Org Admin can create a new API token for s3_labs in Vocareum; put it in the environment"
    " variable VOCAREUM_API_TOKEN."
)

TRY_LATER = "Try again later. If it continues, check the network and AWS's status page."

CHECK_ADDRESS = (
    "Check that VOCAREUM_API_URL is the API's address, such as https://api.vocareum.com/api/v2."
)

SET_CLOCK = "Set this machine's clock, and keep it synchronised (NTP)."


@contextmanager
def without_context() -> Iterator[None]:
    """Detach errors that leave the block, or the decorated function, from those they replace.

    A foreign error can quote the token. `from None` only hides it from a printed traceback: it
    stays in `__context__`, which loggers and Dagster read.
    """
    try:
        yield
    except Exception as error:
        error.__cause__ = error.__context__ = None
        raise


class VocareumError(PipelineError):
    """A failure with its cause and remedy in plain sentences."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(hide(message), hide(remedy))


class UnsafeAddress(VocareumError):
    """An address that must not receive secrets: not HTTPS, or a foreign host."""


class AuthenticationError(VocareumError):
    """The API token is missing, wrong, or lacks the scope s3_labs."""


class ApiRefused(VocareumError):
    """The API refused the request, for example because it does not know the organisation."""


class ApiUnavailable(VocareumError):
    """The API gave no usable response within the retry budget."""


class MalformedCredentials(VocareumError):
    """The API responded, but not with usable credentials."""


class BucketError(VocareumError):
    """The bucket can't be listed, or none of its objects can be fetched."""


class Outage(BucketError):
    """S3 failed for many consecutive files of a download.

    Another dataset's files may still be fetched.
    """
