"""boto3 sessions whose credentials come from Vocareum and stay fresh.

Makes no request itself; a `CredentialSource` supplies the credentials.
"""

import logging
import os
from collections.abc import Callable
from datetime import datetime
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

from analytics_pipeline.storage.clock import utc_now
from analytics_pipeline.vocareum.credentials import ASSUMED_LIFETIME, Credentials
from analytics_pipeline.vocareum.errors import SET_CLOCK, MalformedCredentials, VocareumError
from analytics_pipeline.vocareum.retry import LastFailure

STALE_CODES = frozenset(
    {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "RequestExpired"}
)
"""S3 error codes that fresh credentials resolve."""

_RENEWALS = "vocareum_renewals"
# botocore's DEBUG log holds the signed headers, including the session token. httpcore's holds
# response headers, which may repeat the token, and httpx's INFO log the addresses that they
# redirect to.
_QUIET = {"botocore": logging.INFO, "httpcore": logging.INFO, "httpx": logging.WARNING}

_OF_NO_USER = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""The user's profile and files of AWS are for other work: an unknown AWS_PROFILE, or a file that
can't be parsed, would end every request to the feed."""

_RENEWALS_PER_CALL = 2
_LONGEST_DRIFT = 86_400.0
"""Seconds in the past that a wrong clock can explain. Credentials from 1995 are the sender's
fault."""
_REPORT_EXPIRED = (
    "If this machine's clock is right, report it to Vocareum: its API issues credentials that"
    " expired long ago."
)


class CredentialSource(Protocol):
    """A source of credentials for an organisation; `VocareumApi` is one."""

    def s3_credentials(self, org_id: str) -> Credentials:
        """Return fresh credentials for the organisation."""


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
                    SET_CLOCK if lifetime > -_LONGEST_DRIFT else _REPORT_EXPIRED,
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
    core = botocore.session.Session(session_vars=_OF_NO_USER)
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
