"""The page without barriers, in a real Chromium: what axe finds, and where the contents lead."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from analytics_pipeline.report import write_report
from analytics_pipeline_tests.support.report_page import open_report, published_with

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
def test_axe_finds_no_barrier(browser: Any, report: Path, scheme: str, width: int) -> None:
    opened = open_report(browser, report, scheme, width)
    for summary in opened.page.locator("summary").all()[:6]:
        summary.click()
    found = Axe().run(opened.page)
    assert found.violations_count == 0, found.generate_report()


def test_an_empty_page_has_no_barrier_either(browser: Any, tmp_path: Path) -> None:
    found = Axe().run(
        open_report(browser, write_report(published_with(tmp_path), tmp_path / "report.html")).page
    )
    assert found.violations_count == 0, found.generate_report()


def test_contents_lead_to_every_section_and_keep_the_choice(browser: Any, report: Path) -> None:
    opened = open_report(browser, report)
    opened.choose("30", "period")
    for link in opened.page.locator(".contents a").all():
        link.click()
        assert (
            opened.page.evaluate("document.activeElement.id")
            == (link.get_attribute("href") or "")[1:]
        )
    assert opened.page.evaluate("location.hash") == "#period=30"
