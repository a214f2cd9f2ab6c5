"""Temporary S3 credentials: parse them in any shape, and keep them fresh.

Makes no request itself; a `CredentialSource` supplies the credentials.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

import boto3
import botocore.session
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.loaders import Loader, create_loader
from botocore.utils import parse_timestamp
from pydantic import SecretStr

from analytics_pipeline.storage.clock import utc_now
from analytics_pipeline.vocareum.errors import (
    SET_CLOCK,
    MalformedCredentials,
    VocareumError,
    without_context,
)
from analytics_pipeline.vocareum.redaction import register, vendor_words
from analytics_pipeline.vocareum.retry import LastFailure

ASSUMED_LIFETIME = timedelta(minutes=60)
"""The vendor's article: "temporary credentials for AWS S3 access for one hour"."""

STALE_CODES = frozenset(
    {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "RequestExpired"}
)
"""S3 error codes that fresh credentials resolve."""

_RENEWALS = "vocareum_renewals"
# botocore's DEBUG log holds the signed headers, including the session token. httpcore's holds
# response headers, which may repeat the token, and httpx's INFO log the addresses that they
# redirect to.
_QUIET = {"botocore": logging.INFO, "httpcore": logging.INFO, "httpx": logging.WARNING}

_RENEWALS_PER_CALL = 2
_LONGEST_DRIFT = 86_400.0
"""Seconds in the past that a wrong clock can explain. Credentials from 1995 are the sender's
fault."""
_TELL_VOCAREUM = (
    "If this machine's clock is right, tell Vocareum: its API issues credentials that expired long"
    " ago."
)

# The JSON keys are not published (docs/feed.md). Names are compared as lower-case letters without a
# leading "aws".
_ACCESS_KEY_ID = ("accesskeyid", "accesskey", "keyid")
_SECRET = ("secretaccesskey", "secretkey", "secret")
_TOKEN = ("sessiontoken", "securitytoken", "token")
_EXPIRES_AT = ("expiration", "expirationtime", "expiresat", "expires", "expirytime", "expiry")
_EXPIRES_IN = ("expiresin", "durationseconds", "duration")


@dataclass(frozen=True)
class Credentials:
    """S3 credentials, valid until `expires_at` (UTC). Their repr hides the secrets."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr
    expires_at: datetime


class CredentialSource(Protocol):
    """A source of credentials for an organisation; `VocareumApi` is one."""

    def s3_credentials(self, org_id: str) -> Credentials:
        """Return fresh credentials for the organisation."""


@without_context()
def parse_credentials(body: object, now: datetime) -> Credentials:
    """Extract the credentials from a decoded JSON body.

    The vendor publishes no schema, so any usual spelling is accepted, at the top level or nested
    under objects and one-element lists.

    Args:
        body: the decoded JSON.
        now: timezone-aware time of the call. Without an expiry the credentials last 60 minutes from
            it.

    Raises:
        MalformedCredentials: the status is not "success", or a part is missing or unreadable.
    """
    _require_success(body)
    parts = next(
        (fields for fields in map(_by_plain_name, _objects(body)) if _text(fields, _ACCESS_KEY_ID)),
        {},
    )
    access_key_id, secret, token = (
        _text(parts, names) for names in (_ACCESS_KEY_ID, _SECRET, _TOKEN)
    )
    named = {"access key id": access_key_id, "secret access key": secret, "session token": token}
    if missing := [name for name, value in named.items() if not value]:
        raise MalformedCredentials(
            f"Vocareum's response holds no {', no '.join(missing)}.{_vendor_message(body)}",
            "Check that VOCAREUM_API_URL is the API's address. If it is, the response format has"
            " changed: compare it with the vendor's Data Pipeline article.",
        )
    if unusable := [name for name, value in named.items() if not re.fullmatch(r"[!-~]+", value)]:
        raise MalformedCredentials(
            f"Vocareum's response holds invalid characters in the {' and the '.join(unusable)}.",
            "Try again later. If it lasts, tell Vocareum.",
        )
    register(secret, token)
    return Credentials(access_key_id, SecretStr(secret), SecretStr(token), _expiry(parts, now))


def _require_success(body: object) -> None:
    status = (
        _by_plain_name(body).get("status", "success") if isinstance(body, Mapping) else "success"
    )
    if str(status).lower() != "success":
        raise MalformedCredentials(
            f"Vocareum refused to issue credentials.{_vendor_message(body)}",
            "If the message does not explain it, ask Vocareum's support; name the organisation.",
        )


def _vendor_message(body: object) -> str:
    message = body.get("message") if isinstance(body, Mapping) else None
    return (
        f' It says: "{vendor_words(message)}".'
        if isinstance(message, str) and message.strip()
        else ""
    )


def _objects(body: object, depth: int = 5) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, Mapping):
        yield body
    inner = list(body.values()) if isinstance(body, Mapping) else body
    if depth and isinstance(inner, list) and (isinstance(body, Mapping) or len(inner) == 1):
        for value in inner:
            yield from _objects(value, depth - 1)


def _by_plain_name(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "".join(filter(str.isalnum, str(name).lower())).removeprefix("aws"): value
        for name, value in fields.items()
    }


def _text(parts: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((parts[name].strip() for name in names if isinstance(parts.get(name), str)), "")


def _expiry(parts: Mapping[str, Any], now: datetime) -> datetime:
    """Return the expiry: ISO text, epoch (s or ms), or seconds from now; assumed if absent."""
    until = next((parts[name] for name in _EXPIRES_AT if parts.get(name)), None)
    seconds = next((parts[name] for name in _EXPIRES_IN if parts.get(name)), None)
    try:
        if until is None:
            return now.astimezone(UTC) + (
                ASSUMED_LIFETIME if seconds is None else timedelta(seconds=float(seconds))
            )
        try:
            epoch = float(until)
        except ValueError:
            expires = datetime.fromisoformat(str(until).strip().removesuffix(" UTC"))
            return expires.replace(tzinfo=expires.tzinfo or UTC).astimezone(UTC)
        return datetime.fromtimestamp(epoch / 1000 if epoch > 1e11 else epoch, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise MalformedCredentials(
            "Vocareum's response gives the expiry of the credentials in an unknown form.",
            "The response format has changed: compare it with the vendor's Data Pipeline article.",
        ) from None


class _VocareumCredentials(DeferredRefreshableCredentials):
    """botocore's lazy, thread-safe credentials, with margins scaled to their lifetime."""

    def __init__(
        self, source: CredentialSource, org_id: str, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(refresh_using=self._fetch, method="vocareum", time_fetcher=clock)
        self._clock = clock
        self._source = source
        self._org_id = org_id
        self._lifetime = ASSUMED_LIFETIME.total_seconds()
        self._current_id: str | None = None
        self._refused = False
        self._failure = LastFailure()

    def refresh_needed(self, refresh_in: float | None = None) -> bool:
        """Return whether fewer than `refresh_in` seconds are left.

        botocore's margins of 15 and 10 minutes suit a lifetime of an hour. Scale them down for a
        shorter one, or every call would fetch.
        """
        margin = 15 * 60 if refresh_in is None else refresh_in
        return self._refused or super().refresh_needed(margin * min(1.0, self._lifetime / 3600))  # type: ignore[arg-type]

    def _fetch(self) -> dict[str, str]:
        """Fetch credentials. botocore calls this under its lock, so in one thread at a time."""
        # Threads waiting for the lock must not each spend the API's whole retry budget.
        self._failure.raise_cached()
        try:
            fresh = self._source.s3_credentials(self._org_id)
            now = self._clock()
            lifetime = (fresh.expires_at - now).total_seconds()
            if lifetime <= 0:
                raise MalformedCredentials(
                    f"The credentials from Vocareum expired at {fresh.expires_at:%Y-%m-%d %H:%M:%S}"
                    f" UTC, but by this machine's clock it is {now:%Y-%m-%d %H:%M:%S} UTC.",
                    SET_CLOCK if lifetime > -_LONGEST_DRIFT else _TELL_VOCAREUM,
                )
        except VocareumError as error:
            self._failure.remember(error)
            raise
        self._lifetime, self._current_id, self._refused = lifetime, fresh.access_key_id, False
        return {
            "access_key": fresh.access_key_id,
            "secret_key": fresh.secret_access_key.get_secret_value(),
            "token": fresh.session_token.get_secret_value(),
            "expiry_time": fresh.expires_at.isoformat(),
        }

    def discard(self, access_key_id: str | None = None) -> None:
        """Discard the current credentials, unless `access_key_id` is no longer current."""
        if access_key_id in (None, self._current_id):
            self._refused = True


class _Provider(CredentialProvider):
    METHOD = CANONICAL_NAME = "vocareum"

    def __init__(self, credentials: _VocareumCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> _VocareumCredentials:
        return self._credentials


def session(
    source: CredentialSource, org_id: str, region: str, *, clock: Callable[[], datetime] = utc_now
) -> boto3.Session:
    """Create a boto3 session whose credentials come from Vocareum.

    It fetches them at first use, and again well before they expire. Any client of the session
    retries a call that S3 refused for stale credentials with fresh ones, at most twice.

    Args:
        source: usually a `VocareumApi`.
        org_id: the organisation's id, digits as text.
        region: the bucket's AWS region.
        clock: returns the time (UTC) that expiry is compared with.
    """
    for library, level in _QUIET.items():
        logging.getLogger(library).setLevel(level)
    credentials = _VocareumCredentials(source, org_id, clock)
    core = botocore.session.Session()
    core.register_component("credential_provider", CredentialResolver([_Provider(credentials)]))
    core.register_component("data_loader", _loader())
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_instant)
    core.set_config_variable("region", region)

    def repeat_with_fresh_credentials(
        *, response: Any, request_dict: dict[str, Any], **_: Any
    ) -> int | None:
        code = response[1].get("Error", {}).get("Code") if response else None
        context = request_dict["context"]  # shared by all attempts of this call
        renewals = context.get(_RENEWALS, 0)
        if code not in STALE_CODES or renewals >= _RENEWALS_PER_CALL:
            return None
        context[_RENEWALS] = renewals + 1
        credentials.discard()
        return 0  # seconds until botocore signs and sends the call again

    core.register("needs-retry.s3", repeat_with_fresh_credentials)  # type: ignore[arg-type]  # the handler must return a value
    return boto3.Session(botocore_session=core)


@cache
def _loader() -> Loader:
    """Return the loader that all sessions share: it takes a tenth of a second to fill."""
    return create_loader()


def _instant(text: Any) -> datetime:
    """Parse a time as S3 writes it. botocore's parser takes most of a listing page's time."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):  # headers have another form
        return parse_timestamp(text)


def renew(session: boto3.Session, access_key_id: str) -> None:
    """Make the session fetch fresh credentials at its next use, as S3 refused `access_key_id`.

    Has no effect on a session that `session()` did not create.
    """
    credentials = session.get_credentials()
    if isinstance(credentials, _VocareumCredentials):
        credentials.discard(access_key_id)
