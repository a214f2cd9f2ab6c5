"""Parsing credentials, and keeping them fresh."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from analytics_pipeline.demo.api_server import SHAPES
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum import retry
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.credentials import Credentials, parse_credentials
from analytics_pipeline.vocareum.errors import ApiUnavailable, MalformedCredentials
from analytics_pipeline.vocareum.session import session
from analytics_pipeline_tests.support.clocks import Clock

NOW = datetime(2024, 1, 9, 12, 0, tzinfo=UTC)
UNTIL = datetime(2024, 1, 9, 12, 45, tzinfo=UTC)
ENV = {"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "s/1+", "AWS_SESSION_TOKEN": "t=="}
STS = {"AccessKeyId": "ASIA1", "SecretAccessKey": "s/1+", "SessionToken": "t=="}
CAMEL = {"accessKeyId": "ASIA1", "secretAccessKey": "s/1+", "sessionToken": "t=="}
SNAKE = {"access_key_id": "ASIA1", "secret_access_key": "s/1+", "session_token": "t=="}
AWS_SNAKE = {
    "aws_access_key_id": "ASIA1",
    "aws_secret_access_key": "s/1+",
    "aws_session_token": "t==",
}
SHORT = {"access_key": "ASIA1", "secret_key": "s/1+", "token": "t=="}


@pytest.mark.parametrize("parts", [ENV, STS, CAMEL, SNAKE, AWS_SNAKE, SHORT])
@pytest.mark.parametrize(
    "nest",
    [
        lambda it: it,
        lambda it: {"status": "success", **it},
        lambda it: {"status": "success", "data": it},
        lambda it: {"Credentials": it, "AssumedRoleUser": {"Arn": "x"}},
        lambda it: [it],
        lambda it: {"s3_labs": [{"credentials": it}]},
    ],
)
def test_every_usual_spelling_at_every_usual_place_is_understood(parts, nest):
    found = parse_credentials(nest(parts), NOW)
    assert found == Credentials(
        "ASIA1", SecretStr("s/1+"), SecretStr("t=="), NOW + timedelta(minutes=60)
    )


@pytest.mark.parametrize(
    "expiry",
    [
        {"Expiration": "2024-01-09T12:45:00Z"},
        {"Expiration": "2024-01-09T13:45:00+01:00"},
        {"expiration": "2024-01-09 12:45:00"},
        {"expires": "2024-01-09 12:45:00 UTC"},
        {"expires_at": 1704804300},
        {"expiresAt": "1704804300"},
        {"expiry_time": 1704804300_000},
        {"expires_in": 2700},
    ],
)
def test_the_expiry_may_be_iso_text_or_an_epoch(expiry):
    found = parse_credentials({**STS, **expiry}, NOW)
    assert found.expires_at == UNTIL
    assert found.expires_at.tzinfo is UTC


def test_an_unreadable_expiry_is_an_error_and_not_a_guess():
    with pytest.raises(MalformedCredentials, match="expiry of the credentials in an unknown form"):
        parse_credentials({**STS, "Expiration": "soon"}, NOW)


@pytest.mark.parametrize("missing", list(ENV))
def test_a_missing_part_is_named_and_the_others_are_not_shown(missing):
    body = {name: value for name, value in ENV.items() if name != missing}
    with pytest.raises(MalformedCredentials) as caught:
        parse_credentials({"status": "success", "message": "see  here", **body}, NOW)
    assert "holds no" in caught.value.message
    assert 'It says: "see here".' in caught.value.message
    assert "VOCAREUM_API_URL" in caught.value.remedy
    assert not any(value in str(caught.value) for value in body.values())


@pytest.mark.parametrize(
    "body", [None, 7, "text", [], [{}, STS], {"AccessKeyId": None, "SecretAccessKey": 3}]
)
def test_a_body_without_credentials_is_malformed(body):
    with pytest.raises(MalformedCredentials, match="no access key id"):
        parse_credentials(body, NOW)


def test_a_status_other_than_success_is_an_error_with_the_vendors_message():
    with pytest.raises(MalformedCredentials, match='It says: "Org is disabled"'):
        parse_credentials({"status": "error", "message": "Org is disabled", **ENV}, NOW)


def test_secrets_do_not_show_in_a_repr():
    shown = repr(parse_credentials(ENV, NOW))
    assert "ASIA1" in shown
    assert "s/1+" not in shown
    assert "t==" not in shown


@pytest.mark.parametrize("shape", list(SHAPES))
def test_each_shape_that_the_api_may_use_opens_the_bucket(
    demo: DemoVocareum, bucket: Bucket, shape: str
):
    demo.api.shape = shape
    demo.api.content_type = "text/html; charset=UTF-8"
    demo.put("org9001/a.csv", b"x")
    assert [found.key for found in bucket.list()] == ["org9001/a.csv"]


def test_credentials_are_fetched_at_first_use_and_only_once(demo: DemoVocareum, api: VocareumApi):
    connection = session(api, demo.org_id, demo.region)
    client = connection.client("s3", endpoint_url=demo.environment["AWS_ENDPOINT_URL_S3"])
    assert demo.count("API") == 0
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda _: client.list_objects_v2(Bucket=demo.bucket, Prefix=demo.prefix), range(16)
            )
        )
    assert demo.count("API") == 1


def test_work_that_outlasts_the_credentials_continues_with_fresh_ones(
    demo: DemoVocareum, bucket: Bucket, clock: Clock
):
    demo.put("org9001/a.csv", b"x")
    for _ in range(30):
        assert len(list(bucket.list())) == 1
        clock.move(minutes=5)
    assert demo.count("API") == 4, "refreshed after 45, 90 and 135 minutes of an hour's credentials"
    assert {request.status for request in demo.requests} == {200}, "renewed before they expired"


def test_an_expired_token_is_answered_with_fresh_credentials(demo: DemoVocareum, bucket: Bucket):
    demo.put("org9001/a.csv", b"x")
    list(bucket.list())
    demo.expire_credentials()
    assert len(list(bucket.list())) == 1
    assert [request.status for request in demo.requests if request.operation == "LIST"] == [
        200,
        400,
        200,
    ]
    assert demo.count("API") == 2


def test_credentials_that_s3_never_accepts_are_renewed_a_bounded_number_of_times(
    demo: DemoVocareum, api: VocareumApi
):
    class Stale:
        """Issues credentials that are revoked at once, although they claim an hour."""

        def s3_credentials(self, org_id: str) -> Credentials:
            found = api.s3_credentials(org_id)
            demo.expire_credentials()
            return found

    client = session(Stale(), demo.org_id, demo.region).client(
        "s3", endpoint_url=demo.environment["AWS_ENDPOINT_URL_S3"]
    )
    with pytest.raises(ClientError, match="ExpiredToken"):
        client.list_objects_v2(Bucket=demo.bucket, Prefix=demo.prefix)
    assert demo.count("LIST") == demo.count("API") == 3


def test_credentials_that_arrive_expired_point_to_the_clock(demo: DemoVocareum, bucket: Bucket):
    demo.lifetime = timedelta(seconds=-5)
    with pytest.raises(MalformedCredentials, match="clock"):
        list(bucket.list())


def test_credentials_from_1995_are_blamed_on_the_sender_and_not_on_the_clock():
    class Old:
        def s3_credentials(self, org_id: str) -> Credentials:
            return Credentials(
                "A", SecretStr("S"), SecretStr("T"), datetime(1995, 1, 1, tzinfo=UTC)
            )

    with pytest.raises(MalformedCredentials, match="expired at 1995-01-01") as caught:
        session(Old(), "9001", "us-west-2").get_credentials().get_frozen_credentials()
    assert "report it to Vocareum" in caught.value.remedy


def test_threads_that_wait_for_credentials_do_not_each_spend_the_retry_budget(
    demo: DemoVocareum, monkeypatch: pytest.MonkeyPatch
):
    # however long a slow machine takes over eight threads
    monkeypatch.setattr(retry, "_CACHED", float("inf"))
    asked = []

    class Down:
        def s3_credentials(self, org_id: str) -> Credentials:
            asked.append(org_id)
            raise ApiUnavailable("Down.", "Try again later.")

    credentials = session(Down(), demo.org_id, demo.region).get_credentials()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(credentials.get_frozen_credentials) for _ in range(8)]
    assert all(isinstance(future.exception(), ApiUnavailable) for future in waiting)
    assert len(asked) == 1, "one thread asked, the others took its answer"


def test_no_secret_reaches_a_log_at_any_level(
    demo: DemoVocareum, connection: boto3.Session, bucket: Bucket, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")  # the webhook's module silences it
    demo.put("org9001/a.csv", b"x")
    list(bucket.list())
    demo.expire_credentials()
    list(bucket.list())
    frozen = connection.get_credentials().get_frozen_credentials()
    # The simulated S3 runs in this process and may log what it likes.
    ours = [record for record in caplog.records if not record.name.startswith("moto")]
    text = "\n".join(json.dumps(record.getMessage()) for record in ours)
    assert "s3_labs" in text, "something was logged"
    for secret in (demo.token, frozen.secret_key, frozen.token):
        assert secret not in text
