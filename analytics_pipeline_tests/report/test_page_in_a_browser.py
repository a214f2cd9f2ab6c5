"""The page as a reader sees it: drawn by a real Chromium, offline, in light and dark."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.report import write_report
from analytics_pipeline.report.charts import SECTIONS
from analytics_pipeline.report.read import read
from analytics_pipeline.report.tables import TABLES
from analytics_pipeline_tests.support.model_warehouse import put
from analytics_pipeline_tests.support.report_page import loaded, open_report, published_with

CHARTS = [
    "spend-by-provider",
    "spend-by-course",
    "top-services",
    "idle-spend",
    "active-weekly",
    "sessions-over-time",
    "spend-against-sessions",
    "student-spread",
    "hours-against-score",
    "launch-latency",
    "concurrency",
    "never-seen",
    "completeness",
    "rejects",
]
OPTIONAL = ["budgets"]
"""Left out where the organisation has no such file."""
LEAST_MARKS = {
    "top-services": 3,
    "spend-against-sessions": 6,
    "active-weekly": 10,
    "student-spread": 20,
    "hours-against-score": 10,
    "launch-latency": 30,
    "never-seen": 10,
    "rejects": 10,
}
"""Expected marks in each chart of the simulated organisation; the other charts have more than 60
days or hours."""
FIXED = {"completeness", "rejects"}


def test_the_charts_listed_here_are_all_charts(published: Path) -> None:
    data = read(published)
    assert [make(data).name for makers in SECTIONS.values() for make in makers] == [
        *OPTIONAL,
        *CHARTS,
    ]


@pytest.mark.first_forms(2)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_every_chart_is_drawn_without_an_error_or_a_request(
    browser: Any, published: Path, report: Path, scheme: str, width: int
) -> None:
    opened = open_report(browser, report, scheme, width)
    idle = {(row["day"], row["dating"]) for row in read(published).charts["idle"]}
    assert len(idle) > 30, "the organisation has too little idle spend to see its bars"
    least = LEAST_MARKS | {"idle-spend": len(idle)}
    few = {name: opened.marks(name) for name in CHARTS if opened.marks(name) < least.get(name, 60)}
    assert few == {}
    assert opened.errors == []
    assert opened.requests == [report.as_uri()]
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_chart_shows_undefined(browser: Any, report: Path) -> None:
    opened = open_report(browser, report)
    words = " ".join(opened.page.locator(".plot svg text").all_text_contents())
    assert not {"undefined", "NaN", "null"} & set(words.split())


def test_dark_and_light_have_other_colours_by_the_system_and_by_choice(
    browser: Any, report: Path
) -> None:
    def colours(opened: Any) -> tuple[str, str]:
        bar = opened.page.locator("#idle-spend .role-mark path").first
        return (
            opened.page.evaluate("getComputedStyle(document.body).backgroundColor"),
            bar.evaluate("(mark) => getComputedStyle(mark).fill"),
        )

    light, dark = open_report(browser, report, "light"), open_report(browser, report, "dark")
    assert colours(light)[0] != colours(dark)[0]
    assert colours(light)[1] != colours(dark)[1]
    light.page.select_option("#theme", "dark")
    assert colours(light) == colours(dark)
    light.page.emulate_media(media="print")
    light.page.select_option("#theme", "light", force=True)
    assert colours(dark) != colours(light)


def test_paper_is_light_whatever_the_theme(browser: Any, report: Path) -> None:
    opened = open_report(browser, report, "dark")
    opened.page.select_option("#theme", "dark")
    opened.page.emulate_media(media="print")
    ink = opened.page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(24, 33, 43)"


def test_the_course_filter_changes_every_chart_of_a_course_and_the_figures(
    browser: Any, report: Path
) -> None:
    opened = open_report(browser, report)
    before, figures = {name: opened.shapes(name) for name in CHARTS}, opened.figures()
    course = opened.page.locator("#course option").nth(1).get_attribute("value")
    opened.choose(course)
    assert {name for name in CHARTS if opened.shapes(name) == before[name]} == FIXED
    assert opened.figures()[:4] != figures[:4]
    opened.choose("all")
    assert opened.figures() == figures
    assert opened.errors == []


def test_the_choice_survives_a_reload(browser: Any, report: Path) -> None:
    opened = open_report(browser, report)
    course = opened.page.locator("#course option").nth(2).get_attribute("value")
    opened.choose(course)
    opened.page.reload()
    opened.page.wait_for_selector("html[data-drawn]")
    assert opened.page.input_value("#course") == course


def test_every_chart_has_a_heading_a_description_and_its_numbers(
    browser: Any, report: Path
) -> None:
    opened = open_report(browser, report)
    for name in CHARTS:
        figure = opened.page.locator(f"#{name}")
        assert figure.locator("h3").inner_text()
        assert len(figure.locator("figcaption").inner_text()) > 40
        spoken = figure.locator(".plot").get_attribute("aria-label") or ""
        assert spoken.startswith(figure.locator("h3").inner_text())
        figure.locator("summary").press("Enter")
        figure.locator("tbody tr").first.wait_for()
        assert "NaN" not in figure.locator("tbody").inner_text()


def test_the_numbers_of_spend_add_up_to_the_mart(
    browser: Any, report: Path, published: Path
) -> None:
    import duckdb

    with duckdb.connect(str(published), read_only=True) as connection:
        rows = connection.execute(
            "SELECT provider, sum(cost) FROM marts.daily_cloud_spend WHERE NOT is_opening_balance"
            " GROUP BY ALL"
        ).fetchall()
    opened = open_report(browser, report)
    opened.page.locator("#spend-by-provider summary").click()
    opened.page.locator("#spend-by-provider tbody tr").first.wait_for()
    cells = opened.page.locator("#spend-by-provider tbody tr").evaluate_all(
        "rows => rows.map(row => [row.cells[1].textContent, Number(row.cells[2].textContent)])"
    )
    assert {name for name, _ in cells} == {provider for provider, _ in rows} == {"aws", "azure"}
    for provider, total in rows:
        costs = [cost for name, cost in cells if name == provider]
        assert sum(costs) == pytest.approx(float(total), abs=0.005 * len(costs))


@pytest.mark.thorough
def test_an_empty_warehouse_says_what_is_missing_everywhere(browser: Any, tmp_path: Path) -> None:
    report = write_report(published_with(tmp_path), tmp_path / "report.html")
    opened = open_report(browser, report)
    assert opened.errors == []
    assert opened.page.locator(".plot svg").count() == 0
    assert all(text.strip() for text in opened.page.locator(".empty").all_inner_texts())
    assert opened.page.locator(".empty:visible").count() == len(CHARTS) + sum(
        not table.is_optional for table in TABLES.values()
    )
    assert opened.page.get_by_text("nothing is loaded", exact=True).count() >= 8


@pytest.mark.thorough
def test_a_hostile_course_name_is_only_a_name(browser: Any, tmp_path: Path) -> None:
    hostile = "</script><img src=x onerror=alert(1)>'\"]}${7*7}<!--"

    def fill(warehouse: Any) -> None:
        put(warehouse, "raw.course_mapping", {"course_id": 5, "course_name": hostile})
        put(warehouse, "raw.asn_mapping", {"part_id": 7, "assignment_id": 8, "course_id": 5})
        put(
            warehouse,
            "raw.aws_cost",
            *(
                {
                    "file_date": f"2026-01-0{n}",
                    "aws_account_id": "1",
                    "user_id": 1,
                    "part_id": 7,
                    "cost": n,
                }
                for n in range(1, 5)
            ),
        )
        files = loaded("aws_cost", *(date(2026, 1, n) for n in range(1, 5)))
        put(warehouse, "ops.loaded_files", *files)
        put(
            warehouse,
            "raw.service_spend",
            {
                "file_month": "2026-01-01",
                "aws_account_id": "1",
                "user_id": 1,
                "part_id": 7,
                "service": hostile,
                "cost": 2,
            },
        )
        put(
            warehouse,
            "raw.enrollment",
            {"userid": 1, "courseid": 5, "role": "student", "dropped": False},
        )

    opened = open_report(
        browser, write_report(published_with(tmp_path, fill), tmp_path / "report.html")
    )
    assert opened.page.locator("img").count() == 0
    assert opened.errors == []
    assert opened.page.locator("#course option").nth(1).text_content() == hostile
    opened.choose("5")
    assert opened.marks("spend-by-course") > 0
    opened.page.locator("#never-seen .role-mark path").last.hover()
    opened.page.locator("#spend-by-course summary").click()
    assert opened.page.locator("#spend-by-course tbody td").nth(1).text_content() == hostile
    assert opened.page.locator("img").count() == 0
    assert opened.errors == []


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "Cost \u202e000,1",
            "\u2068Cost \u202e000,1\u2069",
        ),  # an override that would reorder the following text
        (
            "Cost \u2069\u202e000,1",
            "\u2068Cost \u202e000,1\u2069",
        ),  # a mark that would end the isolation
        (
            "\u05de\u05d1\u05d5\u05d0",
            "\u2068\u05de\u05d1\u05d5\u05d0\u2069",
        ),  # an honest name in Hebrew
        ("Intro", "Intro"),
    ],
)
def test_a_name_never_reorders_the_text_next_to_it(
    browser: Any, tmp_path: Path, name: str, shown: str
) -> None:
    def fill(warehouse: Any) -> None:
        mapped = [{"course_id": 5, "course_name": name}, {"course_id": 6, "course_name": name}]
        put(warehouse, "raw.course_mapping", *mapped)
        parts = [
            {"part_id": 7, "assignment_id": 8, "course_id": 5},
            {"part_id": 9, "assignment_id": 8, "course_id": 6},
        ]
        put(warehouse, "raw.asn_mapping", *parts)
        spent = {"file_date": "2026-01-02", "aws_account_id": "1", "user_id": 1}
        put(
            warehouse,
            "raw.aws_cost",
            *({**spent, "part_id": part, "cost": part} for part in (7, 9)),
        )
        month = {"file_month": "2026-01-01", "aws_account_id": "1", "user_id": 1, "part_id": 7}
        put(warehouse, "raw.service_spend", {**month, "service": name, "cost": 2})

    opened = open_report(
        browser, write_report(published_with(tmp_path, fill), tmp_path / "report.html")
    )
    options = opened.page.locator("#course option").all_text_contents()[1:]
    assert sorted(options) == [
        f"{shown} (5)",
        f"{shown} (6)",
    ], "the id stands outside of the isolated name"
    opened.page.locator("#top-services summary").click()
    opened.page.locator("#top-services tbody td").first.wait_for()
    assert shown in opened.page.locator("#top-services tbody td").all_text_contents()
    # In the browser's layout the id stays to the right of the name.
    right = """([name, id]) => {
        const line = document.createElement("p"), text = document.createTextNode(name + id);
        line.append(text); document.body.append(line);
        const box = (from, to) => {
          const range = document.createRange(); range.setStart(text, from); range.setEnd(text, to);
            return range.getBoundingClientRect(); };
        return box(name.length, name.length + id.length).left >= box(0, name.length).right - 1; }"""
    assert opened.page.evaluate(right, [shown, " (5)"])
    assert opened.page.evaluate(right, [name, " (5)"]) == (name == shown), (
        "as delivered, the name would turn it"
    )
    assert opened.errors == []
