"""A feed or a dataset that stopped is reported by `status`, `sync` and the report."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.lateness import age, silence
from analytics_pipeline_tests.cli.conftest import YESTERDAY, Run, status_json


def test_status_and_report_say_that_the_feed_has_stopped(run: Run, synced: Path):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET period = period - INTERVAL 982 DAY WHERE length(partition)"
            " = 10"
        )
    code, found = status_json(run)
    newest = YESTERDAY - timedelta(days=982)
    assert f"since {newest.day} {newest:%b %Y}:" in found["silent"], found["silent"]
    assert (code, found["complete"]) == (1, False), "however long ago"
    text = run("status").output
    assert "Nothing has been delivered since" in text and "Complete." not in text, text
    verdict = "Everything delivered is loaded, but nothing has been delivered since"
    assert f"{verdict} {newest.day} {newest:%b %Y}.\n" in text, text
    synced_again = run("sync")
    assert "Nothing has been delivered since" in synced_again.output, synced_again.output
    assert synced_again.exit_code == 1
    assert run("publish").exit_code == 1
    assert run("report").exit_code == 0
    assert "Nothing has been delivered since" in (synced / "report.html").read_text()


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("days", "code", "late", "verdict"),
    [
        (2, 0, ["aws_cost"], "Everything delivered is loaded, but aws_cost is late."),
        (9, 1, ["aws_cost"], "Incomplete: "),
        (90, 0, [], "Complete."),
    ],
    ids=["late", "stopped", "no longer delivered"],
)
def test_a_dataset_that_stopped_is_reported_without_the_daemon(
    run: Run, synced: Path, days: int, code: int, late: list[str], verdict: str
):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute(
            f"UPDATE ops.loaded_files SET period = period - INTERVAL {days} DAY"
            " WHERE dataset = 'aws_cost'"
        )
    for synced_again in (False, True):
        if synced_again:
            result = run("sync")
            assert (result.exit_code, "Nothing to do" in result.output) == (code, True)
            assert ("should be loaded by now" in result.output) == bool(late), result.output
        found = status_json(run)
        assert (found[0], found[1]["complete"], found[1]["late"]) == (code, not code, late)
        text = run("status").output
        assert ("should be loaded by now" in text) == bool(late), text
        assert any(line.startswith(verdict) for line in text.splitlines()), text
    assert ("Complete." in text.splitlines()) == (verdict == "Complete.")
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        recorded = connection.execute(
            "SELECT passed, severity FROM ops.checks WHERE name = 'newest_is_loaded'"
            " AND subject = 'raw.aws_cost'"
        ).fetchall()
    assert recorded == [(not late, "ERROR" if code else "WARN")]


def test_a_snapshot_that_is_written_again_without_a_change_is_not_late(run: Run, synced: Path):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET last_modified = last_modified - INTERVAL 9 DAY"
            " WHERE dataset = 'grades'"
        )
    result = run("sync")
    assert (result.exit_code, "Nothing to do" in result.output) == (0, True), result.output
    assert "late" not in result.output
    code, found = status_json(run)
    assert (code, found["late"]) == (0, [])


def test_one_dataset_may_end_while_another_continues():
    now = datetime(2026, 11, 25, 13, tzinfo=UTC)
    ended, alive = (
        age("azure_cost", date(2024, 3, 18), now),
        age("aws_cost", date(2026, 11, 24), now),
    )
    assert (ended.is_late, alive.is_late, silence([ended, alive])) == (True, False, None)
    late = age("aws_cost", date(2024, 3, 19), now)
    said = silence([ended, late, age("grades", date(2026, 11, 25), now)])
    assert said and said.startswith("Nothing has been delivered since 19 Mar 2024"), said
    assert late.days == 981
    assert not age("aws_cost", date(2026, 11, 23), now.replace(hour=11)).is_late, (
        "the grace period is not over"
    )
    assert silence([]) is None
