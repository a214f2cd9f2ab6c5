"""`report --course`: the page of one course, for its teacher, with nothing of other courses in
it.
"""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.report import ReportError, restrict, write_report
from analytics_pipeline.report.health import State, health, warnings
from analytics_pipeline.report.read import read
from analytics_pipeline_tests.support.model_warehouse import put, utc
from analytics_pipeline_tests.support.report_page import Connection, open_report, published_with

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def course(published: Path) -> int:
    with duckdb.connect(str(published), read_only=True) as connection:
        found = connection.execute(
            "SELECT course_id FROM marts.course_summary ORDER BY spend DESC LIMIT 1"
        ).fetchone()
    assert found is not None
    return found[0]


@pytest.fixture(scope="module")
def of_one(tmp_path_factory: pytest.TempPathFactory, published: Path, course: int) -> Path:
    return write_report(published, tmp_path_factory.mktemp("one") / "report.html", course=course)


def words_of_others(published: Path, course: int) -> set[str]:
    """Ids and names that belong to other courses, or to any person, and not to this course."""
    with duckdb.connect(str(published), read_only=True) as connection:

        def column(sql: str) -> set[str]:
            return {
                str(value)
                for (value,) in connection.execute(sql, [course]).fetchall()
                if value is not None
            }

        ids = column("SELECT course_id FROM marts.course_summary WHERE course_id <> ?")
        names = column("SELECT course_name FROM marts.course_summary WHERE course_id <> ?")
        parts = column("SELECT part_id FROM marts.part_lineage WHERE course_id IS DISTINCT FROM ?")
        people = column("SELECT user_id FROM marts.student_course_summary WHERE $1 IS NOT NULL")
        accounts = column("SELECT aws_account_id FROM marts.daily_cloud_spend WHERE $1 IS NOT NULL")
        own = connection.execute(
            "SELECT course_name FROM marts.course_summary WHERE course_id = ?", [course]
        ).fetchone()
        mine = column("SELECT part_id FROM marts.part_lineage WHERE course_id = ?")
    assert own is not None
    return {
        word
        for word in ids | names | parts | people | accounts
        if word not in own[0] and word not in mine
    }


def test_the_bytes_hold_nothing_of_another_course_and_no_person(
    published: Path, course: int, of_one: Path, report: Path, organisation: Organisation
) -> None:
    others = words_of_others(published, course)
    assert len(others) > 100
    page = of_one.read_text()
    data = page[page.index('id="report-data"') :].split("</script>")[0]
    text = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL) + data

    def found(text: str) -> set[str]:
        return {
            word for word in others if re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", text)
        }

    assert found(text) == set()
    assert str(course) in text
    whole = report.read_text()
    assert found(whole[whole.index('id="report-data"') :].split("</script>")[0]), (
        "the words are those that a page shows"
    )


def test_its_numbers_are_those_of_the_course_in_the_whole_page(
    published: Path, course: int
) -> None:
    alone, whole = read(published, course=course), read(published)
    for figure in ("spend", "idle", "sessions", "active"):
        for period in ("30", "90", "month", "all"):
            assert alone.row(figure, str(course), period) == whole.row(
                figure, str(course), period
            ), (figure, period)
    assert alone.row("students", str(course)) == whole.row("students", str(course))
    for chart in ("latency", "concurrency", "active_weekly", "services"):
        rows = [
            [row for row in data.charts[chart] if row["scope"] == str(course)]
            for data in (alone, whole)
        ]
        assert rows[0] == rows[1] and rows[0], chart


def test_the_page_of_one_course_is_drawn_and_has_no_choice_of_another(
    browser: Any, of_one: Path
) -> None:
    opened = open_report(browser, of_one)
    assert opened.errors == []
    assert opened.page.locator("#course option").count() == 0
    assert len(opened.table("courses")) == 1
    assert all(
        opened.marks(name) > 0
        for name in ("spend-by-course", "launch-latency", "concurrency", "active-weekly")
    )


def test_a_table_that_is_not_known_to_be_cut_is_empty(
    published: Path, course: int, tmp_path: Path
) -> None:
    copy = tmp_path / "analytics.duckdb"
    copy.write_bytes(published.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute("CREATE TABLE marts.added_later AS SELECT 'of others' AS words")
    with restrict.connect(copy, course) as connection:
        assert connection.execute("FROM marts.added_later").fetchall() == []
        assert connection.execute("SELECT DISTINCT course_id FROM marts.spend_days").fetchall() == [
            (course,)
        ]


def test_a_failing_check_of_the_organisation_is_named_without_what_it_found(tmp_path: Path) -> None:
    def fill(warehouse: Connection) -> None:
        put(warehouse, "raw.course_mapping", {"course_id": 5, "course_name": "A"})
        put(
            warehouse,
            "raw.enrollment",
            {"userid": 1, "courseid": 5, "role": "student", "dropped": False},
        )
        check = {
            "name": "c",
            "subject": "marts.lab_sessions",
            "kind": "load",
            "severity": "ERROR",
            "passed": False,
            "withholds": [],
        }
        moments = {"since": utc(2026, 11, 1), "evaluated_at": utc(2026, 11, 1)}
        put(
            warehouse,
            "ops.checks",
            {**check, **moments, "text": "course 9 has too much", "remedy": "look at course 9"},
        )

    published = published_with(tmp_path, fill)
    (whole,), (alone,) = warnings(read(published)), warnings(read(published, course=5))
    assert "course 9 has too much" in whole
    assert "course 9" not in alone and "marts.lab_sessions" in alone and "Ask an admin" in alone
    assert [part.state for part in health(read(published, course=5))][1] == State.FAILING


def test_a_course_that_is_not_there_says_how_to_list_those_that_are(tmp_path: Path) -> None:
    published = published_with(
        tmp_path,
        lambda connection: put(
            connection, "raw.course_mapping", {"course_id": 5, "course_name": "A"}
        ),
    )
    for course in (5, 6):
        with pytest.raises(ReportError, match=rf"Course {course} has no .*marts.course_summary"):
            write_report(published, tmp_path / "report.html", course=course)
    assert not (tmp_path / "report.html").exists()
