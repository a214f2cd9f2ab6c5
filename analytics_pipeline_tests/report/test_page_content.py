"""The page's bytes and its data, without a browser."""

import json
import re
import stat
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.report import ReportError, write_report
from analytics_pipeline.report.read import MOST_COURSES, read, rows
from analytics_pipeline_tests.support.model_warehouse import aws, land, load, put, utc
from analytics_pipeline_tests.support.report_page import Connection, published_with


def people(published_from: Organisation) -> set[str]:
    """Return names and emails in the organisation's enrollment files."""
    import csv

    words: set[str] = set()
    for key, body in published_from.files().items():
        if "/enrollment/" in key:
            for row in csv.DictReader(body.decode().splitlines(), skipinitialspace=True):
                words |= {(row.get("name") or "").strip(), (row.get("email") or "").strip()}
    return {word for word in words if len(word) > 5}


@pytest.mark.thorough
def test_the_report_names_no_person_even_if_personal_data_is_published(
    tmp_path: Path, organisation: Organisation
) -> None:
    published = published_with(
        tmp_path,
        lambda connection: load(connection, land(tmp_path, organisation.files())),
        pii=True,
    )
    page = write_report(published, tmp_path / "report.html").read_text()
    data = page[page.index('id="report-data"') :].split("</script>")[0]
    names = people(organisation)
    assert len(names) > 100
    assert [name for name in names if name in page] == []
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w+", data)
    assert "Session Timer Expires" not in page
    with duckdb.connect(str(published), read_only=True) as connection:
        ids = [
            row["user_id"]
            for row in rows(connection, "SELECT DISTINCT user_id FROM marts.student_course_summary")
        ]
    assert [
        person_id for person_id in ids if re.search(rf"(?<![\d.]){person_id}(?![\d.])", page)
    ] == []


def test_the_file_is_private_small_and_complete(report: Path) -> None:
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert report.stat().st_size < 2_000_000
    assert [path.name for path in report.parent.iterdir()] == ["report.html"]
    page = report.read_text()
    assert "unsafe-eval" not in page.split("</head>")[0]
    markup = re.sub(r"<script[^>]*>.*?</script>", "<script>", page, flags=re.DOTALL)
    assert not re.search(r"\b(src|url)\s*[=(]", markup)
    links = re.findall(r"\bhref\s*=\s*(.{3})", markup)
    assert links and {link[:2] for link in links} == {'"#'}, "a link leads into the page alone"


def test_a_failed_report_keeps_the_previous_one(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("before")
    with pytest.raises(ReportError, match="analytics-pipeline sync"):
        write_report(tmp_path / "analytics.duckdb", target)
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    with pytest.raises(ReportError, match="lacks a table that the report reads"):
        write_report(tmp_path / "other.duckdb", target)
    with duckdb.connect(
        str(tmp_path / "other.duckdb")
    ) as connection:  # as another release may have written it
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.daily_cloud_spend (day DATE)")
    with pytest.raises(ReportError, match="lacks a table that the report reads"):
        write_report(tmp_path / "other.duckdb", target)
    (tmp_path / "none.duckdb").write_text("no database, though it is as long as one might be" * 100)
    with pytest.raises(ReportError, match=r"can't be read.*analytics-pipeline publish"):
        write_report(tmp_path / "none.duckdb", target)
    assert target.read_text() == "before"


def test_drawn_spend_adds_up_to_the_mart_by_course(published: Path) -> None:
    data = read(published)
    drawn: dict[str, float] = {}
    for row in data.charts["spend"]:
        drawn[row["course"]] = drawn.get(row["course"], 0) + row["cost"]
    with duckdb.connect(str(published), read_only=True) as connection:
        true = rows(
            connection,
            "SELECT coalesce(course_id::VARCHAR, 'unknown') AS course, sum(cost) AS cost FROM"
            " marts.daily_cloud_spend GROUP BY ALL HAVING sum(cost) > 0",
        )
    assert drawn == pytest.approx({row["course"]: float(row["cost"]) for row in true}, abs=0.02)


def test_money_of_several_days_is_spread_over_them_and_labelled(tmp_path: Path) -> None:
    from datetime import date

    days = [aws(date(2026, 10, 1), 1), aws(date(2026, 10, 2), 3), aws(date(2026, 10, 5), 9)]
    data = read(published_with(tmp_path, lambda connection: put(connection, "raw.aws_cost", *days)))
    assert [(row["day"].day, row["dating"], row["cost"]) for row in data.charts["spend"]] == [
        (1, "before the first file", 1.0),
        (2, "as delivered", 2.0),
        (3, "spread over several days", 2.0),
        (4, "spread over several days", 2.0),
        (5, "spread over several days", 2.0),
    ]


def test_peaks_of_a_course_equal_the_marts(published: Path) -> None:
    data = read(published)
    drawn = {
        (row["scope"], row["weekday"], row["hour"]): row["highest"]
        for row in data.charts["concurrency"]
    }
    with duckdb.connect(str(published), read_only=True) as connection:
        true = rows(
            connection,
            """SELECT course_id::VARCHAR AS course, isodow(hour)::INTEGER AS weekday,
               hour(hour)::INTEGER AS at, max(peak_sessions)::INTEGER AS highest
               FROM marts.lab_concurrency_hourly WHERE hour < (SELECT max(period) + 1
               FROM marts.data_completeness WHERE dataset = 'lab_sessions')
               GROUP BY ALL""",
        )
    of_courses = {key: highest for key, highest in drawn.items() if key[0].isdigit()}
    assert of_courses == {
        (row["course"], row["weekday"], row["at"]): row["highest"] for row in true if row["course"]
    }


def test_an_organisation_without_azure_sees_a_note(tmp_path: Path) -> None:
    from datetime import date

    published = published_with(
        tmp_path, lambda connection: put(connection, "raw.aws_cost", aws(date(2026, 10, 1), 1))
    )
    assert (
        "No spend on azure is loaded."
        in write_report(published, tmp_path / "report.html").read_text()
    )


@pytest.mark.slow
def test_ten_years_of_a_large_organisation_are_drawn_by_week_in_a_small_page(
    tmp_path: Path,
) -> None:
    def fill(warehouse: Connection) -> None:
        # A hundred courses; each has a year of days in the ten.
        warehouse.execute(
            "INSERT INTO raw.asn_mapping (part_id, assignment_id, course_id) SELECT i, i, i FROM"
            " range(100) AS t(i)"
        )
        warehouse.execute(
            "INSERT INTO raw.course_mapping (course_id, course_name) SELECT i, 'Course number ' ||"
            " i FROM range(100) AS t(i)"
        )
        warehouse.execute(
            """INSERT INTO raw.aws_cost (file_date, aws_account_id, user_id, part_id, cost)
               SELECT (DATE '2016-01-01' + (c * 33 + d)::INTEGER), 'a', c * 10 + u, c, d * 1.25 + u
               FROM range(100) AS t(c), range(365) AS s(d), range(5) AS v(u)"""
        )
        warehouse.execute(
            """INSERT INTO raw.lab_sessions (file_date, user_id, course_id, part_id, launch_time,
               start_time, init_time, end_time)
               SELECT moment::DATE, c * 10 + u, c, c, moment, moment + INTERVAL 30 SECOND,
                 moment + INTERVAL 90 SECOND, moment + INTERVAL 2 HOUR
               FROM (SELECT *, TIMESTAMP '2016-01-01 09:00:00' + INTERVAL (c * 33 + d) DAY +
                 INTERVAL (u) HOUR AS moment
                     FROM range(100) AS t(c), range(365) AS s(d), range(5) AS v(u))"""
        )
        warehouse.execute(
            """INSERT INTO ops.loaded_files
                   (dataset, partition, source_key, etag, size, last_modified, period, records,
                     rows, rejects, warnings, loaded_at, run_id)
               SELECT dataset, file_date::VARCHAR, file_date::VARCHAR, 'e', 1, file_date + 1,
                 file_date, 1, 1, 0, 0, file_date + 1, 'run'
               FROM (SELECT DISTINCT unnest(['lab_sessions', 'aws_cost']) AS dataset, file_date
               FROM raw.lab_sessions)"""
        )

    published = published_with(tmp_path, fill)
    data = read(published)
    assert data.span.is_weekly
    assert len({course.choice for course in data.courses}) <= MOST_COURSES + 2
    days = {row["day"] for name in ("spend", "sessions", "idle") for row in data.charts[name]}
    assert data.span.daily_from and {
        day.isoweekday() for day in days if day < data.span.daily_from
    } == {1}
    assert {day.isoweekday() for day in days if day >= data.span.daily_from} == set(range(1, 8))
    assert len(data.charts["completeness"]) < 2 * 53 * 11
    assert write_report(published, tmp_path / "report.html").stat().st_size < 2_000_000


def test_the_data_is_json_whatever_is_in_it(report: Path) -> None:
    page: str = report.read_text()
    text = page[page.index('type="application/json">') :].split(">", 1)[1].split("</script>")[0]
    parsed: dict[str, Any] = json.loads(text)
    assert {"rows", "figures", "charts", "tables", "scopes"} < set(parsed)
    assert "<" not in text


def test_times_come_from_the_file(published: Path) -> None:
    assert read(published).published_at > utc(2026, 1, 1)


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("UTC", {(1, 22), (1, 23), (2, 0)}),  # Monday, Tuesday
        ("Europe/Berlin", {(1, 23), (2, 0), (2, 1)}),
        ("Asia/Kolkata", {(2, 3), (2, 4), (2, 5)}),
    ],
)
def test_hours_of_the_day_are_those_of_the_zone_and_money_stays_utc(
    tmp_path: Path, zone: str, hours: set[tuple[int, int]]
) -> None:
    def fill(warehouse: Connection) -> None:
        lab = {"user_id": 1, "course_id": 5, "part_id": 7, "file_date": utc(2026, 11, 16)}
        put(
            warehouse,
            "raw.lab_sessions",
            {**lab, "start_time": utc(2026, 11, 16, 22), "end_time": utc(2026, 11, 17, 0, 10)},
        )
        put(
            warehouse,
            "raw.aws_cost",
            aws(utc(2026, 11, 16).date(), 1),
            aws(utc(2026, 11, 17).date(), 3),
        )
        for day in (16, 17):
            put(
                warehouse,
                "ops.loaded_files",
                {"dataset": "lab_sessions", "partition": f"{day}", "period": utc(2026, 11, day)},
            )

    data = read(published_with(tmp_path, fill), ZoneInfo(zone))
    drawn = {
        (row["weekday"], row["hour"]): (row["usual"], row["highest"])
        for row in data.charts["concurrency"]
        if row["scope"] == "all"
    }
    assert set(drawn) == hours
    assert {highest for _, highest in drawn.values()} == {1}
    assert [(row["day"].day, row["cost"]) for row in data.charts["spend"]] == [(16, 1.0), (17, 2.0)]
