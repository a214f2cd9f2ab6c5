"""The simulated Vocareum is as strict as the real one, or the other tests would prove nothing."""

from urllib.parse import urlsplit

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import SecretStr

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.session import session
from analytics_pipeline_tests.support.open_ports import listening


def s3(demo: DemoVocareum, **changed: str):
    frozen = demo._issue()
    credentials = {
        "aws_access_key_id": frozen.access_key_id,
        "aws_secret_access_key": frozen.secret_access_key,
        "aws_session_token": frozen.session_token,
    }
    return boto3.client(
        "s3",
        endpoint_url=demo.environment["AWS_ENDPOINT_URL_S3"],
        region_name=demo.region,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        **(credentials | changed),
    )


def test_the_simulated_servers_are_reachable_only_from_this_machine(demo: DemoVocareum):
    addresses = listening([psutil.Process()])
    urls = [
        urlsplit(demo.environment[name]) for name in ("VOCAREUM_API_URL", "AWS_ENDPOINT_URL_S3")
    ]
    assert {("127.0.0.1", url.port) for url in urls} <= addresses
    assert {host for host, _ in addresses} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_session_token": "wrong"}, "InvalidToken"),
        ({"aws_access_key_id": "ASIAUNKNOWN"}, "InvalidAccessKeyId"),
    ],
)
def test_wrong_credentials_are_refused_as_s3_does(
    demo: DemoVocareum, changed: dict[str, str], code: str
):
    with pytest.raises(ClientError, match=code):
        s3(demo, **changed).list_objects_v2(Bucket=demo.bucket, Prefix=demo.prefix)


def test_writing_deleting_and_listing_all_are_not_granted(demo: DemoVocareum):
    client = s3(demo)
    demo.put("org9001/a.csv", b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=demo.bucket, Key="org9001/a.csv", Body=b"y")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=demo.bucket, Key="org9001/a.csv")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.list_objects_v2(Bucket=demo.bucket)


def test_two_simulations_in_one_process_share_nothing(demo: DemoVocareum):
    demo.put("org9001/a.csv", b"x")
    with DemoVocareum(org_id="9001", token="another") as second:
        api = VocareumApi(second.environment["VOCAREUM_API_URL"], SecretStr("another"))
        bucket = Bucket(
            session(api, "9001", second.region),
            second.bucket,
            "org9001/",
            second.environment["AWS_ENDPOINT_URL_S3"],
        )
        assert list(bucket.list()) == []
        assert demo.requests == []
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3(demo, aws_secret_access_key="wrong").list_objects_v2(
            Bucket=demo.bucket, Prefix=demo.prefix
        )
