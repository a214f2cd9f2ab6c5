"""Access to the bucket: what it grants, what it denies, and how credentials are renewed."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.credentials import Credentials
from analytics_pipeline.vocareum.errors import AuthenticationError, BucketError, UnsafeAddress
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered
from analytics_pipeline.vocareum.session import session
from analytics_pipeline_tests.support.clocks import Clock

Destination = Callable[[RemoteObject], Path]


def test_the_grant_covers_only_the_organisations_prefix(
    demo: DemoVocareum, connection, into: Destination
):
    other = Bucket(connection, demo.bucket, "org1/", demo.environment["AWS_ENDPOINT_URL_S3"])
    demo.put("org1/a.csv", b"x")
    with pytest.raises(BucketError, match="VOCAREUM_ORG_ID"):
        list(other.list())
    listed = RemoteObject("org1/a.csv", "9dd4e461268c8034f5c8564e155c67a6", 1, datetime.now(UTC))
    (outcome,) = other.download([listed], into)
    assert isinstance(outcome, Undelivered)
    assert "AccessDenied" in outcome.reason
    assert demo.count("GET") == 1, "a denial is not retried"


def test_a_bucket_that_does_not_exist_points_to_its_setting(demo: DemoVocareum, connection):
    missing = Bucket(
        connection, "no-such-bucket", demo.prefix, demo.environment["AWS_ENDPOINT_URL_S3"]
    )
    with pytest.raises(BucketError, match="no-such-bucket"):
        list(missing.list())


def test_an_error_about_the_api_token_is_passed_on_unchanged(demo: DemoVocareum):
    api = VocareumApi(demo.environment["VOCAREUM_API_URL"], SecretStr("wrong"))
    stranger = Bucket(
        session(api, demo.org_id, demo.region),
        demo.bucket,
        demo.prefix,
        demo.environment["AWS_ENDPOINT_URL_S3"],
    )
    with pytest.raises(AuthenticationError, match="Invalid Token"):
        list(stranger.list())


def test_credentials_are_not_sent_over_plain_http(connection):
    with pytest.raises(UnsafeAddress, match="AWS_ENDPOINT_URL_S3"):
        Bucket(connection, "b", "org1/", "http://s3.example.com")


@pytest.mark.parametrize(
    "others", [{"AWS_PROFILE": "nobody"}, {"AWS_CONFIG_FILE": "broken"}, {"AWS_CONFIG_FILE": "own"}]
)
def test_the_users_own_profile_and_files_of_aws_do_not_mix_in(
    demo: DemoVocareum,
    api: VocareumApi,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    others: dict[str, str],
):
    (tmp_path / "broken").write_text("[default\n")
    (tmp_path / "own").write_text(
        "[default]\ndefaults_mode = mine\nendpoint_url = http://127.0.0.1:9\n"
    )
    monkeypatch.chdir(tmp_path)
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    connection = session(api, demo.org_id, demo.region)
    bucket = Bucket(connection, demo.bucket, demo.prefix, demo.environment["AWS_ENDPOINT_URL_S3"])
    assert list(bucket.list()) == []


def test_an_endpoint_for_all_of_aws_is_not_the_feeds(connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    bucket = Bucket(connection, "b", "org1/", region="us-west-2")
    assert bucket._client.meta.endpoint_url == "https://s3.us-west-2.amazonaws.com"


def test_a_variable_of_aws_without_a_meaning_is_named(connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULTS_MODE", "mine")
    with pytest.raises(BucketError, match=r"defaults mode: mine.*begins with AWS_"):
        Bucket(connection, "b", "org1/")


def test_credentials_that_expire_during_a_download_are_renewed(
    demo: DemoVocareum, bucket: Bucket, into: Destination
):
    demo.put_many({f"org9001/{n}.csv": b"x" * n for n in range(60)})
    listed = list(bucket.list())
    demo.expire_credentials()
    outcomes = list(bucket.download(listed, into, workers=8))
    assert all(isinstance(outcome, Downloaded) for outcome in outcomes)
    assert demo.count("API") == 2, "one renewal for all threads"


def test_a_download_that_outlasts_several_credentials_is_complete(
    demo: DemoVocareum, bucket: Bucket, tmp_path: Path, clock: Clock
):
    demo.put_many({f"org9001/{n}.csv": b"x" for n in range(80)})

    def slow(found: RemoteObject) -> Path:
        clock.move(minutes=2)
        return tmp_path / found.etag / found.key

    outcomes = list(bucket.download(bucket.list(), slow, workers=2))
    assert len(outcomes) == 80
    assert all(isinstance(outcome, Downloaded) for outcome in outcomes)
    assert demo.count("API") == 4, "160 minutes, with fresh ones after 45 minutes of each hour"


def test_a_download_stops_when_s3_accepts_no_credentials(
    demo: DemoVocareum, api: VocareumApi, into: Destination
):
    class Stale:
        def s3_credentials(self, org_id: str) -> Credentials:
            found = api.s3_credentials(org_id)
            demo.expire_credentials()
            return found

    demo.put_many({f"org9001/{n}.csv": b"x" for n in range(100)})
    listed = [RemoteObject(f"org9001/{n}.csv", "0" * 32, 1, datetime.now(UTC)) for n in range(100)]
    useless = session(Stale(), demo.org_id, demo.region)
    revoked = Bucket(useless, demo.bucket, demo.prefix, demo.environment["AWS_ENDPOINT_URL_S3"])
    with pytest.raises(BucketError, match="rejects the credentials") as caught:
        list(revoked.download(listed, into, workers=4))
    assert demo.count("GET") <= 4 * 8, (
        "each worker spends the attempts for one file, and begins no other"
    )
    token = useless.get_credentials().get_frozen_credentials().token
    assert token not in repr(caught.value) + repr(caught.value.__context__)


def test_a_proxy_from_the_environment_is_not_asked_for_this_machine(
    demo: DemoVocareum,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    into: Destination,
):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    demo.put("org9001/a.csv", b"x")
    bucket = request.getfixturevalue("bucket")  # made only now, with the proxy set
    assert [type(outcome) for outcome in bucket.download(bucket.list(), into)] == [Downloaded]
