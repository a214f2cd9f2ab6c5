"""What a failing test withholds from publication: its marts keep their previous state, or are left
out.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.operations.erase_person import erase
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import build_and_test, load_project
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.checks import Check, errors, mark_outdated, read
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.export_parquet import export_parquet
from analytics_pipeline.warehouse.publish import Published, publish

Connection = duckdb.DuckDBPyConnection
PROJECT = load_project()
SPEND = {
    "marts.daily_cloud_spend",
    *(model.qualified for model in PROJECT.affected({"marts.daily_cloud_spend"})),
}
DOUBLE = "UPDATE marts.daily_cloud_spend SET cost = 2 * cost"
LOSE = "DELETE FROM raw.enrollment WHERE userid = (SELECT max(userid) FROM raw.enrollment)"


def ask(path: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def spend(path: Path) -> object:
    return ask(path, "SELECT sum(cost) FROM marts.daily_cloud_spend")[0][0]


@contextmanager
def warehouse(settings: Settings) -> Iterator[Connection]:
    with open_warehouse(settings.warehouse_path) as connection:
        yield connection


def build(connection: Connection, *breaks: str, models: tuple[str, ...] | None = None) -> set[str]:
    """Build all or some, break the tables, and test again; return the names of the failing ERROR
    tests.
    """
    chosen = PROJECT.models.values() if models is None else PROJECT.select(models)
    build_and_test(connection, PROJECT, chosen, warehouse_now())
    for sql in breaks:
        connection.execute(sql)
    if breaks:
        build_and_test(connection, PROJECT, [], warehouse_now(), also=PROJECT.tests.keys())
    return {check.name for check in errors(read(connection))}


@pytest.fixture
def published(settings: Settings) -> Callable[..., Published]:
    """Build, break and publish; the first call publishes a good file."""
    with warehouse(settings) as connection:
        assert build(connection) == set()
        publish(connection, settings.published_path, pii=False)

    def run(*breaks: str, pii: bool = False) -> Published:
        with warehouse(settings) as connection:
            build(connection, *breaks)
            return publish(connection, settings.published_path, pii=pii)

    return run


def test_doubled_money_is_withheld_and_the_rest_is_published(
    settings: Settings, published: Callable[..., Published]
) -> None:
    before = spend(settings.published_path)
    new = "UPDATE raw.course_mapping SET course_name = 'Renamed'"
    done = published(new, DOUBLE)
    assert (set(done.kept), list(done.left_out)) == (SPEND, [])
    assert {"marts.course_summary", "marts.spend_days", "marts.budget_status"} <= SPEND
    assert not {"marts.lab_sessions", "marts.lab_launches_daily", "marts.assignment_scores"} & SPEND
    assert spend(settings.published_path) == before
    assert ask(settings.published_path, "SELECT DISTINCT course_name FROM raw.course_mapping") == [
        ("Renamed",)
    ]
    kept = ask(settings.published_path, "SELECT unnest(kept).table FROM ops.published")
    assert {name for (name,) in kept} == SPEND
    failing = ask(
        settings.published_path, "SELECT name, violations > 0 FROM ops.checks WHERE NOT passed"
    )
    assert ("daily_spend_adds_up_to_what_was_reported", True) in failing


@pytest.mark.slow
def test_a_kept_table_keeps_the_time_of_its_state_over_several_publications(
    settings: Settings, published: Callable[..., Published]
) -> None:
    ((at,),) = ask(settings.published_path, "SELECT published_at FROM ops.published")
    assert set(published(DOUBLE).kept.values()) == {at}
    assert set(published(DOUBLE).kept.values()) == {at}
    assert published().kept == {}, "with the first build after which the test holds they go out"


@pytest.mark.thorough
def test_a_warning_withholds_nothing(
    settings: Settings, published: Callable[..., Published]
) -> None:
    published()
    with warehouse(settings) as connection:
        connection.execute(
            "UPDATE ops.checks SET passed = false, severity = 'WARN' WHERE kind = 'model'"
        )
        assert publish(connection, settings.published_path, pii=False).kept == {}


def test_only_checks_of_severity_error_name_tables_that_they_withhold(settings: Settings) -> None:
    tests = (
        "SELECT severity, sum(len(withholds)) > 0 FROM ops.checks WHERE name IN (SELECT unnest(?))"
        " GROUP BY ALL ORDER BY ALL"
    )
    names = [[*PROJECT.tests]]
    with warehouse(settings) as connection:
        build(connection)
        assert connection.execute(tests, names).fetchall() == [("ERROR", True), ("WARN", False)]
        connection.execute("UPDATE ops.checks SET withholds = ['marts.lab_sessions']")
        build(connection, models=())
        assert connection.execute(tests, names).fetchall() == [("ERROR", True), ("WARN", False)]


@pytest.mark.slow
def test_without_a_previous_file_the_withheld_marts_are_left_out(
    settings: Settings, published: Callable[..., Published], tmp_path: Path
) -> None:
    settings.published_path.unlink()
    done = published(DOUBLE)
    assert (set(done.left_out), done.kept) == (SPEND, {})
    names = {
        name for (name,) in ask(settings.published_path, "SELECT table_name FROM duckdb_tables()")
    }
    assert "daily_cloud_spend" not in names and "lab_sessions" in names
    with warehouse(settings) as connection:
        build(connection, DOUBLE)
        files = export_parquet(connection, tmp_path / "parquet")
    assert "daily_cloud_spend" not in files and "lab_sessions" in files


@pytest.mark.parametrize("breaks", [DOUBLE, LOSE], ids=["a mart", "all content"])
def test_nothing_is_kept_of_a_previous_file_that_is_cut_short(
    settings: Settings, published: Callable[..., Published], breaks: str
) -> None:
    """DuckDB opens it and reads its first tables, but not the last ones."""
    os.truncate(settings.published_path, settings.published_path.stat().st_size - 4_096)
    ask(settings.published_path, "FROM ops.published")
    done = published(breaks)
    assert (done.kept, set(done.left_out) >= SPEND) == ({}, True)
    with duckdb.connect() as reader:
        reader.execute(f"ATTACH '{settings.published_path}' AS whole (READ_ONLY)")
        reader.execute("COPY FROM DATABASE whole TO memory")


@pytest.mark.slow
def test_a_changed_privacy_setting_keeps_no_previous_rows(
    settings: Settings, published: Callable[..., Published]
) -> None:
    done = published(DOUBLE, pii=True)
    assert (set(done.left_out), done.kept) == (SPEND, {})


@pytest.mark.thorough
def test_kept_rows_never_bring_back_an_erased_person(
    settings: Settings, published: Callable[..., Published]
) -> None:
    """A test that fails after the erasure withholds the marts; those in the previous file hold the
    person.
    """
    ((person,),) = ask(settings.published_path, "SELECT max(user_id) FROM marts.lab_sessions")
    lose = (
        "DELETE FROM marts.lab_sessions WHERE rowid = (SELECT min(rowid) FROM marts.lab_sessions)"
    )
    assert "marts.lab_sessions" in published(lose).kept
    erase(settings, person, dry_run=False)
    done = published(lose)  # the file published by `erase` is without them, and may be kept
    assert "marts.lab_sessions" in done.kept
    mine = f"SELECT count(*) FROM marts.lab_sessions WHERE user_id = {person}"
    assert ask(settings.published_path, mine) == [(0,)]


@pytest.mark.thorough
def test_rows_from_before_an_erasure_are_never_kept(
    settings: Settings, published: Callable[..., Published]
) -> None:
    for times in (0, 1):  # in progress, and done
        with warehouse(settings) as connection:
            connection.execute("DELETE FROM ops.erased")
            connection.execute(
                "INSERT INTO ops.erased (user_id, erased_at, times) VALUES (7,"
                " now()::TIMESTAMP, ?)",
                [times],
            )
        done = published(DOUBLE)
        assert (set(done.left_out), done.kept) == (SPEND, {}), f"erased {times} times"


def test_raw_rows_that_differ_from_the_ledger_keep_the_whole_previous_file(
    settings: Settings, published: Callable[..., Published]
) -> None:
    before = ask(settings.published_path, "SELECT count(*) FROM raw.enrollment")
    done = published(LOSE)
    assert ask(settings.published_path, "SELECT count(*) FROM raw.enrollment") == before
    assert {"marts.lab_sessions", "staging.courses"} <= set(done.kept)
    failing = ask(settings.published_path, "SELECT name FROM ops.checks WHERE NOT passed")
    assert ("raw_rows_are_those_of_the_ledger",) in failing
    settings.published_path.unlink()
    assert not published(LOSE).is_written
    assert not settings.published_path.exists()


def test_a_model_that_was_rebuilt_and_not_tested_is_not_published(
    settings: Settings, published: Callable[..., Published]
) -> None:
    """As after a process that was killed between the two."""
    before = spend(settings.published_path)
    with warehouse(settings) as connection:
        mark_outdated(connection, ["grain_of_daily_cloud_spend"])
        connection.execute(DOUBLE)
        done = publish(connection, settings.published_path, pii=False)
    assert "marts.daily_cloud_spend" in done.kept
    assert spend(settings.published_path) == before


def test_a_verdict_that_lasts_keeps_its_since(settings: Settings) -> None:
    name = "daily_spend_adds_up_to_what_was_reported"

    def tested(connection: Connection) -> Check:
        build_and_test(connection, PROJECT, [], warehouse_now(), also=[name])
        return next(check for check in read(connection) if check.name == name)

    with warehouse(settings) as connection:
        passed = tested(connection)
        connection.execute(DOUBLE)
        first, second = tested(connection), tested(connection)
    assert passed.passed and not first.passed
    assert first.since and passed.since and first.since > passed.since
    assert (second.since, second.evaluated_at != first.evaluated_at) == (first.since, True)
