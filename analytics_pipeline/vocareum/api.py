"""The Vocareum API. We need one call: temporary S3 credentials for an organisation.

This module sends, retries and reports refusals. `credentials.py` parses the response.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from queue import Empty, Queue
from threading import Thread
from time import monotonic, sleep
from typing import NoReturn

import httpx
from pydantic import SecretStr
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_before_delay,
    wait_random_exponential,
)

from analytics_pipeline.vocareum.addresses import is_loopback, require_safe
from analytics_pipeline.vocareum.credentials import Credentials, parse_credentials
from analytics_pipeline.vocareum.errors import (
    CHECK_ADDRESS,
    MINT,
    ApiRefused,
    ApiUnavailable,
    AuthenticationError,
    MalformedCredentials,
    UnsafeAddress,
    VocareumError,
    without_context,
)
from analytics_pipeline.vocareum.redaction import register, vendor_words

REFUSED_BUDGET = 10.0
"""Seconds in which a refused connection is retried. A restarting server is back soon; otherwise
nothing listens there."""
_certificates = cache(httpx.create_ssl_context)  # reading them takes more CPU than a request
_MAX_BODY = 1_000_000  # bytes; a real response has about a thousand
_MAX_ERROR_BODY = 20_000  # bytes of an error response that are searched for the vendor's message


class _TryAgain(Exception):
    """A transient failure. Holds no foreign exception, as those can quote the token."""

    def __init__(self, reason: str, wait: float = 0.0, *, is_refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.is_refused = is_refused


class VocareumApi:
    """A client for one API address and one token.

    Args:
        url: the API's base address, for example https://api.vocareum.com/api/v2.
        token: an Org Admin's API token for s3_labs.
        timeout: seconds to wait for a connection and for each chunk of a response.
        budget: seconds that one call may take in total, including retries.
        on_retry: called before each retry with the reason, which holds no secret.

    Raises:
        UnsafeAddress: the address is neither HTTPS nor HTTP on this machine.
        AuthenticationError: the token is empty, or not valid in an HTTP header.
    """

    def __init__(
        self,
        url: str,
        token: SecretStr,
        *,
        timeout: float = 10.0,
        budget: float = 60.0,
        on_retry: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._url = require_safe(url, "VOCAREUM_API_URL")
        secret = token.get_secret_value().strip()
        if not secret:
            raise AuthenticationError("No Vocareum API token is set.", MINT)
        if not re.fullmatch(r"[!-~]+", secret):
            raise AuthenticationError(
                "The Vocareum API token contains blanks or other invalid characters.", MINT
            )
        self._token = secret
        self._timeout = timeout
        self._budget = budget
        self._on_retry = on_retry

    @without_context()
    def s3_credentials(self, org_id: str) -> Credentials:
        """Request temporary credentials for the organisation's files, valid for one hour.

        Source: the vendor's Data Pipeline article, `GET /orgs/{orgid}/s3_labs` (docs/feed.md).

        Raises:
            AuthenticationError: the token is missing, wrong, or lacks the scope s3_labs.
            ApiRefused: the API does not know the organisation, or refuses for another reason.
            ApiUnavailable: rate limits, server or network errors outlasted the budget.
            MalformedCredentials: the response holds no credentials.
            UnsafeAddress: the API redirected to another host. Nothing was sent there.
        """
        if not re.fullmatch(r"[A-Za-z0-9_-]+", org_id):
            raise ApiRefused(
                "The organisation's id is malformed.", "Set VOCAREUM_ORG_ID to the id, digits only."
            )
        register(self._token)
        deadline = monotonic() + self._budget
        retrying = Retrying(
            retry=retry_if_exception_type(_TryAgain),
            wait=_wait,
            stop=self._is_spent,
            sleep=sleep,
            before_sleep=self._report_retry,
            reraise=True,
        )
        try:
            return retrying(self._request_credentials, org_id, deadline)
        except _TryAgain as error:
            raise ApiUnavailable(
                f"Vocareum's API was not usable for {self._budget_for(error):.0f} seconds:"
                f" {error.reason}.",
                "Try again later. If it continues, check the network, VOCAREUM_API_URL and"
                " Vocareum's status page.",
            ) from None

    def _is_spent(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        return stop_before_delay(self._budget_for(error))(state)

    def _budget_for(self, error: BaseException | None) -> float:
        refused = isinstance(error, _TryAgain) and error.is_refused
        return min(self._budget, REFUSED_BUDGET) if refused else self._budget

    def _report_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._on_retry(error.reason if isinstance(error, _TryAgain) else "no response")

    def _request_credentials(self, org_id: str, deadline: float) -> Credentials:
        now = datetime.now(UTC)
        response, body = self._get(f"{self._url}/orgs/{org_id}/s3_labs", deadline)
        if response.status_code == HTTPStatus.OK:
            if len(body) > _MAX_BODY:
                raise MalformedCredentials(
                    f"Vocareum's response is larger than {_MAX_BODY:,} bytes; credentials are not.",
                    CHECK_ADDRESS,
                )
            return parse_credentials(self._decode(body), now)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
            raise _TryAgain(
                f"it responds with status {response.status_code}", _retry_after(response, now)
            )
        return self._refuse(org_id, response.status_code, body)

    def _get(self, url: str, deadline: float) -> tuple[httpx.Response, bytes]:
        """Send one request in a thread, as httpx does not bound DNS, headers or dripping bodies."""
        answer: Queue[tuple[httpx.Response, bytes] | Exception] = Queue()
        remaining = max(0.1, deadline - monotonic())
        client = self._client(min(self._timeout, remaining))

        def request() -> None:
            try:
                answer.put(self._read(client, url))
            except Exception as error:
                answer.put(error)

        Thread(target=request, name="vocareum-api", daemon=True).start()
        try:
            outcome = answer.get(timeout=remaining)
        except Empty:
            outcome = TimeoutError()
        finally:
            client.close()  # the thread of a dripping response ends with its next byte
        if isinstance(outcome, tuple):
            return outcome
        if isinstance(outcome, VocareumError):
            raise outcome
        if _is_refused(outcome):
            raise _TryAgain("nothing listens at this address (connection refused)", is_refused=True)
        raise _TryAgain(f"the connection failed ({type(outcome).__name__})")

    def _read(self, client: httpx.Client, url: str) -> tuple[httpx.Response, bytes]:
        """Read a response up to the limit that is evaluated."""
        body = bytearray()
        with client.stream(
            "GET", url, headers={"Authorization": f"Token {self._token}"}
        ) as response:
            limit = _MAX_BODY if response.status_code == HTTPStatus.OK else _MAX_ERROR_BODY
            for piece in response.iter_bytes(chunk_size=65_536):
                body += piece
                if len(body) > limit:
                    break
            return response, bytes(body[: limit + 1])

    def _client(self, timeout: float) -> httpx.Client:
        # Never send requests to this machine through a proxy.
        trust_env = not is_loopback(self._url)
        return httpx.Client(
            verify=_certificates(trust_env=trust_env),
            timeout=timeout,
            follow_redirects=True,
            max_redirects=3,
            event_hooks={"request": [_same_origin(self._url)]},
            trust_env=trust_env,
        )

    def _decode(self, body: bytes) -> object:
        """Parse the response as JSON, whatever its content type: clients have seen text/html."""
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            # After a valid start the network lost the rest.
            if isinstance(error, ValueError) and body.lstrip()[:1] in (b"", b"{", b"["):
                raise _TryAgain("its response is truncated") from None
            raise MalformedCredentials(
                "Vocareum's response is not JSON; it may be a web page.", CHECK_ADDRESS
            ) from None

    def _refuse(self, org_id: str, status: int, body: bytes) -> NoReturn:
        message = self._message(body)
        response = f"Vocareum responds with status {status}{f': {message!r}' if message else ''}."
        about_token = status == HTTPStatus.BAD_REQUEST and "token" in message.lower()
        if status == HTTPStatus.FORBIDDEN:
            raise AuthenticationError(
                f"Vocareum's API denies this token access to organisation {org_id}. {response}",
                "Check VOCAREUM_ORG_ID: it must be the token's organisation. If it is,"
                f" {MINT[0].lower()}{MINT[1:]}",
            )
        if about_token or status == HTTPStatus.UNAUTHORIZED:
            raise AuthenticationError(f"Vocareum rejects the API token. {response}", MINT)
        raise ApiRefused(
            f"Vocareum's API refused the request for credentials. {response}",
            "Check VOCAREUM_ORG_ID and VOCAREUM_API_URL.",
        )

    def _message(self, body: bytes) -> str:
        """Extract the vendor's message from an error body."""
        cut = len(body) > _MAX_ERROR_BODY
        text = body[:_MAX_ERROR_BODY].decode(errors="replace")
        try:
            decoded = json.loads(text)
            text = (
                str(decoded.get("message") or decoded.get("detail") or "")
                if isinstance(decoded, dict)
                else text
            )
        except (ValueError, RecursionError):
            text = re.sub(r"<[^<>]*>", " ", text)  # linear time: a match never crosses the next `<`
        return vendor_words(text, cut=cut)


def _is_refused(error: BaseException | None) -> bool:
    """Return whether a refused connection caused an error. httpx wraps the system's error twice."""
    while error and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None


def _same_origin(url: str) -> Callable[[httpx.Request], None]:
    home = httpx.URL(url)

    def check(request: httpx.Request) -> None:
        """Refuse a redirect to another host before anything is sent there."""
        target = request.url
        if (target.scheme, target.host, target.port) != (home.scheme, home.host, home.port):
            raise UnsafeAddress(
                f"Vocareum's API redirects to another host ({target.host}); the token was not sent"
                " there.",
                "If the API has moved, set VOCAREUM_API_URL to its new address.",
            )

    return check


def _retry_after(response: httpx.Response, now: datetime) -> float:
    """Return the seconds of Retry-After (RFC 9110: a number or a date); 0 without it."""
    value = response.headers.get("Retry-After", "")
    try:
        return (
            float(value)
            if value.isdigit()
            else (parsedate_to_datetime(value) - now).total_seconds()
        )
    except (ValueError, TypeError):
        return 0.0


def _wait(state: RetryCallState) -> float:
    """Return seconds to wait: exponential backoff with jitter, or longer if the server asks."""
    error = state.outcome.exception() if state.outcome else None
    requested = error.wait if isinstance(error, _TryAgain) else 0.0
    return max(requested, wait_random_exponential(multiplier=0.5, max=10)(state))
