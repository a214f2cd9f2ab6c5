"""Responses of an API that misbehaves: slow, endless, large, deep, of another kind, or unusable."""

import json
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from analytics_pipeline.vocareum import api as api_module
from analytics_pipeline.vocareum.errors import (
    ApiRefused,
    ApiUnavailable,
    MalformedCredentials,
)
from analytics_pipeline_tests.support.api_client import GOOD, client, failure
from analytics_pipeline_tests.support.clocks import Seconds
from analytics_pipeline_tests.support.faulty_responses import answer


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


@pytest.mark.parametrize("body", [b"<html><h1>Welcome</h1></html>", b"\xff\xfe"])
def test_a_web_page_with_status_200_is_malformed_and_points_to_the_address(serve, body):
    error = failure(client(serve(lambda handler: answer(handler, body))))
    assert isinstance(error, MalformedCredentials)
    assert "VOCAREUM_API_URL" in error.remedy


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
