"""Models that are built by day have the rows that they have when they are built whole."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics_pipeline.sql_models import (
    InvalidModel,
    Model,
    Project,
    build,
    build_and_test,
    by_day,
    day_hashes,
)
from analytics_pipeline.sql_models.model import ByDay, Layer
from analytics_pipeline.sql_models.parse import parse_model
from analytics_pipeline.warehouse.checks import Check, Severity, errors, read
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline_tests.sql_models.test_models_of_sessions import session
from analytics_pipeline_tests.support.by_day_walk import (
    BY_DAY,
    Walk,
    changed_project,
    differing,
)
from analytics_pipeline_tests.support.model_warehouse import PROJECT, WRITTEN, build_all, put, utc

Connection = duckdb.DuckDBPyConnection
STEPS = 50


@pytest.mark.thorough
def test_random_steps_leave_the_rows_of_a_whole_build(
    warehouse: Connection, tmp_path: Path
) -> None:
    warehouse.execute("SET threads TO 1")
    walk = Walk(warehouse, random.Random(1), (PROJECT, changed_project(tmp_path / "changed")))
    walk.begin()
    steps = [walk.step() for _ in range(STEPS)]
    assert len(set(steps)) == 10, f"some steps were never tried: {sorted(set(steps))}"
    assert walk.by_day > 2 * walk.whole, f"{walk.by_day} were built by day, {walk.whole} whole"


def _without_a_column(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(day_hashes, "HASH", "sum(hash(*COLUMNS(c -> c <> 'course_name'))::HUGEINT)")


def _without_days_that_are_gone(patched: pytest.MonkeyPatch) -> None:
    every = by_day._stale_days

    def fewer(connection: Connection, *model: Any) -> list[date] | None:
        days = every(connection, *model)
        there = {day for (day,) in connection.execute("SELECT day FROM input_days").fetchall()}
        return days and [day for day in days if day in there]

    patched.setattr(by_day, "_stale_days", fewer)


def _without_deleting(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(by_day, "_rebuild_days", lambda *_: None)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "spoil", [_without_a_column, _without_days_that_are_gone, _without_deleting]
)
def test_the_comparison_catches_a_wrong_rule(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch, spoil: Callable[..., None]
) -> None:
    spoil(monkeypatch)
    _is_caught(Walk(warehouse, random.Random(2)))


def test_the_comparison_catches_a_hash_that_ignores_the_sql(
    warehouse: Connection, tmp_path: Path
) -> None:
    projects = [
        Project({name: _spoilt(model, version="") for name, model in made.models.items()}, {})
        for made in (PROJECT, changed_project(tmp_path / "changed"))
    ]
    _is_caught(Walk(warehouse, random.Random(2), projects))


def test_the_comparison_catches_a_day_that_depends_on_another(warehouse: Connection) -> None:
    """Sessions over midnight, if they are hashed and selected by their start."""
    name = "marts.lab_concurrency_hourly"
    cut = f"(\n{PROJECT.models['staging.lab_session_days'].sql}\n) AS cut"
    sql = PROJECT.models[name].sql.replace("staging.lab_session_days", cut)
    sql = sql.replace("-- by day: day =", "-- by day: session_date =")
    wrong = parse_model(Layer.MARTS, "lab_concurrency_hourly", sql)
    project = replace(PROJECT, models={**PROJECT.models, name: wrong})
    _is_caught(Walk(warehouse, random.Random(2), [project]))


def _spoilt(model: Model, **attributes: str) -> Model:
    return replace(model, by_day=replace(model.by_day, **attributes)) if model.by_day else model


def _is_caught(walk: Walk) -> None:
    walk.begin()
    with pytest.raises(AssertionError, match="instead of"):
        for _ in range(STEPS):
            walk.step()


def test_only_the_days_that_changed_are_rebuilt(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session over midnight belongs to the day of its start, and runs on two days."""
    made: dict[str, list[str]] = {}
    make = by_day._rebuild_days

    def noted(connection: Connection, model: Model, promise: ByDay, days: list[date]) -> None:
        made[model.qualified] = [str(day) for day in days]
        make(connection, model, promise, days)

    monkeypatch.setattr(by_day, "_rebuild_days", noted)
    for day in range(1, 6):
        put(warehouse, "raw.lab_sessions", session(utc(2026, 10, day, 23), 30, user=day))
    build_all(warehouse)
    build_all(warehouse)
    assert made == {}, "the first build is whole, and the second one has nothing to do"
    put(warehouse, "raw.lab_sessions", session(utc(2026, 10, 3, 23), 120, user=3))
    build_all(warehouse)
    assert made == {
        "marts.lab_sessions": ["2026-10-03"],
        "marts.lab_launches_daily": ["2026-10-03"],
        "marts.lab_launches_weekly": ["2026-09-28"],
        "marts.lab_concurrency_hourly": ["2026-10-03", "2026-10-04"],
    }
    assert differing(warehouse, PROJECT) == []


def test_a_model_that_was_built_otherwise_in_between_is_built_whole(warehouse: Connection) -> None:
    """The hashes from before say nothing about the rows of another model of that name."""
    walk = Walk(warehouse, random.Random(4))
    walk.begin()
    name = "marts.lab_launches_daily"
    other = replace(PROJECT.models[name], by_day=None, sql=PROJECT.models[name].sql + " LIMIT 0")
    build(warehouse, [other])
    walk.build_and_compare()


def test_a_hash_is_never_published(warehouse: Connection) -> None:
    assert [table.secret for table in tables() if table.name == "ops.model_days"] == [True]


LATER = WRITTEN + by_day.COMPARED_EVERY
DAMAGE = "UPDATE marts.lab_launches_daily SET launches = launches + 1"


def _check(connection: Connection) -> Check:
    [check] = [
        check
        for check in read(connection)
        if (check.name, check.subject) == (by_day.EQUALS_WHOLE, "marts.lab_launches_daily")
    ]
    return check


def test_a_difference_from_a_whole_build_is_found_within_a_week_reported_and_repaired(
    warehouse: Connection,
) -> None:
    walk = Walk(warehouse, random.Random(5))
    walk.begin()
    models = PROJECT.select([*PROJECT.upstream(BY_DAY), *BY_DAY])
    build_and_test(warehouse, PROJECT, models, WRITTEN)
    assert _check(warehouse).passed
    warehouse.execute(DAMAGE)
    build_and_test(warehouse, PROJECT, models, LATER - timedelta(seconds=1))
    assert _check(warehouse).passed and differing(warehouse, PROJECT), "compared too early"
    build_and_test(warehouse, PROJECT, models, LATER)
    check = _check(warehouse)
    assert (check.passed, check.severity, check.since) == (False, Severity.ERROR, LATER)
    assert f"{check.violations} days differed from a whole build: 2026-01-0" in check.text
    assert check in errors(read(warehouse))
    assert differing(warehouse, PROJECT) == [], "the rows were not repaired"
    build_and_test(warehouse, PROJECT, models, LATER)
    assert _check(warehouse).passed, "the next build by day was compared, and was equal"


def test_a_comparison_that_is_dated_far_in_the_future_is_repeated(warehouse: Connection) -> None:
    walk = Walk(warehouse, random.Random(5))
    walk.begin()
    models = PROJECT.select([*PROJECT.upstream(BY_DAY), *BY_DAY])
    build_and_test(warehouse, PROJECT, models, WRITTEN + timedelta(days=40))
    warehouse.execute(DAMAGE)
    build_and_test(warehouse, PROJECT, models, WRITTEN)
    assert not _check(warehouse).passed


def test_a_difference_is_recorded_even_if_the_process_dies_before_the_tests(
    warehouse: Connection,
) -> None:
    walk = Walk(warehouse, random.Random(6))
    walk.begin()
    warehouse.execute(DAMAGE)
    build(warehouse, PROJECT.select(BY_DAY), LATER)
    assert not _check(warehouse).passed and differing(warehouse, PROJECT) == []


def test_a_build_that_dies_leaves_rows_and_hashes_as_they_were(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(warehouse, random.Random(7))
    walk.begin()
    before = warehouse.execute("FROM ops.model_days ORDER BY ALL").fetchall()
    walk.new_day()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(by_day, "remember", _interrupt)
        walk.build_and_compare()
    assert warehouse.execute("FROM ops.model_days ORDER BY ALL").fetchall() == before
    walk.build_and_compare()
    assert warehouse.execute("FROM ops.model_days ORDER BY ALL").fetchall() != before


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("declared", "sql", "problem"),
    [
        ("day", "SELECT day FROM raw.a JOIN raw.b USING (day)", "it reads raw.a, raw.b"),
        ("day", "WITH a AS (SELECT day FROM raw.a) SELECT day FROM a", "name no CTE like it"),
        ("day", "SELECT 1 AS day", "it reads none"),
        ("day of week", "SELECT day FROM raw.a", "declare `by day:` once"),
        ("day\n-- by day: day", "SELECT day FROM raw.a", "declare `by day:` once"),
    ],
)
def test_a_by_day_declaration_that_can_not_be_followed_is_refused(
    declared: str, sql: str, problem: str
) -> None:
    with pytest.raises(InvalidModel, match=re.escape(problem)):
        parse_model(Layer.MARTS, "m", f"-- A mart.\n-- by day: {declared}\n{sql}")


def test_a_by_day_declaration_is_no_part_of_the_tables_comment() -> None:
    model = parse_model(Layer.MARTS, "m", "-- A mart.\n-- by day: day\nSELECT day FROM raw.a")
    assert model.description == "A mart."
