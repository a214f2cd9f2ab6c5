"""A network that corrupts one response in five: nothing is lost, torn or doubled, and nobody waits
forever.

`vocareum/` tests single faults of misbehaving servers; `soak/` has the long runs.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.objects import Downloaded
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.clocks import Clock
from analytics_pipeline_tests.support.fault_proxy import FAULTS
from analytics_pipeline_tests.support.faulty_network import (
    MIXED,
    SHARE,
    BadNetwork,
    as_without_faults,
    bad_network,
    bucket,
    landed,
)

WRITTEN = datetime(2024, 1, 9, 6, tzinfo=UTC)


def bucket_behind(network: BadNetwork, demo: DemoVocareum) -> Bucket:
    return bucket(demo, {**demo.environment, **network.environment})


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
def test_every_object_is_listed_and_arrives_complete_although_one_response_in_five_is_bad(
    demo: DemoVocareum, organisation: Organisation, tmp_path: Path, fault: str
):
    files = organisation.files()
    demo.put_many(files)
    with bad_network(demo, {fault: SHARE}, seed=1) as network:
        behind = bucket_behind(network, demo)
        listed = list(behind.list())
        outcomes = list(
            behind.download(
                listed, lambda found: tmp_path / found.etag / found.key.rpartition("/")[2]
            )
        )
    assert {item.key for item in listed} == set(files)
    failed = [outcome for outcome in outcomes if not isinstance(outcome, Downloaded)]
    assert failed == [], f"of {network.requests} answers {network.injected[fault]} were spoilt"
    assert {outcome.object.key: outcome.path.read_bytes() for outcome in outcomes} == files
    assert network.injected[fault] >= 3, "the network was not bad"


@pytest.mark.parametrize(
    "fault", ["Content-Length 0", "Content-Length too short", "truncated body"]
)
def test_an_interrupted_listing_is_not_the_end_of_the_bucket(demo: DemoVocareum, fault: str):
    keys = {f"org9001/lab_sessions/{at:05}.csv" for at in range(1_100)}
    demo.put_many(dict.fromkeys(keys, b"x"))
    with bad_network(demo, {fault: 0.5}, seed=2) as network:
        assert {found.key for found in bucket_behind(network, demo).list()} == keys
    assert network.s3.injected[fault] >= 2, "no page was spoilt"


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_file_rewritten_during_the_listing_loads_in_its_new_version(
    demo: DemoVocareum, tmp_path: Path
):
    keys = [f"org9001/lab_sessions/{at:05}.csv" for at in range(1_100)]
    demo.put_many(dict.fromkeys(keys, b"old"))
    with bad_network(demo, MIXED) as network:
        behind = bucket_behind(network, demo)
        listing = behind.list()
        listed = [next(listing)]
        demo.put_many(
            {keys[1]: b"new, on the page that was read", keys[-1]: b"new, on a page to come"}
        )
        listed += listing
        some = [listed[0], listed[1], listed[-1]]
        outcomes = list(behind.download(some, lambda found: tmp_path / found.etag))
    assert len(listed) == len(keys)
    assert {outcome.object.key: outcome.path.read_bytes() for outcome in outcomes} == {
        keys[0]: b"old",
        keys[1]: b"new, on the page that was read",
        keys[-1]: b"new, on a page to come",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_sync_over_a_bad_network_and_with_short_lived_credentials_ends_as_over_a_good_one(
    run: Run, demo: DemoVocareum, organisation: Organisation, data: Path, tmp_path: Path
):
    demo.put_many(organisation.files(), WRITTEN)
    clean = tmp_path / "clean"
    assert run("sync", ANALYTICS_DATA_DIR=str(clean)).exit_code == 0
    demo.lifetime, demo.clock = (
        timedelta(minutes=2),
        Clock(step=timedelta(seconds=5)),
    )  # good for 24 requests
    with bad_network(demo, MIXED) as network:
        result = run("sync", **network.environment)
    assert result.exit_code == 0, (result.output, network.injected)
    assert len(network.injected) >= 5, "the network was not bad"
    as_without_faults(data, clean)


@pytest.mark.slow
def test_a_file_rewritten_between_listing_and_fetch_is_loaded_once_and_completely(
    run: Run, demo: DemoVocareum, data: Path, after_listing: Callable[[Callable[[], None]], None]
):
    key = "org9001/course-asn_mapping/course_mapping.csv"
    demo.put(key, mapping(1, 2), WRITTEN)
    after_listing(lambda: demo.put(key, mapping(3, 4, 5), WRITTEN + timedelta(hours=1)))
    with bad_network(demo, {"slow trickle": 1.0}) as network:
        assert run("sync", **network.environment).exit_code == 0
    assert courses(data) == [3, 4, 5]
    assert [name.rpartition("@")[2] for name in landed(data)] == [
        hashlib.md5(mapping(3, 4, 5)).hexdigest() + ".csv"
    ]
    result = run("sync")
    assert "Nothing to do" in result.output, result.output


def mapping(*courses: int) -> bytes:
    head = "org_id, org_name, course_id, course_name, create_method, parent_course_id\n"
    return (head + "".join(f"9001, O, {course}, C, New,\n" for course in courses)).encode()


def courses(data: Path) -> list[int]:
    with open_warehouse(data / "warehouse.duckdb") as connection:
        return [
            course
            for (course,) in connection.execute(
                "SELECT course_id FROM raw.course_mapping ORDER BY 1"
            ).fetchall()
        ]
