"""Whole syncs over a network that corrupts one response in five, and servers that are down for as
long as production waits.
"""

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import YESTERDAY, Run
from analytics_pipeline_tests.faults.test_bad_network import WRITTEN
from analytics_pipeline_tests.faults.test_servers_that_are_down import DOWN, down
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.support.fault_proxy import FAULTS
from analytics_pipeline_tests.support.faulty_network import (
    MIXED,
    SHARE,
    as_without_faults,
    bad_network,
    landed,
)

SEEDS = (1, 2, 3)
LARGE = OrganisationSpec(last_day=YESTERDAY, days=360, students=30, courses=20)
API_BOUND_SECONDS, S3_BOUND_SECONDS = 75, 125
"""Sum of production's timeouts: 60 s for the API; for S3 the attempt in progress after 60 s may
finish."""


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.usefixtures("impatient")
def test_a_sync_over_a_faulty_network_ends_like_one_over_a_good_network(
    run: Run, demo: DemoVocareum, organisation: Organisation, tmp_path: Path
):
    demo.put_many(organisation.files(), WRITTEN)
    clean = tmp_path / "clean"
    assert run("sync", ANALYTICS_DATA_DIR=str(clean)).exit_code == 0
    injected: Counter[str] = Counter()
    for seed, fault in enumerate(FAULTS):
        with bad_network(demo, {fault: SHARE}, seed) as network:
            folder = tmp_path / fault
            result = run("sync", ANALYTICS_DATA_DIR=str(folder), **network.environment)
        assert result.exit_code == 0, (fault, network.injected, result.output)
        assert network.injected[fault], f"no {fault} was met"
        as_without_faults(folder, clean)
        injected += network.injected
    note(
        "one kind of fault on one answer in five, a sync for each kind",
        f"{len(FAULTS)} kinds, {injected.total()} faults, {len(FAULTS)} syncs as over a good"
        f" network ({_counts(injected)})",
    )


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.usefixtures("impatient")
def test_large_syncs_over_a_bad_network_with_short_lived_credentials_end_as_over_a_good_one(
    run: Run, demo: DemoVocareum, tmp_path: Path
):
    demo.put_many(Organisation(LARGE).files(), WRITTEN)
    start = {"VOCAREUM_START_DATE": LARGE.first_day.replace(day=1).isoformat()}
    clean = tmp_path / "clean"
    assert run("sync", ANALYTICS_DATA_DIR=str(clean), **start).exit_code == 0
    objects = len(landed(clean))
    assert objects >= 1_000, objects
    demo.lifetime = timedelta(seconds=3)
    injected: Counter[str] = Counter()
    requests = renewals = 0
    for seed in SEEDS:
        demo.clear_requests()
        folder = tmp_path / f"seed {seed}"
        with bad_network(demo, MIXED, seed) as network:
            result = run("sync", ANALYTICS_DATA_DIR=str(folder), **start, **network.environment)
        assert result.exit_code == 0, (seed, network.injected, result.output[-2_000:])
        assert set(network.injected) == set(FAULTS), f"not every fault was met: {network.injected}"
        assert demo.count("API") >= 3, "the credentials were not renewed"
        as_without_faults(folder, clean)
        injected += network.injected
        requests, renewals = requests + network.requests, renewals + demo.count("API")
    note(
        f"all faults on one answer in five, credentials that live 3 seconds, {objects:,} objects",
        f"{len(SEEDS)} syncs as over a good network; {injected.total():,} faults in {requests:,}"
        f" requests, {renewals} credentials ({_counts(injected)})",
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_production_waits_a_bounded_time_for_a_server_that_is_down(run: Run, demo: DemoVocareum):
    demo.put("org9001/course-asn_mapping/course_mapping.csv", b"not asked for")
    took = {}
    for server, bound in (
        ("VOCAREUM_API_URL", API_BOUND_SECONDS),
        ("AWS_ENDPOINT_URL_S3", S3_BOUND_SECONDS),
    ):
        for kind in DOWN:
            with down(kind, demo) as settings:
                begun = time.monotonic()
                result = run("sync", **{server: settings[server]})
                took[server, kind] = time.monotonic() - begun
            assert result.exit_code == 2, (server, kind, result.output)
            assert "Try again later" in result.output, (server, kind, result.output)
            assert took[server, kind] < bound, (server, kind, took)
    longest = {
        server: max(seconds for (host, _), seconds in took.items() if host == server)
        for server, _ in took
    }
    note(
        "API or S3 down permanently: refused, always 503, a black hole",
        f"exit code 2 with a remedy; at the latest after {longest['VOCAREUM_API_URL']:.0f} s (API)"
        f" and {longest['AWS_ENDPOINT_URL_S3']:.0f} s (S3)",
    )


def _counts(injected: Counter[str]) -> str:
    return ", ".join(f"{count} x {fault}" for fault, count in sorted(injected.items()))
