"""What S3's response means: a failure of the object, of the moment, or of every request.

Each failure carries our own text, because S3's error bodies repeat the session token.
"""

import re
from http import HTTPStatus

from obstore.exceptions import PermissionDeniedError

from analytics_pipeline.vocareum.errors import SET_CLOCK
from analytics_pipeline.vocareum.session import STALE_CODES

NEXT_RUN_RETRIES = "The next run retries. If it continues, check the network and AWS's status page."

_THROTTLED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_TRANSIENT_CODES = re.compile(
    r".*Throttl.*|SlowDown|RequestTimeout|RequestLimitExceeded|TooManyRequests.*"
)
"""Throttling and timeouts that S3 reports with status 400."""

_ASK = "Other files are not affected. Ask Vocareum about this file; name the file and the code."
_REMEDIES = (
    (r"NoSuchKey", "Nothing to do: the next listing will not include it."),
    (r"NoSuchBucket", "Check VOCAREUM_BUCKET."),
    (
        r"InvalidObjectState",
        "It is archived. Ask Vocareum to restore it; a later run then loads it.",
    ),
    (
        r"KMS.*",
        (
            "The key that encrypts it can't be used. Ask Vocareum to enable the key and to grant"
            " its use; a later run then loads it."
        ),
    ),
    (
        r"AccessDenied|AllAccessDisabled|AccountProblem",
        (
            "Check VOCAREUM_ORG_ID: the grant covers only the files of the token's organisation. If"
            " other files load, ask Vocareum for access to this file and to the key that"
            " encrypts it."
        ),
    ),
    (
        r"SignatureDoesNotMatch",
        (
            "Check that no proxy alters requests to S3. If other files load, report the key to"
            " Vocareum."
        ),
    ),
    (r".*", _ASK),
)
"""The first pattern that matches the whole code determines the remedy."""


class RequestFailure(Exception):
    """Why one attempt failed, in our own words: S3's error bodies repeat the session token.

    Attributes:
        transient: whether S3 itself may be down.
        counts: whether this version of the object is at fault, so that the failure is recorded and
            counts as an attempt at it. S3, the network or this machine's disk may be at fault
            instead.
    """

    def __init__(
        self, reason: str, remedy: str, *, transient: bool = False, counts: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy
        self.transient, self.counts = transient, counts


class Transient(RequestFailure):
    """No response, a 5xx, throttling, or an incomplete body: worth a retry."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, NEXT_RUN_RETRIES, transient=True, counts=False)


class GlobalFailure(RequestFailure):
    """A failure that every request would meet."""


class StaleCredentials(GlobalFailure):
    """S3 rejects the credentials as stale; the next attempt uses fresh ones."""


def explain(error: Exception, key: str) -> RequestFailure:
    """Classify an obstore error.

    Args:
        error: raised by a request for one object.
        key: the object's key, which the error's text repeats.
    """
    status, code = _status_and_code(str(error).replace(key, ""))
    if code in STALE_CODES:
        return StaleCredentials(
            f"S3 rejects the credentials from Vocareum ({code}).", "Try again later."
        )
    if code == "RequestTimeTooSkewed":
        return GlobalFailure(f"S3 rejects this machine's clock ({code}).", SET_CLOCK)
    if isinstance(error, ValueError):
        return RequestFailure(
            "its key is not a valid S3 key", "Nothing can be done here; report it to Vocareum."
        )
    if isinstance(error, FileNotFoundError) and code in ("", "NoSuchKey"):
        return RequestFailure("it no longer exists", _remedy("NoSuchKey"), counts=False)
    if status is None:
        return Transient(f"S3 could not deliver it ({code or 'no response'})")
    shown_code = code or f"status {status}"
    if (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status in _THROTTLED
        or _TRANSIENT_CODES.fullmatch(code)
    ):
        return Transient(f"S3 could not deliver it ({shown_code})")
    if isinstance(error, PermissionDeniedError):
        return RequestFailure(
            f"S3 denies access to it ({shown_code})", _remedy(code or "AccessDenied")
        )
    return RequestFailure(f"S3 refuses it ({shown_code})", _remedy(code))


def _remedy(code: str) -> str:
    return next(remedy for pattern, remedy in _REMEDIES if re.fullmatch(pattern, code))


def _status_and_code(text: str) -> tuple[int | None, str]:
    """Return the HTTP status (None without a response) and S3's error code (may be empty)."""
    answer = re.search(r"non-2xx status code: (\d{3})\b(.*)", text, re.DOTALL)
    code = re.search(r"<Code>([\w.-]{1,64})</Code>", answer[2] if answer else text)
    return (int(answer[1]) if answer else None), (code[1] if code else "")
