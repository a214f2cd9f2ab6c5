"""What the API client asks again, for how long, and its message when it gives up."""

import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum import api as api_module
from analytics_pipeline.vocareum.api import REFUSED_BUDGET, VocareumApi
from analytics_pipeline.vocareum.errors import ApiRefused, ApiUnavailable, AuthenticationError
from analytics_pipeline_tests.support.api_client import GOOD, client, failure
from analytics_pipeline_tests.support.clocks import Seconds
from analytics_pipeline_tests.support.faulty_responses import answer


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


def test_a_refused_connection_is_retried_for_seconds_and_then_named(seconds: Seconds):
    error = failure(client("http://127.0.0.1:9", budget=60))
    assert seconds.waits, "not retried"
    assert sum(seconds.waits) <= REFUSED_BUDGET
    assert isinstance(error, ApiUnavailable)
    assert "for 10 seconds" in error.message
    assert "connection refused" in error.message


@pytest.mark.thorough
def test_a_connection_that_breaks_is_retried_for_the_whole_budget_and_then_named(
    serve, seconds: Seconds
):
    error = failure(client(serve(lambda handler: handler.connection.close()), budget=60))
    assert sum(seconds.waits) > REFUSED_BUDGET, "it was taken for a refused one"
    assert isinstance(error, ApiUnavailable)
    assert "the connection failed" in error.message


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
