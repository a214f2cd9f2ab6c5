"""To which addresses the API client sends its token: redirects, HTTPS and this machine."""

from http.server import BaseHTTPRequestHandler

import pytest

from analytics_pipeline.vocareum.addresses import require_safe
from analytics_pipeline.vocareum.errors import UnsafeAddress
from analytics_pipeline_tests.support.api_client import GOOD, TOKEN, client, failure
from analytics_pipeline_tests.support.faulty_responses import answer


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
    assert require_safe(url, "VOCAREUM_API_URL") == url.removesuffix("/")
