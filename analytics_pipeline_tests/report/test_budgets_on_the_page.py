"""Budgets, the month, anomalies and caps on the page, of the simulated organisation with all its
oddities.
"""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.report import write_report
from analytics_pipeline.report.figures import usd
from analytics_pipeline.report.month import month_figures
from analytics_pipeline.report.read import read
from analytics_pipeline_tests.support.model_warehouse import land, load
from analytics_pipeline_tests.support.report_page import open_report, published_with

pytestmark = pytest.mark.thorough

ODD = Organisation(OrganisationSpec(days=75, students=60, courses=3, oddities=True))


@pytest.fixture(scope="module")
def published_odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    return published_with(
        folder, lambda connection: load(connection, land(folder, ODD.files() | ODD.hand_written()))
    )


@pytest.fixture(scope="module")
def odd_report(tmp_path_factory: pytest.TempPathFactory, published_odd: Path) -> Path:
    return write_report(published_odd, tmp_path_factory.mktemp("odd-report") / "report.html")


def asked(published: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(published), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_each_budget_is_drawn_and_listed_with_the_day_that_exhausts_it(
    browser: Any, published_odd: Path, odd_report: Path
) -> None:
    opened = open_report(browser, odd_report)
    lines = {line[0]: line for line in opened.table("budgets")}
    true = asked(
        published_odd,
        """SELECT budget, state, coalesce(exhausted_on::VARCHAR, chr(8211)), printf('%,.2f',
           spent), printf('%.1f', percent_of_time)
           FROM marts.budget_status WHERE state NOT IN ('upcoming', 'ended', 'ended over')""",
    )
    assert len(true) > 2
    for budget, state, exhausted_on, spent, time in true:
        assert (lines[budget][2], lines[budget][3], lines[budget][7]) == (
            state,
            exhausted_on,
            spent,
        )
        assert lines[budget][9] == time
    assert opened.marks("budgets") >= 2 * len(lines)
    drawn = " ".join(opened.page.locator("#budgets svg text").all_text_contents())
    assert "exhausted since" in drawn
    assert opened.errors == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
def test_axe_finds_no_barrier_in_budgets_and_alarms(
    browser: Any, odd_report: Path, scheme: str, width: int
) -> None:
    found = Axe().run(open_report(browser, odd_report, scheme, width).page)
    assert found.violations_count == 0, found.generate_report()


def test_the_month_says_what_is_expected_and_how_far_the_method_was_off(
    published_odd: Path,
) -> None:
    data = read(published_odd)
    month, before, expected = month_figures(data)["all"]
    ((spent, forecast, low, high, error, day),) = asked(
        published_odd,
        """SELECT spent, forecast, forecast_low, forecast_high, error_percent, as_of
           FROM marts.spend_forecast
           WHERE scope = 'organisation' AND horizon = 'month end'""",
    )
    assert (month.value, expected.value) == (usd(spent), usd(forecast))
    assert f"{usd(low)} to {usd(high)} (80 % band)" in expected.note
    assert (
        f"past error {error.quantize(Decimal('0.1'))} %" in expected.note
        and day.isoformat()[8:].lstrip("0") in month.note
    )
    ((to_the_day, whole),) = asked(
        published_odd,
        f"""SELECT sum(cost) FILTER (day <= DATE '{day}' - INTERVAL 1 MONTH), sum(cost)
            FROM marts.spend_days
            WHERE dating <> 'before the first file'
            AND date_trunc('month', day) = date_trunc('month', DATE '{day}') - INTERVAL 1 MONTH""",
    )
    assert before.value == usd(to_the_day) and usd(whole) in before.note


def test_the_runaway_student_is_an_anomaly_without_a_name(
    browser: Any, published_odd: Path, odd_report: Path
) -> None:
    opened = open_report(browser, odd_report)
    true = asked(
        published_odd,
        "SELECT day::VARCHAR, printf('%,.2f', cost), user_id FROM marts.spend_anomalies ORDER BY"
        " day DESC",
    )
    assert true and sorted((line[0], line[3]) for line in opened.table("anomalies")) == sorted(
        row[:2] for row in true
    )
    page = odd_report.read_text()
    people = {
        str(user)
        for (user,) in asked(
            published_odd, "SELECT DISTINCT user_id FROM marts.student_course_summary"
        )
    }
    data = page[page.index('id="report-data"') :].split("</script>")[0]
    assert not set(re.findall(r"\d+", data)) & people


def test_students_over_their_cap_are_counts_in_classes(
    browser: Any, published_odd: Path, odd_report: Path
) -> None:
    opened = open_report(browser, odd_report)
    newest = date.fromisoformat(opened.table("caps")[0][0]).replace(day=1)
    ((over, after_drop),) = asked(
        published_odd,
        f"""SELECT count(*) FILTER (is_over_cap), count(*) FILTER (spend_after_drop > 0)
            FROM marts.student_spend_watch WHERE month = DATE '{newest}'""",
    )
    lines = [line for line in opened.table("caps") if line[0] == newest.isoformat()]
    assert sum(int(cell) for line in lines for cell in line[4:7]) == over > 0
    assert sum(int(line[8]) for line in lines) == after_drop


def test_a_term_and_a_department_are_chosen_and_the_term_is_a_period(
    browser: Any, odd_report: Path
) -> None:
    opened = open_report(browser, odd_report)
    for name in ("term", "department"):
        value = opened.page.locator(f"#{name} option").nth(1).get_attribute("value")
        opened.choose(value, name)
        assert opened.figures()[0] != "\N{EN DASH}"
        assert opened.page.locator("#month strong").first.inner_text() != "\N{EN DASH}"
        opened.choose("all", name)
    opened.choose("term", "period")
    assert opened.marks("spend-by-course") > 10
    assert opened.errors == []


def test_without_budgets_the_page_does_not_mention_them(browser: Any, report: Path) -> None:
    opened = open_report(browser, report)
    assert opened.page.locator("#budgets, #table-budgets").count() == 0
    assert opened.errors == []
