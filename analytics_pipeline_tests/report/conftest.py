"""A simulated organisation's published file and report, made once."""

from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.report import write_report
from analytics_pipeline_tests.support.model_warehouse import land, load
from analytics_pipeline_tests.support.once_per_run import made_once
from analytics_pipeline_tests.support.report_page import published_with


@pytest.fixture(scope="session")
def organisation() -> Organisation:
    return Organisation(OrganisationSpec(students=80, days=70))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, organisation: Organisation) -> Path:
    def publish(folder: Path) -> None:
        (folder / "landing").mkdir()
        files = land(folder / "landing", organisation.files())
        published = published_with(folder, lambda warehouse: load(warehouse, files))
        (folder / "report").mkdir()
        write_report(published, folder / "report" / "report.html")

    return made_once(tmp_path_factory, "report", publish) / "analytics.duckdb"


@pytest.fixture(scope="session")
def report(published: Path) -> Path:
    return published.parent / "report" / "report.html"
