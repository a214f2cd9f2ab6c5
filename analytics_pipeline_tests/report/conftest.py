"""A simulated organisation's published file and report, made once, and a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.report import write_report
from analytics_pipeline_tests.report.reported import published_with
from analytics_pipeline_tests.sql_models.modelled import land, load

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


@pytest.fixture(scope="session")
def organisation() -> Organisation:
    return Organisation(OrganisationSpec(students=80, days=70))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, organisation: Organisation) -> Path:
    folder = tmp_path_factory.mktemp("published")
    return published_with(folder, lambda warehouse: load(warehouse, land(folder, organisation.files())))


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, published: Path) -> Path:
    return write_report(published, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()
