"""Temporary S3 credentials, and how to find them in a response of any shape. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from analytics_pipeline.vocareum.errors import MalformedCredentials, without_context
from analytics_pipeline.vocareum.redaction import register, vendor_words

ASSUMED_LIFETIME = timedelta(minutes=60)
"""The vendor's article: "temporary credentials for AWS S3 access for one hour"."""

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
            "Try again later. If it continues, report it to Vocareum.",
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
