"""A simulated organisation's published file and report, made once."""

from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.report import write_report
from analytics_pipeline_tests.support.model_warehouse import land, load
from analytics_pipeline_tests.support.report_page import published_with


@pytest.fixture(scope="session")
def organisation() -> Organisation:
    return Organisation(OrganisationSpec(students=80, days=70))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, organisation: Organisation) -> Path:
    folder = tmp_path_factory.mktemp("published")
    return published_with(
        folder, lambda warehouse: load(warehouse, land(folder, organisation.files()))
    )


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, published: Path) -> Path:
    return write_report(published, tmp_path_factory.mktemp("report") / "report.html")
