"""Hostile names and long ones on the page, in a real Chromium."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.report import write_report
from analytics_pipeline_tests.support.cloned_courses import clones
from analytics_pipeline_tests.support.model_warehouse import put
from analytics_pipeline_tests.support.report_page import (
    Connection,
    open_report,
    published_with,
    spend_of,
)

pytestmark = pytest.mark.thorough


def test_a_hostile_budget_term_or_department_is_only_text(browser: Any, tmp_path: Path) -> None:
    hostile = "</script><img src=x onerror=alert(1)>'\"]}${7*7}{{7*7}}<!--"

    def fill(warehouse: Connection) -> None:
        clones(warehouse)
        days = {"starts_on": date(2026, 9, 1), "ends_on": date(2026, 12, 1)}
        put(
            warehouse,
            "raw.course_labels",
            {"course_id": 5, "department": hostile, "term": hostile, **days},
        )
        put(
            warehouse,
            "raw.budgets",
            {
                "scope": "department",
                "id": hostile,
                "name": hostile,
                "amount": 50,
                "currency": "USD",
                **days,
            },
        )

    opened = open_report(
        browser, write_report(published_with(tmp_path, fill), tmp_path / "report.html")
    )
    assert opened.table("budgets")[0][:2] == [hostile, f"department {hostile}"]
    assert hostile in opened.page.locator("#budgets svg text").all_text_contents()
    for name in ("term", "department"):
        opened.choose(hostile, name)
        assert spend_of(opened) == {"Root": "20.00"}
        assert opened.page.locator("#month strong").first.inner_text() == "$20.00"
        opened.choose("all", name)
    assert opened.page.locator("img").count() == 0
    assert opened.errors == []


def test_long_names_that_begin_alike_stay_different_in_legends_and_beside_bars(
    browser: Any, tmp_path: Path
) -> None:
    def fill(warehouse: Connection) -> None:
        clones(warehouse)
        warehouse.execute(
            "UPDATE raw.course_mapping SET course_name = 'Introduction to Cloud Computing, section"
            " ' || course_id"
        )

    opened = open_report(
        browser, write_report(published_with(tmp_path, fill), tmp_path / "report.html"), width=375
    )
    names = opened.page.locator("#spend-by-course .role-legend-label text").all_text_contents()
    assert len(names) == len(set(names)) == 5, names
    assert [name[-1] for name in names[:4]] == ["9", "7", "6", "5"]
