"""The simulated Vocareum behind a bad network, and the expected state after a sync through it.

fault_proxy.py corrupts responses; the tests decide what to try.
"""

import hashlib
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.session import session
from analytics_pipeline_tests.cli.test_kills import as_after_an_unbroken_run
from analytics_pipeline_tests.support.fault_proxy import FAULTS, FaultProxy

SHARE = 0.2
"""One response in five is corrupted."""

MIXED = dict.fromkeys(FAULTS, SHARE / len(FAULTS))


@dataclass(frozen=True)
class BadNetwork:
    """A proxy before the API, one before S3, and the settings that lead through both."""

    api: FaultProxy
    s3: FaultProxy

    @property
    def environment(self) -> dict[str, str]:
        return {"VOCAREUM_API_URL": f"{self.api.url}/api/v2", "AWS_ENDPOINT_URL_S3": self.s3.url}

    @property
    def injected(self) -> Counter[str]:
        return self.api.injected + self.s3.injected

    @property
    def requests(self) -> int:
        return self.api.requests + self.s3.requests


@contextmanager
def bad_network(
    demo: DemoVocareum, shares: Mapping[str, float], seed: int = 0
) -> Iterator[BadNetwork]:
    """Start proxies before both servers; `shares` gives the share of responses that each kind of
    fault corrupts.
    """
    api, s3 = (
        demo.environment[name].removesuffix("/api/v2")
        for name in ("VOCAREUM_API_URL", "AWS_ENDPOINT_URL_S3")
    )
    with FaultProxy(api, shares, seed) as before_api, FaultProxy(s3, shares, seed + 1) as before_s3:
        yield BadNetwork(before_api, before_s3)


def bucket(demo: DemoVocareum, settings: Mapping[str, str]) -> Bucket:
    """Open the bucket that these settings lead to, like a sync."""
    api = VocareumApi(settings["VOCAREUM_API_URL"], SecretStr(demo.token))
    opened = session(api, demo.org_id, demo.region)
    return Bucket(opened, demo.bucket, demo.prefix, settings["AWS_ENDPOINT_URL_S3"], demo.region)


@contextmanager
def black_hole() -> Iterator[str]:
    """Return the URL of a port that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def as_without_faults(data: Path, clean: Path) -> None:
    """Assert that a data folder equals one after a sync over a good network: files, rows,
    models.
    """
    assert landed(data) == landed(clean), "the landing files differ"
    as_after_an_unbroken_run(data, clean)


def landed(data: Path) -> set[str]:
    """Return the landed files by path; each must hold the delivered bytes, by the MD5 in its
    name.
    """
    found = {
        path.relative_to(data / "landing").as_posix(): path
        for path in (data / "landing").rglob("*.csv")
    }
    for name, path in found.items():
        content = hashlib.md5(path.read_bytes()).hexdigest()
        assert name.endswith(f"@{content}.csv"), f"{name} holds other bytes than were delivered"
    return set(found)
