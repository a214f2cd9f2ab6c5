"""What S3's answer about one object means: its own failure, one that may pass, or one that every request would meet.

Each failure carries our own words: S3's error bodies repeat the session token.
"""

import re
from http import HTTPStatus

from obstore.exceptions import PermissionDeniedError

from analytics_pipeline.vocareum.credentials import STALE_CODES
from analytics_pipeline.vocareum.errors import SET_CLOCK

LATER = "The next run tries again. If it lasts, check the network and AWS's status page."

_THROTTLED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_PASSING_CODES = re.compile(r".*Throttl.*|SlowDown|RequestTimeout|RequestLimitExceeded|TooManyRequests.*")
"""Throttling and time-outs that come with a status of 400."""

_ASK = "Other files are not concerned. Ask Vocareum about this one, naming the file and the code."
_REMEDIES = (
    (r"NoSuchKey", "Nothing: the next listing will not name it."),
    (r"NoSuchBucket", "Check VOCAREUM_BUCKET."),
    (r"InvalidObjectState", "It is archived. Ask Vocareum to restore it; a later run then loads it."),
    (
        r"KMS.*",
        "The key that encrypts it cannot be used. Ask Vocareum to enable the key and to grant its use; a later run then "
        "loads it.",
    ),
    (
        r"AccessDenied|AllAccessDisabled|AccountProblem",
        "Check VOCAREUM_ORG_ID: the grant covers the files of the token's own organisation. If other files load, ask "
        "Vocareum for access to this one and to the key that encrypts it.",
    ),
    (
        r"SignatureDoesNotMatch",
        "Check that no proxy changes requests to S3. If other files load, tell Vocareum the key.",
    ),
    (r".*", _ASK),
)
"""The first pattern that matches the whole code tells what to do."""


class Failure(Exception):
    """Why one attempt failed. Made from our own words: S3's error bodies repeat the session token."""

    def __init__(self, reason: str, remedy: str, *, transient: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.transient = reason, remedy, transient


class Passing(Failure):
    """No answer, a 5xx, throttling, or a body that is not whole: worth another attempt."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, LATER, transient=True)


class Everywhere(Failure):
    """S3 would answer the same for any other object."""


class Stale(Everywhere):
    """S3 wants fresh credentials, which the next attempt will use."""


def explain(error: Exception, key: str) -> Failure:
    """Return what an error of obstore means for the object and for others.

    Args:
        error: from a request for one object.
        key: the object's key, which the error's text repeats.
    """
    status, code = _status_and_code(str(error).replace(key, ""))
    if code in STALE_CODES:
        return Stale(f"S3 does not accept the credentials that Vocareum handed out ({code}).", "Try again later.")
    if code == "RequestTimeTooSkewed":
        return Everywhere(f"S3 does not accept this machine's idea of the time ({code}).", SET_CLOCK)
    if isinstance(error, ValueError):
        return Failure("its key is not one that can be asked for", "Nothing can be done here; tell Vocareum.")
    if isinstance(error, FileNotFoundError) and code in ("", "NoSuchKey"):
        return Failure("it is no longer there", _remedy("NoSuchKey"))
    if status is None:
        return Passing(f"S3 could not deliver it ({code or 'no answer'})")
    named = code or f"status {status}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _THROTTLED or _PASSING_CODES.fullmatch(code):
        return Passing(f"S3 could not deliver it ({named})")
    if isinstance(error, PermissionDeniedError):
        return Failure(f"S3 denies access to it ({named})", _remedy(code or "AccessDenied"))
    return Failure(f"S3 refuses it ({named})", _remedy(code))


def _remedy(code: str) -> str:
    return next(remedy for pattern, remedy in _REMEDIES if re.fullmatch(pattern, code))


def _status_and_code(text: str) -> tuple[int | None, str]:
    """Return the HTTP status, None if there was no answer, and S3's code, empty if it gave none."""
    answer = re.search(r"non-2xx status code: (\d{3})\b(.*)", text, re.DOTALL)
    code = re.search(r"<Code>([\w.-]{1,64})</Code>", answer[2] if answer else text)
    return (int(answer[1]) if answer else None), (code[1] if code else "")
