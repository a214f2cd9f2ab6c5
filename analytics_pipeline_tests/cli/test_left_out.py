"""`sync`, `status` and its JSON name the delivered files that are not loaded, also offline."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import YESTERDAY, Run, query, status_json
from analytics_pipeline_tests.orchestration.conftest import lab_sessions
from analytics_pipeline_tests.support.today import days_since_yesterday

SESSIONS = "org9001/lab_sessions/lab_sessions_{}.csv"
VERDICT = "Everything delivered is loaded except for 1 file left out, see above."


def left_out(run: Run) -> list[dict]:
    """Return what the JSON of `status` says, which is complete."""
    code, found = status_json(run)
    assert (code, found["complete"]) == (0, True), found
    return list(found["left_out"])


def recorded(data: Path) -> tuple[bool, str, str]:
    """Return the verdict on lab_sessions in `ops.checks`."""
    (found,) = query(
        data,
        "SELECT passed, severity, text FROM ops.checks WHERE name = 'nothing_left_out'"
        " AND subject = 'raw.lab_sessions'",
    )
    return found


@pytest.mark.thorough
def test_two_spellings_of_a_day_are_a_warning_unless_they_have_the_same_bytes(
    run: Run, synced: Path, demo: DemoVocareum
):
    day = (YESTERDAY - timedelta(days=40)).replace(day=1)
    padded, body = lab_sessions(f"{day}", rows=0)
    older, long_ago = padded.replace("-01.csv", "-1.csv"), datetime.now(UTC) - timedelta(hours=9)
    demo.put(padded, body)
    demo.put(older, b"other bytes", long_ago)
    synced_first = run("sync")
    assert synced_first.exit_code == 0, synced_first.output
    line = next(line for line in synced_first.output.splitlines() if line.startswith(older))
    assert f"not loaded, a newer file of the same day has other bytes: {padded}." in line
    assert "assumes that the newer one is right. Compare the two" in line
    assert recorded(synced)[:2] == (False, "WARN")

    found = run("status")
    assert line in found.output.splitlines(), "both say the same"
    assert VERDICT in found.output and "Complete." not in found.output, found.output
    (file,) = left_out(run)
    assert (file["key"], file["warns"], file["dataset"]) == (older, True, "lab_sessions")
    offline = run("status", VOCAREUM_API_TOKEN=None)
    assert offline.exit_code == 2
    assert f"According to the last listing: {older}: not loaded" in offline.output

    demo.put(older, body, long_ago)
    found = run("status")
    note = f"{older}: not loaded, a newer file of the same day has the same bytes."
    assert note in found.output
    assert "Complete. See above for 1 file left out." in found.output, found.output
    assert [file["warns"] for file in left_out(run)] == [False]
    assert note in run("sync").output
    assert recorded(synced) == (True, "WARN", note)


@pytest.mark.thorough
def test_a_day_that_has_not_begun_is_a_warning_until_it_is_no_longer_delivered(
    run: Run, synced: Path, demo: DemoVocareum
):
    ahead = SESSIONS.format("2062-01-09")
    demo.put(ahead, b"x")
    assert f"{ahead}: not loaded, outside the partitions: the day in its" in run("sync").output
    found = run("status").output
    assert VERDICT in found and f"{ahead}: not loaded" in found, found
    assert not recorded(synced)[0]
    demo.delete(ahead)
    assert "Complete." in run("status").output.splitlines(), "the listing counts, not the record"
    assert run("sync").exit_code == 0
    assert recorded(synced)[0]


def test_days_that_a_setting_or_the_clock_leaves_out_are_named_and_complete(
    run: Run, synced: Path, demo: DemoVocareum
):
    early = SESSIONS.format("2019-05-05")
    today = SESSIONS.format(YESTERDAY + timedelta(days=days_since_yesterday()))
    demo.put_many({early: b"x", today: b"x"})
    found = run("status")
    assert "which VOCAREUM_START_DATE sets" in found.output and early in found.output
    assert f"{today}: not loaded, outside the partitions: its day is not over" in found.output
    assert "Complete. See above for 2 files left out." in found.output, found.output
    assert sorted(file["key"] for file in left_out(run)) == [early, today]


def test_files_before_the_default_first_day_are_missing_until_a_sync_loads_them(
    run: Run, demo: DemoVocareum
):
    """The first `sync` learns the first day from them; only then do they have a partition."""
    demo.put(*lab_sessions("2019-05-05"))
    code, found = status_json(run, VOCAREUM_START_DATE=None)
    missing = {row["dataset"]: row["missing"] for row in found["datasets"]}
    assert (code, missing["lab_sessions"], found["left_out"]) == (1, 1, [])


@pytest.mark.thorough
def test_a_full_sync_says_which_loaded_files_it_does_not_load_again(run: Run, demo: DemoVocareum):
    first, second = (f"{YESTERDAY - timedelta(days=n)}" for n in (1, 0))
    demo.put(*lab_sessions(first))
    demo.put(*lab_sessions(second))
    assert "2 new" in run("sync").output
    later = run("sync", "--full", VOCAREUM_START_DATE=second)
    assert (
        "1 loaded file not loaded again (outside the partitions):"
        f" org9001/lab_sessions/lab_sessions_{first}.csv" in later.output
    ), later.output
