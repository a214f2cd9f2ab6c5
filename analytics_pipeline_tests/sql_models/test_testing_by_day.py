"""Tests that are evaluated by day return as many rows as when they are run whole."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.sql_models import (
    InvalidModel,
    Project,
    SqlTest,
    build_and_test,
    load_project,
    load_usable,
    verdict_by_day,
)
from analytics_pipeline.sql_models.parse import parse_test
from analytics_pipeline.sql_models.project import default_folder
from analytics_pipeline.sql_models.verdict_by_day import Counted, count_by_day
from analytics_pipeline.warehouse.checks import Check, Severity, read
from analytics_pipeline_tests.sql_models.test_models_of_sessions import session
from analytics_pipeline_tests.support.by_day_walk import BY_DAY, Walk, rule
from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    WRITTEN,
    build_all,
    put,
    utc,
)

Connection = duckdb.DuckDBPyConnection
STEPS = 50
LONG = """
-- No session lasts an hour. If it fails, look at it.
-- by day: marts.lab_sessions.session_date
SELECT session_id FROM marts.lab_sessions WHERE minutes >= 60"""
RETURNING = """
-- Nobody comes back on another day.
-- by day: marts.lab_sessions.session_date
SELECT user_id FROM marts.lab_sessions GROUP BY user_id HAVING count(DISTINCT session_date) > 1"""


def test_random_days_break_some_rules_and_are_mended(warehouse: Connection) -> None:
    """The comparison of verdicts would say nothing if every test always held."""
    walk = Walk(warehouse, random.Random(3))
    walk.begin()
    for _ in range(10):
        walk.step()
    assert 0 < walk.broken < 30, walk.broken


def _keep_failed_days(patched: pytest.MonkeyPatch) -> None:
    kept = verdict_by_day.remember

    def remember(connection: Connection, name: str, *, are_done: bool) -> None:
        kept(connection, name, are_done=True)

    patched.setattr(verdict_by_day, "remember", remember)


def _hash_the_first_table(patched: pytest.MonkeyPatch) -> None:
    every = verdict_by_day.stale_days

    def stale_days(connection: Connection, name: str, version: str, days: dict[str, str]) -> object:
        return every(connection, name, version, dict(list(days.items())[:1]))

    patched.setattr(verdict_by_day, "stale_days", stale_days)


@pytest.mark.thorough
@pytest.mark.parametrize("spoil", [_keep_failed_days, _hash_the_first_table])
def test_the_comparison_catches_a_wrong_rule(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch, spoil: Callable[..., None]
) -> None:
    spoil(monkeypatch)
    _is_caught(Walk(warehouse, random.Random(2)))


@pytest.mark.thorough
def test_the_comparison_catches_a_test_whose_rows_rest_on_two_days(warehouse: Connection) -> None:
    total = """
-- by day: marts.lab_sessions.session_date
SELECT count(*) FROM marts.lab_sessions HAVING count(*) > 130"""
    _is_caught(Walk(warehouse, random.Random(2), rules=[rule("total", total)]))


def _is_caught(walk: Walk) -> None:
    with pytest.raises(AssertionError, match="rows instead of"):
        walk.begin()
        for _ in range(STEPS):
            walk.step()


@pytest.fixture
def tested(warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[date]]:
    """Return the days of each run of a test by day; each of five days has a short session."""
    ran: list[Sequence[date]] = []
    of_days = verdict_by_day.of_days

    def noted(sql: str, tables: dict[str, str], days: Sequence[date]) -> str:
        ran.append(days)
        return of_days(sql, tables, days)

    monkeypatch.setattr(verdict_by_day, "of_days", noted)
    for day in range(1, 6):
        put(warehouse, "raw.lab_sessions", session(utc(2026, 10, day, 8), 30, user=day))
    build_all(warehouse)
    return ran


def _count(connection: Connection, test: SqlTest) -> int:
    build_all(connection)
    return count_by_day(connection, test, whole=False).rows


def test_only_changed_days_are_tested_and_a_failed_one_until_it_passes(
    warehouse: Connection, tested: list[Sequence[date]]
) -> None:
    long = rule("long", LONG)
    assert _count(warehouse, long) == 0 == _count(warehouse, long)
    assert tested == [], "the first run is whole, and the second one has nothing to do"
    put(warehouse, "raw.lab_sessions", session(utc(2026, 10, 3, 12), 90, user=6))
    put(warehouse, "raw.lab_sessions", session(utc(2026, 10, 3, 16), 90, user=7))
    assert _count(warehouse, long) == 2
    put(warehouse, "raw.lab_sessions", session(utc(2026, 10, 4, 12), 30, user=6))
    assert _count(warehouse, long) == 2
    warehouse.execute("DELETE FROM raw.lab_sessions WHERE user_id = 6")
    assert _count(warehouse, long) == 1
    warehouse.execute("DELETE FROM raw.lab_sessions WHERE user_id = 7")
    assert _count(warehouse, long) == 0 == _count(warehouse, long)
    third, fourth = date(2026, 10, 3), date(2026, 10, 4)
    assert tested == [[third], [third, fourth], [third, fourth], [third, fourth]]


def test_a_test_that_fails_on_its_first_run_stays_whole_until_it_passes(
    warehouse: Connection, tested: list[Sequence[date]]
) -> None:
    long = rule("long", LONG.replace("60", "20"))
    assert _count(warehouse, long) == 5 == _count(warehouse, long)
    warehouse.execute("DELETE FROM raw.lab_sessions WHERE user_id < 4")
    assert _count(warehouse, long) == 2
    assert tested == []


def test_a_changed_text_is_run_for_all_days(
    warehouse: Connection, tested: list[Sequence[date]], tmp_path: Path
) -> None:
    [name] = [test.name for test in PROJECT.tests.values() if test.name == "grain_of_lab_sessions"]
    folder = _copied(tmp_path)
    (folder / f"tests/{name}.sql").write_text(
        (folder / f"tests/{name}.sql").read_text().replace("count(*) > 1", "count(*) > 0")
    )
    assert _count(warehouse, PROJECT.tests[name]) == 0
    assert _count(warehouse, load_project(folder).tests[name]) == 5
    mart = folder / "marts/lab_sessions.sql"
    mart.write_text(mart.read_text() + "\nWHERE true")
    changed = load_project(folder).tests[name]
    assert changed.version != PROJECT.tests[name].version
    assert tested == []


def _copied(folder: Path) -> Path:
    """Return a copy of the project's SQL files."""
    for file in default_folder().glob("*/*.sql"):
        copy = folder / file.parent.name / file.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(file.read_text())
    return folder


def _checked(connection: Connection, project: Project, name: str, now: object = WRITTEN) -> Check:
    models = project.select([*project.upstream(BY_DAY), *BY_DAY])
    build_and_test(connection, project, models, now)  # type: ignore[arg-type]
    [check] = [check for check in read(connection) if check.name == name]
    return check


def _with(text: str, severity: Severity = Severity.ERROR) -> Project:
    test = replace(
        rule("returning", text), version="1", severity=severity, depends_on=frozenset(BY_DAY)
    )
    return replace(PROJECT, tests={**PROJECT.tests, "returning": test})


def test_a_promise_that_is_not_kept_fails_the_test_when_the_mart_is_built_whole(
    warehouse: Connection, tested: list[Sequence[date]]
) -> None:
    project = _with(RETURNING, Severity.WARN)
    assert _checked(warehouse, project, "returning").passed
    put(warehouse, "raw.lab_sessions", session(utc(2026, 10, 5, 12), 30, user=1))
    assert _checked(warehouse, project, "returning").passed, "no day breaks it alone"
    later = WRITTEN.replace(month=WRITTEN.month + 1)
    check = _checked(warehouse, project, "returning", later)
    assert (check.passed, check.severity, check.violations) == (False, Severity.ERROR, 1)
    assert check.text == "Whole, it finds 1 row; by day, 0."
    assert "Remove `by day:` from dbt_like_sql/tests/returning.sql" in check.remedy
    check = _checked(warehouse, project, "returning", later)
    assert (check.passed, check.severity, check.violations) == (False, Severity.WARN, 1)
    assert check.text == "To look at: 1 row (user_id)."


def test_both_counts_are_known_after_a_comparison(
    warehouse: Connection, tested: list[Sequence[date]]
) -> None:
    long = rule("long", LONG)
    assert count_by_day(warehouse, long, whole=True) == Counted(0), "no day was known"
    assert count_by_day(warehouse, long, whole=True) == Counted(0, 0)


def test_a_test_that_can_not_run_by_day_says_so(
    warehouse: Connection, tested: list[Sequence[date]]
) -> None:
    project = _with(RETURNING.replace("sessions.session_date\n", "sessions.no_such_day\n"))
    check = _checked(warehouse, project, "returning")
    assert (check.passed, check.severity) == (False, Severity.ERROR)
    assert "no_such_day" in check.text
    assert check.remedy == "Correct `by day:` in dbt_like_sql/tests/returning.sql."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-- by day: day\nSELECT a FROM raw.a", "declare the day of each table"),
        ("-- by day: raw.a.day raw.b.day\nSELECT a FROM raw.a", "declare the day of one table"),
        ("-- by day: raw.a.day\nSELECT a FROM raw.a, raw.b", "it reads raw.a, raw.b"),
        ("-- by day: raw.c.day\nSELECT a FROM raw.a", "it reads raw.a"),
        ("-- by day: raw.a.day\nWITH a AS (FROM raw.a) SELECT b FROM a", "no CTE like one"),
        (
            "-- by day: raw.a.day\n-- alert: yes\nSELECT 1 AS alarm, 2 AS message FROM raw.a",
            "declare `alert:` or `by day:`, not both",
        ),
    ],
)
def test_a_by_day_declaration_that_can_not_be_followed_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidModel, match=re.escape(problem)):
        parse_test("t", text)


def test_the_day_of_each_table_is_an_expression_of_its_columns() -> None:
    test = parse_test(
        "t",
        "-- Holds.\n-- by day: raw.a.day\n-- by day: marts.b.hour::DATE\n"
        "SELECT a FROM raw.a JOIN marts.b USING (a)",
    )
    assert test.days == {"raw.a": "day", "marts.b": "CAST(hour AS DATE)"}
    assert test.description == "Holds."


def test_a_test_by_day_of_no_mart_by_day_is_refused(tmp_path: Path) -> None:
    folder = _copied(tmp_path)
    (folder / "tests/other.sql").write_text(
        "-- by day: marts.daily_cloud_spend.spend_date\n"
        "SELECT cost FROM marts.daily_cloud_spend WHERE cost IS NULL"
    )
    project, problems = load_usable(folder)
    assert "other" not in project.tests
    assert problems == [
        "tests/other.sql: a test by day must read a mart by day: it is run whole whenever such a"
        " mart is built whole."
    ]
