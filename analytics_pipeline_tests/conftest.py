"""What all tests share: a running simulation of Vocareum.

Only fixtures that more than one folder of tests uses belong here.
"""

from collections.abc import Iterator

import pytest

from analytics_pipeline.demo.servers import DemoVocareum


@pytest.fixture(scope="session")
def vocareum() -> Iterator[DemoVocareum]:
    """A simulated Vocareum that runs for the whole session. What a test puts there, others see: `clear()` it."""
    with DemoVocareum(token="t0ken-of-an-org-admin") as running:
        yield running
