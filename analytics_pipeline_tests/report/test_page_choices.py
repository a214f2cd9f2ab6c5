"""The page's filters, tables and files to save, its health and its age, in a real Chromium."""

import csv
import io
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.report import write_report
from analytics_pipeline.report.read import read
from analytics_pipeline_tests.support.model_warehouse import aws, put, utc
from analytics_pipeline_tests.support.report_page import (
    Connection,
    loaded,
    open_report,
    published_with,
)

pytestmark = pytest.mark.thorough


def spend_of(opened: Any) -> dict[str, str]:
    return {line[0]: line[1] for line in opened.table("courses")}


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


def clones(warehouse: Connection) -> None:
    """Two courses cloned from 5, and one of its own; each spends its id in dollars a day, and one
    student is in all.
    """
    put(
        warehouse,
        "raw.course_mapping",
        {"course_id": 5, "course_name": "Root"},
        {"course_id": 9, "course_name": "Apart"},
    )
    put(
        warehouse,
        "raw.course_mapping",
        *({"course_id": n, "course_name": f"Clone {n}", "parent_course_id": 5} for n in (6, 7)),
    )
    days = [date(2026, 10, 1) + timedelta(days=n) for n in range(5)]
    for course in (5, 6, 7, 9):
        put(
            warehouse,
            "raw.asn_mapping",
            {"part_id": course * 10, "assignment_id": course, "course_id": course},
        )
        put(
            warehouse,
            "raw.enrollment",
            {"userid": 1, "courseid": course, "role": "student", "dropped": False},
        )
        put(
            warehouse,
            "raw.aws_cost",
            *(aws(day, course * n, part=course * 10) for n, day in enumerate(days)),
        )
        for day in days:
            start = utc(day.year, day.month, day.day, 9)
            times = {
                "launch_time": start,
                "start_time": start,
                "init_time": start,
                "end_time": start + timedelta(hours=1),
            }
            put(
                warehouse,
                "raw.lab_sessions",
                {
                    "user_id": 1,
                    "part_id": course * 10,
                    "course_id": course,
                    "file_date": day,
                    **times,
                },
            )
    for name in ("aws_cost", "lab_sessions"):
        put(warehouse, "ops.loaded_files", *loaded(name, *days))


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
