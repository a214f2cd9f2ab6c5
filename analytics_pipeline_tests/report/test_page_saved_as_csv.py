"""The CSV files that a real Chromium saves from the page."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.report import write_report
from analytics_pipeline_tests.support.cloned_courses import clones
from analytics_pipeline_tests.support.model_warehouse import aws, put
from analytics_pipeline_tests.support.report_page import Connection, open_report, published_with

pytestmark = pytest.mark.thorough


def test_every_table_and_chart_is_saved_as_csv_of_what_is_chosen(
    browser: Any, tmp_path: Path
) -> None:
    opened = open_report(
        browser, write_report(published_with(tmp_path, clones), tmp_path / "report.html")
    )
    opened.choose("5", "root")
    head, *lines = csv.reader(io.StringIO(opened.saved("table-courses")))
    assert head[:3] == ["Course id", "Course", "Spend (USD)"]
    assert sorted(line[:3] for line in lines) == [
        ["5", "Root", "20"],
        ["6", "Clone 6", "24"],
        ["7", "Clone 7", "28"],
    ]
    opened.page.locator("#spend-by-course summary").click()
    lines = list(csv.reader(io.StringIO(opened.saved("spend-by-course"))))
    assert lines[0] == ["day", "course", "US dollars"] and ["2026-10-02", "Clone 6", "6"] in lines
    assert next(csv.reader(io.StringIO(opened.saved("freshness"))))[0] == "Dataset"
    opened.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    buttons = opened.page.locator("[data-saves]:visible")
    names = buttons.evaluate_all("all => all.map(button => button.dataset.saves)")
    assert {"active-weekly", "completeness", "freshness", "table-courses"} <= set(names)
    for name in names:  # Chromium asks after ten downloads of a page
        head, *lines = csv.reader(io.StringIO(opened.page.evaluate("csv", name)))
        shown = opened.page.locator(f"#{name} tbody tr").count()
        assert len(lines) >= shown, (name, "it lacks lines that the page shows")
        assert {len(line) for line in lines} <= {len(head)}, name
    assert opened.errors == []


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\u2068=1\u2069", "\uff1d1"]
HARMLESS = 'a"b,c\nd'


def test_no_name_is_a_formula_in_a_spreadsheet(browser: Any, tmp_path: Path) -> None:
    names = dict(enumerate([*FORMULAS, HARMLESS], 100))

    def fill(warehouse: Connection) -> None:
        clones(warehouse)
        courses = ({"course_id": course, "course_name": name} for course, name in names.items())
        put(warehouse, "raw.course_mapping", *courses)
        for course in names:
            part = {"part_id": course * 10, "assignment_id": course, "course_id": course}
            put(warehouse, "raw.asn_mapping", part)
            costs = (aws(date(2026, 10, 1 + n), n, part=course * 10) for n in range(5))
            put(warehouse, "raw.aws_cost", *costs)

    opened = open_report(
        browser, write_report(published_with(tmp_path, fill), tmp_path / "report.html")
    )
    lines = list(csv.reader(io.StringIO(opened.saved("table-courses"))))
    assert [
        cell
        for line in lines
        if (cell := line[1]).strip().startswith(("=", "+", "-", "@", "\uff1d"))
    ] == []
    assert {int(line[0]): line[1] for line in lines[1:] if int(line[0]) in names} == {
        course: name if name == HARMLESS else "'" + name.strip("\u2068\u2069")
        for course, name in names.items()
    }
