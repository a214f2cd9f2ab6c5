"""What a reader of the page chooses and sorts, in a real Chromium: courses, roots, periods."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.report import write_report
from analytics_pipeline.report.read import read
from analytics_pipeline_tests.support.cloned_courses import clones
from analytics_pipeline_tests.support.report_page import open_report, published_with, spend_of

pytestmark = pytest.mark.thorough


def test_the_table_of_courses_shows_the_spend_of_the_mart_and_sorts_by_each_heading(
    browser: Any, published: Path, report: Path
) -> None:
    opened = open_report(browser, report)
    opened.choose("all", "period")
    with duckdb.connect(str(published), read_only=True) as connection:
        true = connection.execute(
            """SELECT coalesce(course_summary.course_name, 'No known course'), printf('%,.2f',
               sum(cost))
               FROM marts.spend_days LEFT JOIN marts.course_summary USING (course_id)
               WHERE dating <> 'before the first file' GROUP BY ALL"""
        ).fetchall()
    assert sorted(cost for cost in spend_of(opened).values() if cost != "0.00") == sorted(
        cost for _, cost in true
    )

    def column(name: str) -> list[float]:
        at = opened.page.locator("#table-courses th button").all_text_contents().index(name)
        cells = [line[at] for line in opened.table("courses")]
        return [
            float(
                cell.replace("%", "")
                .replace(",", "")
                .replace("+", "")
                .replace("\N{MINUS SIGN}", "-")
                .replace("\N{PLUS-MINUS SIGN}", "")
            )
            for cell in cells
            if cell != "\N{EN DASH}"
        ]

    names = opened.page.locator("#table-courses th button").all_text_contents()
    for at, name in enumerate(names[1:], start=1):
        heading = opened.page.locator("#table-courses th button").nth(at)
        for direction in ("descending", "ascending"):
            heading.click()
            if heading.locator("..").get_attribute("aria-sort") != direction:
                heading.click()
            assert column(name) == sorted(column(name), reverse=direction == "descending"), name
            assert opened.page.evaluate("document.activeElement.textContent") == name, (
                "the heading keeps the focus"
            )
    assert opened.errors == []


def test_a_period_changes_figures_charts_and_tables_alike(
    browser: Any, published: Path, report: Path, organisation: Organisation
) -> None:
    opened = open_report(browser, report)
    data = read(published)
    shown = {}
    for period in ("30", "90", "month", "all"):
        opened.choose(period, "period")
        opened.page.locator("#spend-by-provider details").evaluate("details => details.open = true")
        cells = "rows => rows.map(row => Number(row.cells[2].textContent.replaceAll(',', '')))"
        rows = opened.page.locator("#spend-by-provider tbody tr")
        rows.first.wait_for()
        drawn = sum(rows.evaluate_all(cells))
        shown[period] = drawn
        spend = float(data.row("spend", "all", period)["spend"])
        opening = sum(
            row["cost"] for row in data.charts["spend"] if row["dating"] == "before the first file"
        )
        assert drawn == pytest.approx(
            spend + (opening if period == "all" else 0), abs=opening / 2
        ), "rounded cells differ by less"
        assert data.windows["all", "90", "spend"][0] <= organisation.spec.first_day
        assert opened.figures()[0] == f"${spend:,.2f}"
        assert sum(
            float(cost.replace(",", "")) for cost in spend_of(opened).values()
        ) == pytest.approx(spend, abs=0.05)
    assert shown["month"] < shown["30"] < shown["90"]


def test_a_root_course_is_chosen_with_all_its_clones(browser: Any, tmp_path: Path) -> None:
    opened = open_report(
        browser, write_report(published_with(tmp_path, clones), tmp_path / "report.html")
    )
    assert opened.page.locator("#root option").all_text_contents() == ["All root courses", "Root"]
    opened.choose("5", "root")
    assert spend_of(opened) == {"Root": "20.00", "Clone 6": "24.00", "Clone 7": "28.00"}
    figures = opened.figures()
    assert (figures[0], figures[2]) == ("$72.00", "1"), "a student of three courses counts once"
    assert all(
        opened.marks(name) > 0
        for name in ("spend-by-course", "active-weekly", "launch-latency", "concurrency")
    )
    opened.choose("9")
    assert spend_of(opened) == {}
    assert (
        "No course matches the selected"
        in opened.page.locator("#table-courses .empty").inner_text()
    )
    assert opened.errors == []
