"""The API client: trust, retries, and its messages when it gives up."""

import json
import logging
import threading
import traceback
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum import api as api_module
from analytics_pipeline.vocareum.api import REFUSED_BUDGET, VocareumApi
from analytics_pipeline.vocareum.errors import (
    ApiRefused,
    ApiUnavailable,
    AuthenticationError,
    MalformedCredentials,
    UnsafeAddress,
    VocareumError,
)
from analytics_pipeline.vocareum.redaction import register
from analytics_pipeline_tests.support.clocks import Seconds
from analytics_pipeline_tests.support.faulty_responses import answer

TOKEN = "s3cr3t-t0ken"
GOOD = b'{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": "T"}'


def client(url: str, budget: float = 5, timeout: float = 1) -> VocareumApi:
    return VocareumApi(url, SecretStr(TOKEN), budget=budget, timeout=timeout)


def failure(api: VocareumApi, org_id: str = "9001") -> VocareumError:
    """Return the error of the call, after checking that no output about it holds the token."""
    with pytest.raises(VocareumError) as caught:
        api.s3_credentials(org_id)
    chain, error = [], caught.value
    while error is not None:
        chain += [repr(error), str(error)]
        error = error.__cause__ or error.__context__
    printed = "\n".join(chain + traceback.format_exception(caught.value))
    assert TOKEN not in printed
    return caught.value


def test_the_right_token_gets_credentials_for_the_time_the_api_says(
    demo: DemoVocareum, api: VocareumApi
):
    demo.api.shape = "sts"
    found = api.s3_credentials(demo.org_id)
    assert found.access_key_id.startswith("ASIA")
    assert len(demo.requests) == 1


def test_a_missing_token_is_reported_before_anything_is_sent():
    with pytest.raises(AuthenticationError, match=r"VOCAREUM_API_TOKEN") as caught:
        VocareumApi("https://api.vocareum.com/api/v2", SecretStr(" "))
    assert "Org Admin" in caught.value.remedy
    assert "s3_labs" in caught.value.remedy


@pytest.mark.parametrize("token", ["abc\ndef-secret", "abc def-secret", "sécret-def-secret"])
def test_a_token_that_cannot_be_a_header_is_refused_without_showing_it(token):
    with pytest.raises(AuthenticationError) as caught:
        VocareumApi("https://api.vocareum.com/api/v2", SecretStr(token))
    assert "def-secret" not in str(caught.value)


def test_blanks_around_a_pasted_token_do_no_harm(demo: DemoVocareum):
    api = VocareumApi(demo.environment["VOCAREUM_API_URL"] + "/", SecretStr(f" {demo.token}\n"))
    assert api.s3_credentials(demo.org_id)


def test_a_wrong_token_is_a_400_that_is_not_retried_and_says_who_can_help(demo: DemoVocareum):
    error = failure(client(demo.environment["VOCAREUM_API_URL"]))
    assert isinstance(error, AuthenticationError)
    assert "Invalid Token" in error.message
    assert "VOCAREUM_API_TOKEN" in error.remedy
    assert demo.count("API") == 1


def test_a_token_without_the_scope_is_reported_with_the_vendors_message(demo: DemoVocareum):
    api = VocareumApi(demo.environment["VOCAREUM_API_URL"], SecretStr(demo.api.token_without_scope))
    with pytest.raises(AuthenticationError, match=r"permission denied.*s3_labs"):
        api.s3_credentials(demo.org_id)
    assert demo.count("API") == 1


def test_another_organisation_is_refused_with_the_variable_to_check(
    demo: DemoVocareum, api: VocareumApi
):
    error = failure(api, "1234")
    assert isinstance(error, ApiRefused)
    assert "VOCAREUM_ORG_ID" in error.remedy


@pytest.mark.parametrize("org_id", ["", "../admin", "9001/x", "9001?x=1"])
def test_an_organisation_id_cannot_change_the_path(
    demo: DemoVocareum, api: VocareumApi, org_id: str
):
    assert isinstance(failure(api, org_id), ApiRefused)
    assert demo.requests == []


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_passing_failure_is_retried(demo: DemoVocareum, api: VocareumApi, status: int):
    demo.fail_next(2, status)
    assert api.s3_credentials(demo.org_id)
    assert demo.count("API") == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_not_retried(demo: DemoVocareum, api: VocareumApi, status: int):
    demo.fail_next(1, status, body=b'{"status": "error", "message": "Missing Token"}')
    error = failure(api)
    assert isinstance(error, AuthenticationError if status in (400, 401, 403) else ApiRefused)
    assert "Missing Token" in error.message
    assert demo.count("API") == 1


def test_retry_after_is_honoured(demo: DemoVocareum, api: VocareumApi, seconds: Seconds):
    demo.fail_next(1, 429, headers=(("Retry-After", "1"),))
    assert api.s3_credentials(demo.org_id)
    assert seconds.waits == [1.0]


def test_a_wait_that_exceeds_the_budget_is_not_begun(
    demo: DemoVocareum, api: VocareumApi, seconds: Seconds
):
    demo.fail_next(1, 429, headers=(("Retry-After", "3600"),))
    error = failure(api)
    assert isinstance(error, ApiUnavailable)
    assert "status 429" in error.message
    assert seconds.waits == []


def test_retries_end_when_the_budget_is_spent(demo: DemoVocareum, seconds: Seconds):
    demo.fail_next(1000, 503)
    error = failure(client(demo.environment["VOCAREUM_API_URL"], budget=60))
    assert isinstance(error, ApiUnavailable)
    assert "status 503" in error.message
    assert demo.count("API") == len(seconds.waits) + 1 > 1
    assert sum(seconds.waits) <= 60


def test_a_server_that_never_finishes_its_answer_does_not_hold_the_client(serve, seconds: Seconds):
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:  # until the client leaves
                handler.wfile.write(b" ")
                handler.wfile.flush()
                seconds.pass_by(0.1)
        except OSError:
            handler.close_connection = True

    assert isinstance(failure(client(serve(drip), budget=1)), ApiUnavailable)
    assert seconds.waits == [], "the budget was spent on the first answer"


def test_a_refused_connection_is_retried_for_seconds_and_then_named(seconds: Seconds):
    error = failure(client("http://127.0.0.1:9", budget=60))
    assert seconds.waits, "not retried"
    assert sum(seconds.waits) <= REFUSED_BUDGET
    assert isinstance(error, ApiUnavailable)
    assert "for 10 seconds" in error.message
    assert "connection refused" in error.message


def test_a_connection_that_breaks_is_retried_for_the_whole_budget_and_then_named(
    serve, seconds: Seconds
):
    error = failure(client(serve(lambda handler: handler.connection.close()), budget=60))
    assert sum(seconds.waits) > REFUSED_BUDGET, "it was taken for a refused one"
    assert isinstance(error, ApiUnavailable)
    assert "the connection failed" in error.message


def test_a_token_is_never_sent_to_another_host_on_redirect(serve):
    seen = []
    thief = serve(
        lambda handler: (seen.append(handler.headers.get("Authorization")), answer(handler, GOOD))
    )
    home = serve(lambda handler: answer(handler, status=302, Location=f"{thief}/orgs/9001/s3_labs"))
    error = failure(client(home))
    assert isinstance(error, UnsafeAddress)
    assert "VOCAREUM_API_URL" in error.remedy
    assert seen == []


def test_a_redirect_within_the_host_is_followed_with_the_token(serve):
    seen = []

    def behave(handler: BaseHTTPRequestHandler) -> None:
        seen.append((handler.path, handler.headers.get("Authorization")))
        if handler.path.startswith("/old"):
            answer(handler, status=301, Location="/new/orgs/9001/s3_labs")
        else:
            answer(handler, GOOD)

    assert client(f"{serve(behave)}/old").s3_credentials("9001").access_key_id == "A"
    assert seen[-1] == ("/new/orgs/9001/s3_labs", f"Token {TOKEN}")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.vocareum.com/api/v2",
        "http://127.0.0.1.evil.example",
        "ftp://localhost",
        "nonsense",
        "https://",
    ],
)
def test_plain_http_is_refused_except_to_this_machine(url):
    with pytest.raises(UnsafeAddress, match="VOCAREUM_API_URL"):
        client(url)


@pytest.mark.parametrize(
    "url", ["http://localhost:1/", "http://127.8.9.1:1", "http://[::1]:1", "https://x.example"]
)
def test_https_and_this_machine_are_accepted(url):
    assert client(url)


@pytest.mark.parametrize("body", [b"<html><h1>Welcome</h1></html>", b"\xff\xfe"])
def test_a_web_page_with_status_200_is_malformed_and_points_to_the_address(serve, body):
    error = failure(client(serve(lambda handler: answer(handler, body))))
    assert isinstance(error, MalformedCredentials)
    assert "VOCAREUM_API_URL" in error.remedy


@pytest.mark.parametrize("body", [b"", GOOD[:40]])
def test_a_response_that_breaks_off_is_requested_again(
    serve, body, monkeypatch: pytest.MonkeyPatch, seconds: Seconds
):
    bodies = iter([body, GOOD])
    assert (
        client(serve(lambda handler: answer(handler, next(bodies))))
        .s3_credentials("9001")
        .access_key_id
        == "A"
    )
    # The last attempt begins a second before the end: one that begins just before it would be
    # reported as a timeout.
    monkeypatch.setattr(api_module, "_wait", lambda _: 2.0)
    error = failure(client(serve(lambda handler: answer(handler, body)), budget=3))
    assert isinstance(error, ApiUnavailable)
    assert "is truncated" in error.message


@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_token_that_the_vendor_repeats_is_not_passed_on(serve, status):
    body = f'{{"status": "error", "message": "Invalid Token {TOKEN}"}}'.encode()
    error = failure(client(serve(lambda handler: answer(handler, body, status))))
    assert "[hidden]" in error.message


def test_the_token_is_not_logged(
    demo: DemoVocareum, api: VocareumApi, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")  # the webhook's module silences it
    api.s3_credentials(demo.org_id)
    assert "/orgs/9001/s3_labs" in caplog.text
    assert demo.token not in caplog.text


SLASHED = "s3cr3t/t0ken+of=an/admin"


@pytest.mark.parametrize("status", [200, 400, 404])
@pytest.mark.parametrize(
    "spelling",
    [
        SLASHED,
        SLASHED.replace("/", "\\/"),
        "".join(f"\\u{ord(letter):04x}" for letter in SLASHED),
        quote(SLASHED, safe=""),
        SLASHED.replace("/", "\\\\/"),
    ],
)
def test_a_token_is_hidden_after_decoding_however_it_is_spelled(serve, status: int, spelling: str):
    body = f'{{"status": "error", "message": "Invalid Token {spelling}"}}'.encode()
    api = VocareumApi(
        serve(lambda handler: answer(handler, body, status)), SecretStr(SLASHED), budget=5
    )
    with pytest.raises(VocareumError) as caught:
        api.s3_credentials("9001")
    assert "[hidden]" in caught.value.message
    assert "t0ken" not in repr(caught.value) + str(caught.value.__context__)


def test_every_error_hides_a_registered_secret_whoever_wrote_its_text():
    register("registered-secret")
    error = ApiRefused("You sent registered-secret.", "Do not send registered-secret.")
    assert (error.message, error.remedy) == ("You sent [hidden].", "Do not send [hidden].")
    assert "registered" not in repr(error) + str(error)


def test_a_token_at_the_end_of_a_truncated_body_is_hidden(serve):
    blanks = b" " * (api_module._MAX_ERROR_BODY - len(TOKEN) + 3)
    error = failure(
        client(serve(lambda handler: answer(handler, blanks + TOKEN.encode() + b" " * 100, 404)))
    )
    assert TOKEN[:5] not in str(error)


@pytest.mark.parametrize("status", [200, 400])
def test_deeply_nested_json_is_refused_without_a_traceback(serve, status: int):
    error = failure(
        client(serve(lambda handler: answer(handler, b"[" * 15_000 + b"]" * 4_000, status)))
    )
    assert isinstance(error, MalformedCredentials if status == 200 else ApiRefused)
    assert "is truncated" not in error.message


def test_a_response_that_is_too_large_is_reported(serve):
    error = failure(
        client(serve(lambda handler: answer(handler, b" " * (api_module._MAX_BODY + 100))))
    )
    assert isinstance(error, MalformedCredentials)
    assert "larger than" in error.message


def test_an_error_body_is_read_no_further_than_it_is_searched(
    serve, monkeypatch: pytest.MonkeyPatch
):
    searched = []
    real = api_module.re.sub
    monkeypatch.setattr(
        api_module.re,
        "sub",
        lambda pattern, new, text: (
            searched.append((pattern, len(text))) or real(pattern, new, text)
        ),
    )
    error = failure(client(serve(lambda handler: answer(handler, b"<" * 900_000, 400))))
    assert isinstance(error, ApiRefused)
    ((pattern, length),) = searched
    assert length <= api_module._MAX_ERROR_BODY
    # No match crosses the next `<`, so each character is visited once.
    assert real(pattern, " ", "<<<b>x</b>") == "<< x "


def test_headers_that_drip_do_not_hold_the_client(serve):
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not over.wait(0.2):
            try:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            except OSError:
                return

    try:
        error = failure(client(serve(drip), budget=1))
    finally:
        ended = not over.is_set()
        over.set()
    assert ended, "the call ends although the headers never do"
    assert isinstance(error, ApiUnavailable)
    assert "TimeoutError" in error.message


@pytest.mark.parametrize(
    "part", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
)
@pytest.mark.parametrize(
    "value", ["two\nlines-of-secret", "two words-of-secret", "sécret-of-secret"]
)
def test_credentials_that_cannot_be_a_header_are_refused_without_showing_them(
    serve, part: str, value: str
):
    body = json.dumps(json.loads(GOOD) | {part: value}).encode()
    error = failure(client(serve(lambda handler: answer(handler, body))))
    assert isinstance(error, MalformedCredentials)
    assert "invalid characters" in error.message
    assert "of-secret" not in str(error)
