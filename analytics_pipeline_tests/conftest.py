"""Fixtures for all tests: a running simulation of Vocareum, and a small loaded and modelled
organisation.

Only fixtures that several folders of tests use belong here.
"""

import gc
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline import sql_models
from analytics_pipeline.__main__ import COLLECTION_THRESHOLD
from analytics_pipeline.cli.env_file import choose_env_file
from analytics_pipeline.datasets import FEED, classify
from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.organisation.table import HEADERS
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support import today  # noqa: F401  # set before workers start
from analytics_pipeline_tests.support.once_per_run import made_once
from analytics_pipeline_tests.support.postgres import Postgres, running_postgres

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

LONGEST = tuple(
    f"analytics_pipeline_tests/{file}"
    for file in (
        "cli/test_sync_failures.py",
        "orchestration/test_dagster_dev.py",
        "report/test_page_in_a_browser.py",
        "sql_models/test_models_of_falls.py",
        "warehouse/test_publishing_changes.py",
        "warehouse/test_erasing.py",
        "warehouse/test_publishing.py",
        "warehouse/test_withholding.py",
        "warehouse/test_lake.py",
        "cli/test_status.py",
        "cli/test_doctor.py",
        "report/test_periods.py",
        "cli/test_sync.py",
    )
)
"""Files that take longest, in this order. `cli/test_sync.py` would wait for the first sync that
`cli/test_sync_failures.py` makes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs tests of the warehouse on a lake."""
    parser.addoption("--backend", choices=["file", "lake"], default="file")


def pytest_configure(config: pytest.Config) -> None:
    """Open lakes in place of files, before any module of tests imports what opens them."""
    if config.getoption("backend") == "lake":
        from analytics_pipeline_tests.support import once_per_run
        from analytics_pipeline_tests.support.lake_for_file import LakesForFiles

        once_per_run.shared_by_workers = False
        lakes = LakesForFiles()
        lakes.install()
        config.add_cleanup(lakes.close)


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the longest files first: a worker takes whole files, and one that is left for the end
    occupies one worker while the others are idle. Skip on a lake what is about a file. Mark forms
    beyond the first ones as thorough.
    """
    order = {file: place for place, file in enumerate(LONGEST)}
    forms: Counter[str] = Counter()
    for item in items:
        if marker := item.get_closest_marker("first_forms"):
            test = item.nodeid.partition("[")[0]
            forms[test] += 1
            if forms[test] > marker.args[0]:
                item.add_marker(pytest.mark.thorough)
    items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(order)))
    if config.getoption("backend") == "lake":
        for item in items:
            if marker := item.get_closest_marker("file_only"):
                item.add_marker(pytest.mark.skip(reason=f"file only: {marker.args[0]}"))


def pytest_collection_finish() -> None:
    """Leave what all tests share out of the collections of garbage, which took a tenth of their
    CPU time. Commands that run in this process collect as rarely as the installed one.
    """
    gc.freeze()
    gc.set_threshold(COLLECTION_THRESHOLD)


def utc_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Undo what commands that run in this process leave: variables of an env file, and its name."""
    before = dict(os.environ)
    yield
    choose_env_file(None)
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def vocareum() -> Iterator[DemoVocareum]:
    """A simulated Vocareum that runs for the whole session.

    Tests share its content: use `demo` instead.
    """
    with DemoVocareum(token="t0ken-of-an-org-admin") as running:
        yield running


@pytest.fixture
def demo(vocareum: DemoVocareum) -> Iterator[DemoVocareum]:
    """The simulation, empty; changes of a test are undone."""
    vocareum.clear()
    yield vocareum
    vocareum.clear()
    vocareum.lifetime, vocareum.clock = timedelta(hours=1), utc_now
    vocareum.api.shape, vocareum.api.content_type = "env", "application/json"


@pytest.fixture(scope="session")
def loaded_organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a small organisation, with every file landed and loaded and every model
    built. Read-only.
    """
    return made_once(tmp_path_factory, "organisation", load_organisation) / "data"


def load_organisation(folder: Path) -> None:
    """Land, load and build into `data/` of a folder."""
    settings = Settings(ANALYTICS_DATA_DIR=str(folder / "data"))
    delivered: list[Delivery] = []
    for key, body in Organisation(OrganisationSpec.small()).files().items():
        if placed := classify(key.removeprefix("org9001/")):
            etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
            delivered.append(
                Delivery(*placed, key, etag, len(body), datetime(2026, 11, 7, tzinfo=UTC))
            )
            path = landing_path(settings.landing_dir, delivered[-1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    loader = Loader(
        None,
        settings.landing_dir,
        lambda: open_warehouse(settings.warehouse_path),
        "test",
    )
    for name in HEADERS:
        results = list(
            loader.load(
                FEED[name], [delivery for delivery in delivered if delivery.dataset.name == name]
            )
        )
        assert results, f"the organisation delivers no {name}"
    with open_warehouse(settings.warehouse_path) as connection:
        built = sql_models.build(connection, sql_models.load_project().models.values())
        assert not [result for result in built if result.failure], "a model does not build"


@pytest.fixture
def settings(
    loaded_organisation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings of a copy of that folder, which a test may change; they are also in the
    environment.
    """
    shutil.copytree(loaded_organisation, tmp_path / "data")
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("PUBLISH_PII", raising=False)
    return Settings()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium for a module of tests.

    While it is open, its event loop runs and no other may start.
    """
    if not CHROMIUM.exists():
        assert "CI" not in os.environ, "Chromium is not installed"
        pytest.skip(f"no Chromium at {CHROMIUM}")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        # Chromium busy-waits under libfaketime (`make flaky`), and needs no moved clock.
        unmoved: dict[str, str | float | bool] = {**os.environ}
        unmoved.pop("LD_PRELOAD", None)
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS, env=unmoved)
        yield running
        running.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for a module of tests, with a new folder of its own."""
    with running_postgres() as server:
        yield server
