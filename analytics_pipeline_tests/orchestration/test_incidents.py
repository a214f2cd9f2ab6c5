"""Incidents and their messages: runs and failing checks in, texts out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from analytics_pipeline.orchestration.alerting.incidents import (
    Alarms,
    FailingCheck,
    Incident,
    OpenAlarm,
    from_json,
    open_incidents,
)
from analytics_pipeline.orchestration.alerting.messages import messages
from analytics_pipeline.orchestration.runs.run_records import KnownRun, RunState

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SESSIONS, AWS = "raw.lab_sessions", "raw.aws_cost"


def run(
    run_id: str, state: RunState, minutes_ago: float, *assets: str, retried: bool = False
) -> KnownRun:
    ended = None if state is RunState.IN_FLIGHT else NOW - timedelta(minutes=minutes_ago)
    return KnownRun(
        run_id,
        "load_daily",
        state,
        frozenset(assets),
        "2026-11-01",
        "2026-11-22",
        ended=ended,
        will_retry=retried,
    )


def now_open(
    runs: Sequence[KnownRun], red: Sequence[FailingCheck] = (), known: Mapping[str, Incident] = {}
) -> dict[str, Incident]:
    return open_incidents(runs, red, known, lambda run_id: f"broken in {run_id}", NOW)


def test_a_failed_run_is_one_message_with_dataset_partitions_error_and_link() -> None:
    found = now_open([run("r1", RunState.FAILED, 5, SESSIONS)])
    (text,) = messages({}, found, "http://127.0.0.1:3000")
    assert text.splitlines() == [
        ":red_circle: raw.lab_sessions (2026-11-01 to 2026-11-22) failed, 2026-11-23 08:55 UTC.",
        "broken in r1",
        "http://127.0.0.1:3000/runs/r1",
    ]


def test_further_failures_of_the_same_asset_are_not_reported() -> None:
    before = now_open([run("r1", RunState.FAILED, 5, SESSIONS)])
    after = now_open(
        [run(f"r{n}", RunState.FAILED, 0, SESSIONS) for n in range(2, 50)], known=before
    )
    assert messages(before, after, "") == []


def test_assets_that_fail_for_the_same_reason_in_one_run_are_one_message() -> None:
    (text,) = messages({}, now_open([run("r1", RunState.FAILED, 5, SESSIONS, AWS)]), "")
    assert "raw.aws_cost, raw.lab_sessions" in text


def test_an_asset_that_loaded_in_a_run_failed_by_another_is_no_incident() -> None:
    failed = replace(run("r1", RunState.FAILED, 5, SESSIONS, AWS), failed=frozenset({AWS}))
    assert set(now_open([failed])) == {AWS}
    known = now_open([run("r0", RunState.FAILED, 9, SESSIONS)])
    assert set(now_open([failed], known=known)) == {AWS}, "its step in the later run went well"


def test_an_asset_is_resolved_after_a_good_run_once_no_run_is_in_flight() -> None:
    known = now_open([run("r1", RunState.FAILED, 5, SESSIONS)])
    good, queued = (
        run("r2", RunState.SUCCEEDED, 1, SESSIONS),
        run("r3", RunState.IN_FLIGHT, 0, SESSIONS),
    )
    assert now_open([queued, good], known=known) == known
    assert messages(known, now_open([good], known=known), "") == [
        ":white_check_mark: Resolved: raw.lab_sessions (failing since 2026-11-23 08:55 UTC)."
    ]


def test_the_order_in_which_runs_ended_decides_and_not_their_times() -> None:
    ahead = -40 * 24 * 60
    known = now_open([run("r1", RunState.FAILED, ahead, SESSIONS)])
    assert known[SESSIONS].since == "2026-11-23 09:00 UTC", "it is dated in the future"
    good = run("r2", RunState.SUCCEEDED, 1, SESSIONS)
    assert now_open([good, run("r1", RunState.FAILED, ahead, SESSIONS)], known=known) == {}
    failed = run("r4", RunState.FAILED, 1, SESSIONS)
    assert set(now_open([failed, run("r3", RunState.SUCCEEDED, ahead, SESSIONS)])) == {SESSIONS}


def test_a_failing_check_keeps_the_incident_open_after_a_good_run() -> None:
    known = now_open([run("r1", RunState.FAILED, 5, SESSIONS)])
    red = [FailingCheck(SESSIONS, "schema", "a file cannot be read", "r1", repeats_run=True)]
    assert now_open([run("r2", RunState.SUCCEEDED, 1, SESSIONS)], red, known) == known


def test_a_failing_check_alone_is_an_incident() -> None:
    found = now_open(
        [run("r1", RunState.SUCCEEDED, 1, SESSIONS)],
        [FailingCheck(SESSIONS, "schema", "it is bad", "r1")],
    )
    assert found["raw.lab_sessions schema"].error == "it is bad"


def test_a_late_file_does_not_hide_a_failing_one() -> None:
    late = FailingCheck(SESSIONS, "newest_is_loaded", "it is late", "r0")
    known = now_open([run("r1", RunState.SUCCEEDED, 9, SESSIONS)], [late])
    both = now_open([run("r2", RunState.FAILED, 5, SESSIONS)], [late], known)
    assert [text.partition(" failed")[0] for text in messages(known, both, "")] == [
        ":red_circle: raw.lab_sessions (2026-11-01 to 2026-11-22)"
    ]
    well = now_open([run("r3", RunState.SUCCEEDED, 1, SESSIONS)], [late], both)
    assert set(well) == {"raw.lab_sessions newest_is_loaded"}


def test_a_check_with_a_cause_of_its_own_is_reported_while_its_asset_fails() -> None:
    schema = FailingCheck(SESSIONS, "schema", "a file cannot be read", "r1", repeats_run=True)
    lost = FailingCheck(SESSIONS, "nothing_lost", "a file is gone", "r2")
    failed = now_open([run("r1", RunState.FAILED, 9, SESSIONS)], [schema])
    assert set(failed) == {SESSIONS}
    both = now_open([run("r2", RunState.FAILED, 5, SESSIONS)], [schema, lost], failed)
    (opened,) = messages(failed, both, "")
    assert opened.startswith(":red_circle: raw.lab_sessions nothing_lost failed")
    assert "a file is gone" in opened
    well = now_open([run("r3", RunState.SUCCEEDED, 1, SESSIONS)], [lost], both)
    (resolved,) = messages(both, well, "")
    assert resolved.startswith(":white_check_mark: Resolved: raw.lab_sessions (failing since")
    assert set(well) == {"raw.lab_sessions nothing_lost"}


def test_a_run_that_dagster_retries_or_a_person_canceled_is_no_incident() -> None:
    assert now_open([run("r1", RunState.FAILED, 5, SESSIONS, retried=True)]) == {}
    assert now_open([run("r1", RunState.CANCELED, 5, SESSIONS)]) == {}


def test_a_run_without_assets_is_reported_by_its_job() -> None:
    assert set(now_open([run("r1", RunState.FAILED, 5)])) == {"job load_daily"}


def test_incidents_outlive_a_restart_in_the_cursor() -> None:
    known = now_open([run("r1", RunState.FAILED, 5, SESSIONS)])
    assert from_json({subject: incident.to_json() for subject, incident in known.items()}) == known


def alarmed(
    *names: str, known: Mapping[str, Incident] = {}, unknown: Sequence[str] = ()
) -> dict[str, Incident]:
    found = Alarms(
        [OpenAlarm("budgets", name, f"{name} is spent.", "r9") for name in names],
        frozenset(unknown),
    )
    return open_incidents([], [], known, str, NOW, found)


def test_new_alarms_of_a_test_are_one_message_and_each_is_sent_once() -> None:
    first = alarmed("A, 50 %", "A, 80 %")
    (text,) = messages({}, first, "http://ui")
    assert (
        text
        == ":warning: A, 50 %: A, 50 % is spent.\nA, 80 %: A, 80 % is spent.\nhttp://ui/runs/r9"
    )
    later = alarmed("A, 50 %", "A, 80 %", "B, 50 %", known=first)
    (text,) = messages(first, later, "http://ui")
    assert text.startswith(":warning: B, 50 %: ")


def test_an_alarm_whose_row_is_gone_is_resolved() -> None:
    before = alarmed("A, 50 %", "A, 80 %")
    (text,) = messages(before, alarmed("A, 50 %", known=before), "")
    assert text == ":white_check_mark: Resolved: A, 80 % (open since 2026-11-23 09:00 UTC)."


def test_alarms_of_a_test_that_could_not_run_stay_as_they_were() -> None:
    before = alarmed("A, 50 %")
    after = alarmed(known=before, unknown=["budgets"])
    assert after == before
    assert messages(before, after, "") == []


def test_an_alarm_survives_in_the_cursor() -> None:
    before = alarmed("A, 50 %")
    assert (
        from_json({subject: incident.to_json() for subject, incident in before.items()}) == before
    )
