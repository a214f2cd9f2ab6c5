"""Listing the bucket of the simulation: complete, with versions and times."""

from datetime import UTC, datetime

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.objects import RemoteObject


def test_a_listing_gives_key_etag_size_and_time_in_utc(demo: DemoVocareum, bucket: Bucket):
    made = datetime(2024, 1, 9, 6, 30, tzinfo=UTC)
    demo.put("org9001/grades/course1/grades.csv", b"hello", made)
    demo.put("org9001/folder/", b"")
    expected = RemoteObject(
        "org9001/grades/course1/grades.csv", "5d41402abc4b2a76b9719d911017c592", 5, made
    )
    assert list(bucket.list()) == [expected]
    assert list(bucket.list("grades/")) == [expected]
    assert list(bucket.list("enrollment/")) == []


def test_times_in_headers_are_parsed_like_those_in_listings(demo: DemoVocareum, connection):
    made = datetime(2024, 1, 9, 6, 30, tzinfo=UTC)
    demo.put("org9001/a.csv", b"hello", made)
    client = connection.client("s3", endpoint_url=demo.environment["AWS_ENDPOINT_URL_S3"])
    assert client.head_object(Bucket=demo.bucket, Key="org9001/a.csv")["LastModified"] == made


def test_a_listing_of_more_than_a_thousand_keys_is_complete(demo: DemoVocareum, bucket: Bucket):
    keys = {f"org9001/lab_sessions/{n:05}.csv" for n in range(2100)}
    demo.put_many(dict.fromkeys(keys, b"x"))
    assert {found.key for found in bucket.list()} == keys
    assert demo.count("LIST") == 3


def test_credentials_that_expire_between_two_pages_do_not_tear_the_listing(
    demo: DemoVocareum, bucket: Bucket
):
    demo.put_many({f"org9001/{n:05}.csv": b"x" for n in range(1500)})
    listing = bucket.list()
    first = [next(listing)]
    demo.expire_credentials()
    assert len({found.key for found in [*first, *listing]}) == 1500
    assert demo.count("API") == 2, "the second page needed new credentials"
