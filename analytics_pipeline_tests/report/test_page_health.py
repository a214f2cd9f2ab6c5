"""What the page says about its data, in a real Chromium: health, age, and a feed of one day."""

from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.report import write_report
from analytics_pipeline.report.read import read
from analytics_pipeline_tests.support.cloned_courses import clones
from analytics_pipeline_tests.support.model_warehouse import aws, put, utc
from analytics_pipeline_tests.support.report_page import Connection, open_report, published_with

pytestmark = pytest.mark.thorough


def test_a_feed_of_one_day_is_a_whole_page(browser: Any, tmp_path: Path) -> None:
    def fill(warehouse: Connection) -> None:
        clones(warehouse)
        for table in ("raw.aws_cost", "raw.lab_sessions"):
            warehouse.execute(f"DELETE FROM {table} WHERE file_date > DATE '2026-10-01'")
        warehouse.execute("DELETE FROM ops.loaded_files WHERE period > DATE '2026-10-01'")

    opened = open_report(
        browser, write_report(published_with(tmp_path, fill), tmp_path / "report.html")
    )
    assert opened.figures()[3] == "4", "sessions"
    assert opened.marks("sessions-over-time") == 1 and opened.marks("active-weekly") == 1
    words = " ".join(opened.page.locator("main").all_inner_texts())
    assert not {"NaN", "undefined", "Infinity", "Invalid"} & set(words.split())
    assert opened.errors == []


def test_the_health_says_how_old_the_data_is_what_failed_and_what_was_estimated(
    browser: Any, tmp_path: Path
) -> None:
    def fill(warehouse: Connection) -> None:
        clones(warehouse)
        failed = {
            "dataset": "aws_cost",
            "partition": "2026-10-07",
            "source_key": "k",
            "etag": "e",
            "reason": "r",
            "remedy": "m",
        }
        put(
            warehouse,
            "ops.failed_files",
            failed | {"failed_since": utc(2026, 10, 8), "period": date(2026, 10, 7)},
        )
        put(warehouse, "raw.aws_cost", aws(date(2026, 10, 9), 1_000, part=90))

    opened = open_report(
        browser, write_report(published_with(tmp_path, fill), tmp_path / "report.html")
    )
    age, failed, estimated = opened.page.locator(".part").all()
    assert "Newest day" in age.inner_text() and "5 Oct 2026" in age.inner_text()
    assert failed.get_attribute("data-state") == "failing"
    assert "aws_cost: 1 file could not be loaded since 8 Oct 2026" in failed.text_content()
    assert (
        "spread evenly over them" in estimated.text_content()
        and "$964.00" in estimated.text_content()
    )


def test_an_old_page_says_how_old_it_is(browser: Any, report: Path, published: Path) -> None:
    at = read(published).published_at
    for hours, words in ((35, ""), (50, "2 days old")):
        context = browser.new_context(offline=True)
        page = context.new_page()
        page.clock.set_fixed_time(at.replace(tzinfo=UTC) + timedelta(hours=hours))
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-drawn]")
        assert words in page.locator("#outdated").inner_text()
        assert page.locator("#outdated").is_visible() == bool(words)
        context.close()
