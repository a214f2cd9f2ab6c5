"""Load states and requests: listing, runs and clock in, requests out."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.orchestration.raw.load_requests import load_requests
from analytics_pipeline.orchestration.raw.load_states import LoadState, load_state, load_states
from analytics_pipeline.orchestration.raw.retry_policy import RETRY_POLICY
from analytics_pipeline.orchestration.runs.run_records import (
    ENTRIES_PER_TAG,
    KnownRun,
    RunState,
    _uncounted,
    _verdicts,
    verdict_tags,
)

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
START = date(2026, 1, 1)


def delivery(
    partition: str, dataset: str = "lab_sessions", written: datetime = NOW - timedelta(days=1)
) -> Delivery:
    declared = DATASETS[dataset]
    named = {"year": partition[:4], "month": partition[5:7], "day": partition[8:10]}
    keys = {
        "lab_sessions": "lab_sessions/lab_sessions_{year}-{month}-{day}.csv",
        "aws_cost": "cloud_spend/aws_cost_{year}-{month}-{day}.csv",
        "service_spend": "service_spend/service_spend_{year}-{month}.csv",
        "grades": f"grades/course{partition}/grades.csv",
    }
    key = keys[dataset].format(**named)
    place = declared.match(key)
    assert place is not None
    return Delivery(declared, place, f"org9001/{key}", f"etag-{written:%d%H%M}", 10, written)


BAD = delivery("2026-11-20")


def run(
    first: str = "2026-11-01",
    last: str = "2026-11-22",
    *,
    hours_ago: float = 1,
    state: RunState = RunState.FAILED,
    bad: tuple[Delivery, ...] = (),
    asked: tuple[Delivery, ...] = (),
    counts: bool = True,
    only: tuple[str, ...] = (),
    dataset: str = "lab_sessions",
) -> KnownRun:
    return KnownRun(
        run_id="r",
        job="load_daily",
        state=state,
        assets=frozenset({f"raw.{dataset}"}),
        first=first,
        last=last,
        only={dataset: frozenset(only)} if only else {},
        asked=(
            {dataset: {delivery.partition.key: delivery.fingerprint for delivery in asked}}
            if asked
            else {}
        ),
        verdicts=(
            {dataset: {delivery.partition.key: delivery.fingerprint for delivery in bad}}
            if bad
            else {}
        ),
        uncounted=(
            {} if counts else {dataset: frozenset(delivery.partition.key for delivery in bad)}
        ),
        ended=None if state is RunState.IN_FLIGHT else NOW - timedelta(hours=hours_ago),
    )


def stands(partition: str, *runs: KnownRun, now: datetime = NOW) -> LoadState:
    wanted = delivery(partition)
    return load_state(
        wanted, [each for each in runs if each.covers(wanted.dataset, partition)], now
    )


def test_a_version_that_was_never_tried_is_due() -> None:
    assert stands("2026-11-20") is LoadState.DUE


def test_a_run_in_flight_over_its_range_is_waited_for() -> None:
    assert stands("2026-11-20", run(state=RunState.IN_FLIGHT)) is LoadState.IN_FLIGHT
    assert stands("2026-11-20", run(last="2026-11-19", state=RunState.IN_FLIGHT)) is LoadState.DUE
    assert (
        stands("2026-11-20", run(state=RunState.IN_FLIGHT, only=("2026-11-19",))) is LoadState.DUE
    )
    assert stands("2026-11-20", run(state=RunState.IN_FLIGHT, dataset="aws_cost")) is LoadState.DUE


def test_the_pause_between_attempts_grows_to_a_day() -> None:
    assert [RETRY_POLICY.pause(tried) / timedelta(minutes=1) for tried in range(1, 7)] == [
        15,
        60,
        240,
        960,
        1440,
        1440,
    ]


def test_a_failed_file_waits_for_its_pause_and_is_due_after_it() -> None:
    failed = run(hours_ago=0.2, bad=(BAD,))
    assert stands("2026-11-20", failed) is LoadState.WAITING
    assert stands("2026-11-20", failed, now=NOW + timedelta(minutes=4)) is LoadState.DUE
    again = run(hours_ago=0.5, bad=(BAD,))
    assert stands("2026-11-20", run(hours_ago=2, bad=(BAD,)), again) is LoadState.WAITING


def test_a_failure_that_is_dated_far_in_the_future_is_not_waited_for() -> None:
    assert stands("2026-11-20", run(hours_ago=-40 * 24, bad=(BAD,))) is LoadState.DUE
    slightly = run(hours_ago=-0.1, bad=(BAD,))
    assert stands("2026-11-20", slightly) is LoadState.WAITING, "clocks of machines differ"


def test_a_file_is_given_up_after_the_last_attempt_and_not_before() -> None:
    verdicts = [run(hours_ago=hours, bad=(BAD,)) for hours in (3, 4, 5, 6, 7)]
    assert stands("2026-11-20", *verdicts, now=NOW + timedelta(days=30)) is LoadState.GIVEN_UP
    assert stands("2026-11-20", *verdicts[1:], now=NOW + timedelta(days=30)) is LoadState.DUE


def test_failures_that_do_not_count_never_exhaust_the_attempts_and_keep_the_pause() -> None:
    uncounted = [
        run(hours_ago=hours, bad=(BAD,), asked=(BAD,), counts=False) for hours in range(1, 20)
    ]
    assert stands("2026-11-20", uncounted[0], now=NOW - timedelta(minutes=46)) is LoadState.WAITING
    assert stands("2026-11-20", uncounted[0], now=NOW - timedelta(minutes=45)) is LoadState.DUE
    assert stands("2026-11-20", *uncounted, now=NOW + timedelta(hours=22)) is LoadState.WAITING
    assert stands("2026-11-20", *uncounted, now=NOW + timedelta(hours=23)) is LoadState.DUE
    counted = [run(hours_ago=hours, bad=(BAD,)) for hours in (30, 31, 32, 33)]
    assert (
        stands("2026-11-20", *uncounted, *counted, now=NOW + timedelta(hours=23)) is LoadState.DUE
    )
    fifth = run(hours_ago=0.5, bad=(BAD,))
    assert (
        stands("2026-11-20", fifth, *uncounted, *counted, now=NOW + timedelta(days=30))
        is LoadState.GIVEN_UP
    )


def test_runs_that_died_before_reaching_the_file_never_exhaust_its_attempts() -> None:
    deaths = [run(hours_ago=hours, asked=(BAD,)) for hours in range(1, 20)]
    assert stands("2026-11-20", *deaths) is LoadState.WAITING
    assert stands("2026-11-20", *deaths, now=NOW + timedelta(days=1)) is LoadState.DUE


def test_a_new_version_starts_with_no_attempts_whatever_the_clocks_say() -> None:
    verdicts = [run(hours_ago=hours, bad=(BAD,), asked=(BAD,)) for hours in (3, 4, 5, 6, 7)]
    for written in (timedelta(hours=3), timedelta(0), -timedelta(days=30), timedelta(days=30)):
        rewritten = replace(BAD, etag="another", last_modified=NOW - written)
        assert load_state(rewritten, verdicts, NOW) is LoadState.DUE
        assert (
            load_state(replace(BAD, last_modified=NOW - written), verdicts, NOW)
            is LoadState.GIVEN_UP
        )


def test_a_run_that_loaded_a_version_is_no_attempt_after_a_revert_to_it() -> None:
    other = delivery("2026-11-21")
    asked = (BAD, other)
    assert (
        stands("2026-11-20", run(hours_ago=0, asked=asked, state=RunState.SUCCEEDED))
        is LoadState.DUE
    )
    assert stands("2026-11-20", run(hours_ago=0, asked=asked, bad=(other,))) is LoadState.DUE
    elsewhere = replace(run(hours_ago=0, asked=asked), failed=frozenset({"raw.aws_cost"}))
    assert stands("2026-11-20", elsewhere) is LoadState.DUE
    itself = replace(run(hours_ago=0, asked=asked), failed=frozenset({"raw.lab_sessions"}))
    assert stands("2026-11-20", itself) is LoadState.WAITING


def test_a_run_that_fetched_a_newer_version_is_an_attempt_at_the_newer_one() -> None:
    newer = replace(BAD, etag="newer")
    found = run(hours_ago=0, asked=(BAD,), bad=(newer,))
    assert load_state(newer, [found], NOW) is LoadState.WAITING
    assert load_state(BAD, [found], NOW) is LoadState.DUE


def test_a_canceled_run_is_waited_for_unless_it_requested_no_version() -> None:
    assert (
        stands("2026-11-20", run(hours_ago=0, asked=(BAD,), state=RunState.CANCELED))
        is LoadState.WAITING
    )
    assert stands("2026-11-20", run(hours_ago=0)) is LoadState.DUE


def test_verdicts_of_a_run_fit_into_short_tags_and_replace_those_that_it_inherited() -> None:
    sessions = DATASETS["lab_sessions"]
    many = {f"{START + timedelta(days=n)}": f"{n:016x}" for n in range(366)}
    tags = verdict_tags(sessions, many)
    assert max(map(len, tags.values())) < 2_000, "Postgres indexes the values of run tags"
    assert _verdicts(sessions, {**tags, "analytics_pipeline/not_loaded/grades": "7@x"}) == many
    few = {"2026-11-20": "v"}
    assert _verdicts(sessions, {**tags, **verdict_tags(sessions, few, tags)}) == few
    assert _verdicts(sessions, {**tags, **verdict_tags(sessions, {}, tags)}) == {}
    assert verdict_tags(sessions, {}) == {}
    assert len(verdict_tags(sessions, dict(list(many.items())[:ENTRIES_PER_TAG]))) == 1


def test_the_tag_keeps_which_failures_do_not_count() -> None:
    sessions = DATASETS["lab_sessions"]
    both = {"2026-11-20": "v", "2026-11-21": "w"}
    tags = verdict_tags(sessions, both, uncounted={"2026-11-21"})
    assert _verdicts(sessions, tags) == both
    assert _uncounted(sessions, tags) == {"2026-11-21"}
    assert _uncounted(sessions, {**tags, **verdict_tags(sessions, both, tags)}) == frozenset()
    many = {f"{START + timedelta(days=n)}": f"{n:016x}" for n in range(ENTRIES_PER_TAG)}
    (tag,) = verdict_tags(sessions, many, uncounted=many).values()
    assert len(tag) < 2_000, "Postgres indexes the values of run tags"


def test_the_tags_of_older_runs_name_partitions_and_count_as_no_attempt() -> None:
    sessions = DATASETS["lab_sessions"]
    verdicts = _verdicts(
        sessions, {"analytics_pipeline/not_loaded/lab_sessions": "2026-11-20,2026-11-21"}
    )
    assert set(verdicts) == {"2026-11-20", "2026-11-21"}
    older = replace(run(hours_ago=0), verdicts={"lab_sessions": verdicts})
    assert stands("2026-11-20", *[older] * 9) is LoadState.DUE


def test_days_before_the_first_partition_and_today_are_left_out() -> None:
    work = [delivery(day) for day in ("2025-12-31", "2026-01-01", "2026-11-22", "2026-11-23")]
    found = load_states(work, [], START, NOW)
    assert [delivery.partition.key for delivery in found[LoadState.DUE]] == [
        "2026-01-01",
        "2026-11-22",
    ]
    assert [delivery.partition.key for delivery in found[LoadState.OUTSIDE]] == [
        "2025-12-31",
        "2026-11-23",
    ]
    assert load_requests(found[LoadState.OUTSIDE], START, NOW) == []


def test_datasets_of_a_cadence_share_a_run_and_near_days_a_range() -> None:
    due = [delivery("2026-11-03"), delivery("2026-11-10", "aws_cost"), delivery("2026-11-12")]
    (request,) = load_requests(due, START, NOW)
    assert (request.first, request.last) == ("2026-11-03", "2026-11-12")
    assert request.only == {
        "aws_cost": ("2026-11-10",),
        "lab_sessions": ("2026-11-03", "2026-11-12"),
    }
    assert request.run_config()["ops"]["load_aws_cost"]["config"]["only"] == ["2026-11-10"]


def test_snapshots_come_first_and_then_the_newest_ranges_up_to_the_cap() -> None:
    due = [delivery(f"2026-{month:02}-01") for month in range(1, 12)] + [delivery("7", "grades")]
    requests = load_requests(due, START, NOW, most=3)
    assert [request.last for request in requests] == [None, "2026-11-01", "2026-10-01"]
    assert requests[0].only == {"grades": ("7",)}


def test_ten_years_are_a_run_for_each_year() -> None:
    days = [date(2016, 1, 1) + timedelta(days=n) for n in range(3_650)]
    requests = load_requests([delivery(f"{day}") for day in days], days[0], NOW, most=99)
    assert len(requests) == 10


def test_the_run_key_changes_with_the_attempt_and_with_the_version() -> None:
    (old,) = load_requests([delivery("2026-11-03")], START, NOW)
    (new,) = load_requests([delivery("2026-11-03", written=NOW)], START, NOW)
    assert len({old.run_key(1), old.run_key(2), new.run_key(1)}) == 3
    assert load_requests([delivery("2026-11-03")], START, NOW)[0].run_key(1) == old.run_key(1)


def test_ten_years_against_a_month_of_runs_are_decided_quickly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days = [date(2016, 1, 1) + timedelta(days=n) for n in range(3_650)]
    work = [delivery(f"{day}", name) for day in days for name in ("lab_sessions", "aws_cost")]
    looked_at = []
    covers = KnownRun.covers

    def count(known: KnownRun, dataset: Dataset, partition: str) -> bool:
        looked_at.append(partition)
        return covers(known, dataset, partition)

    monkeypatch.setattr(KnownRun, "covers", count)
    load_states(work, [run("2016-01-01", "2016-12-31")] * 300, days[0], NOW)
    assert len(looked_at) == 366 * 2 * 300, (
        "only the partitions of a run's range are compared with it"
    )
