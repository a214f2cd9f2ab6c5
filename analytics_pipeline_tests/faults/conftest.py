"""The command line as in `cli/`, and a pipeline with timeouts short enough for tests."""

from collections.abc import Callable
from functools import partialmethod

import pytest

from analytics_pipeline.orchestration import sync as engine
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline_tests.cli.conftest import (  # noqa: F401
    budgets_spent,
    data,
    environment,
    organisation,
    run,
)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat three seconds without a byte as a stall, for S3 and the API; everything else is as in
    production.

    The fault proxy's stalls last longer. A page of a listing takes the simulated S3 over a second
    on a busy machine.
    """
    monkeypatch.setattr(Bucket, "__init__", partialmethod(Bucket.__init__, stall=3.0))
    monkeypatch.setattr(VocareumApi, "__init__", partialmethod(VocareumApi.__init__, timeout=3.0))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a server after three seconds instead of sixty."""
    monkeypatch.setattr(Bucket, "__init__", partialmethod(Bucket.__init__, stall=1.0, budget=3.0))
    monkeypatch.setattr(
        VocareumApi, "__init__", partialmethod(VocareumApi.__init__, timeout=1.0, budget=3.0)
    )


@pytest.fixture
def after_listing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Trigger an event in the middle of the next sync: the bucket is listed, nothing is fetched."""

    def arrange(happen: Callable[[], None]) -> None:
        real = engine.make_plan

        def make_plan(*arguments: object) -> object:
            todo = real(*arguments)
            monkeypatch.setattr(engine, "make_plan", real)
            happen()
            return todo

        monkeypatch.setattr(engine, "make_plan", make_plan)

    return arrange
