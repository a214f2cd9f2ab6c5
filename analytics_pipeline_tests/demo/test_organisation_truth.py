"""The organisation's truth: it agrees with its own files, and shows every trap of the feed."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec, normal_form
from analytics_pipeline_tests.support.recount_money import Feed, Key, aws_spend

SMALL = Organisation(OrganisationSpec.small())
LARGE = Organisation(OrganisationSpec(days=60, students=120))


def rows(
    organisation: Organisation, prefix: str, as_of: date | None = None
) -> Iterator[tuple[date, dict[str, str]]]:
    """Return the sound rows of the daily or monthly files with that prefix, by column name."""
    truth = organisation.truth_as_of(as_of or organisation.spec.last_day)
    bad = {(row.key, row.record) for row in truth.planted}
    for key, body in sorted(organisation.files(as_of).items()):
        if key.startswith(f"org9001/{prefix}_2"):
            text = io.StringIO(body.decode("utf-8-sig", errors="surrogateescape"), newline="")
            header, *records = csv.reader(text, skipinitialspace=True)
            day = date.fromisoformat(f"{key.rpartition('_')[2].removesuffix('.csv')}-01"[:10])
            for n, record in enumerate(records, 1):
                if (key, n) not in bad:
                    yield day, dict(zip(map(normal_form, header), record, strict=False))


def key_of(row: dict[str, str]) -> Key:
    return row["aws_account_id"], int(row["user_id"]), int(row["part_id"])


def spent(organisation: Organisation, provider: str) -> Decimal:
    return sum(
        (s.cost for s in organisation.truth.daily_spend if s.provider == provider), Decimal(0)
    )


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_true_aws_spend_is_the_last_accumulated_values_and_those_before_each_restart(
    organisation: Organisation,
):
    series: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    for _, row in rows(organisation, "cloud_spend/aws_cost"):
        series[row["aws_account_id"], row["user_id"], row["part_id"]].append(Decimal(row["cost"]))
    lost = [
        a
        for values in series.values()
        for n, (a, b) in enumerate(pairwise(values), 1)
        if _restarts(a, b, values[n + 1 :])
    ]
    assert (
        sum(values[-1] for values in series.values()) + sum(lost) == spent(organisation, "aws") > 0
    )


def _restarts(before: Decimal, value: Decimal, later: list[Decimal]) -> bool:
    return value * 2 < before and not (later and later[0] >= before)


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_true_azure_spend_is_the_last_value_of_each_month(organisation: Organisation):
    bills: dict[tuple[str, ...], Decimal] = {}
    for _, row in rows(organisation, "cloud_spend/azure/azure_cost"):
        bills[row["user_id"], row["part_id"], row["year"], row["month"]] = Decimal(
            row["monthly_cost_to_date"]
        )
    assert sum(bills.values()) == spent(organisation, "azure") > 0


@pytest.mark.parametrize(
    "spec", [OrganisationSpec.small(seed=seed, courses=seed) for seed in range(3, 9)]
)
def test_a_reader_can_know_all_that_was_spent(spec: OrganisationSpec):
    truth = Organisation(spec).truth
    true, known = defaultdict(Decimal), defaultdict(Decimal)
    for spend in truth.daily_spend:
        true[
            spend.provider, spend.aws_account_id, spend.user_id, spend.part_id, spend.course_id
        ] += spend.cost
    for spend in truth.observable_daily_spend:
        known[
            spend.provider, spend.aws_account_id, spend.user_id, spend.part_id, spend.course_id
        ] += spend.cost
    assert true == known


@pytest.mark.parametrize("nights_ago", [0, 1, 4])
def test_the_observable_spend_follows_only_from_delivered_bytes(nights_ago: int):
    as_of = LARGE.spec.all_days()[-1 - nights_ago]
    read = list(rows(LARGE, "cloud_spend/aws_cost", as_of))
    lines = [(day, key_of(r), Decimal(r["cost"])) for day, r in read]
    bills: dict[tuple[date, Key], Decimal] = defaultdict(Decimal)
    for month, r in rows(LARGE, "service_spend/service_spend", as_of):
        bills[month, key_of(r)] += Decimal(r["cost"])
    told = [s for s in LARGE.truth_as_of(as_of).observable_daily_spend if s.provider == "aws"]
    assert {
        (entry.day, *entry.key, entry.cost, entry.days_covered, entry.fall)
        for entry in aws_spend(Feed(lines, bills=bills))
    } == {
        (s.spend_date, s.aws_account_id, s.user_id, s.part_id, s.cost, s.days_covered, s.fall)
        for s in told
    }
    first = min(day for day, _ in read)
    assert {s.spend_date for s in told if s.is_opening_balance} == {first}
    assert [s.is_reset for s in told] == [s.fall == "restart" for s in told]


def test_azure_days_covered_never_reach_over_the_start_of_a_month():
    azure = [s for s in LARGE.truth.observable_daily_spend if s.provider == "azure"]
    assert all(s.days_covered <= s.spend_date.day for s in azure)
    assert not any(s.is_reset for s in azure)
    second = [
        s for s in azure if s.spend_date == date(2026, 11, 2)
    ]  # the file of the first is missing
    assert second and all(s.is_first and s.days_covered == 2 for s in second)


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_aws_spend_shows_every_trap(organisation: Organisation):
    truth = organisation.truth
    known = [s for s in truth.observable_daily_spend if s.provider == "aws"]
    assert {s.fall for s in known} == {"restart", "correction", "dip", None}
    assert {s.days_covered for s in known} > {1, 2, 3}
    assert any(s.course_id is None for s in known)
    assert any(s.aws_account_id.startswith("0") for s in known if s.aws_account_id)
    assert any(s.cost.normalize().as_tuple().exponent < -6 for s in known)
    users = defaultdict(set)
    for spend in known:
        users[spend.aws_account_id].add(spend.user_id)
    assert max(map(len, users.values())) == 2  # a reused account
    worked = {(s.day, s.user_id) for s in truth.sessions}
    assert any((s.spend_date, s.user_id) not in worked for s in truth.daily_spend)


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_a_series_disappears_from_aws_cost_after_its_user_left(organisation: Organisation):
    days = defaultdict(set)
    for day, row in rows(organisation, "cloud_spend/aws_cost"):
        days[row["user_id"]].add(day)
    assert "1731007" in days
    assert max(days["1731007"]) < organisation.spec.twelfth(7) < organisation.spec.last_day
    told = [
        row for _, row in rows(organisation, "cloud_spend/aws_cost") if row.get("deactivation_date")
    ]
    assert told and all(
        row["user_id"] in {f"{1731000 + i}" for i in range(300) if i % 20 in (7, 13)}
        for row in told
    )


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_service_spend_agrees_with_the_true_spend_except_for_one_account(
    organisation: Organisation,
):
    truth = organisation.truth
    gaps: dict[tuple[date, str | None], Decimal] = defaultdict(Decimal)
    for month, row in rows(organisation, "service_spend/service_spend"):
        gaps[month, row["aws_account_id"]] += Decimal(row["cost"])
    for spend in truth.daily_spend:
        if spend.provider == "aws":
            gaps[spend.spend_date.replace(day=1), spend.aws_account_id] -= spend.cost
    planted = truth.service_difference
    assert planted
    assert {where: gap for where, gap in gaps.items() if gap} == {
        (planted.month, planted.aws_account_id): planted.amount
    }


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_the_files_hold_the_true_sessions(organisation: Organisation):
    listed: dict[tuple[int, date], list[float]] = defaultdict(list)
    for day, row in rows(organisation, "lab_sessions/lab_sessions"):
        listed[int(row["course_id"]), day].append(float(row["duration_min"] or 0))
    totals = organisation.truth.sessions_by_course_day
    assert {where: len(minutes) for where, minutes in listed.items()} == {
        w: t.count for w, t in totals.items()
    }
    assert all(
        sum(minutes) == pytest.approx(totals[where].minutes) for where, minutes in listed.items()
    )


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_sessions_show_every_trait(organisation: Organisation):
    listed = [row for _, row in rows(organisation, "lab_sessions/lab_sessions")]
    assert {"Cloud", "Container", "VM", "Databricks", "Quantum"} == {
        row["lab_type"] for row in listed
    }
    failed = [row for row in listed if "failed" in row["log"]]
    assert failed and all(
        row["launch_time"] and not (row["start_time"] + row["init_time"]) for row in failed
    )
    assert any(row["start_time"][:6] != row["end_time"][:6] for row in listed)  # over midnight
    assert any(row["concurrent_labs_count"] == "1" for row in listed)
    assert any(row.get("disconnects", "0") > "0" for row in listed)
    # launched months after its end
    assert sum(1 for row in listed if row["launch_time"][:3] in ("Dec", "Feb")) == 1
    roles = {session.role for session in organisation.truth.sessions}
    assert "student" in roles and roles - {"student"}


def test_a_session_over_midnight_is_in_the_files_of_both_days_only_if_asked():
    twice = Organisation(
        OrganisationSpec(days=30, students=60, midnight_in_both_files=True, flaws=False)
    )
    once = Organisation(OrganisationSpec(days=30, students=60, flaws=False))
    assert twice.truth.sessions == once.truth.sessions
    listed = [tuple(row.values()) for _, row in rows(twice, "lab_sessions/lab_sessions")]
    assert len(set(listed)) == len(once.truth.sessions) < len(listed)


def test_students_never_seen_are_enrolled_and_in_no_session():
    truth = LARGE.truth
    assert truth.never_seen
    assert not truth.never_seen & {session.user_id for session in truth.sessions}
    assert 1731003 in truth.never_seen
    assert not any(user < 1731000 for user in truth.never_seen)  # staff


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_a_student_whose_launches_all_fail_is_seen_and_has_failed_only(organisation: Organisation):
    truth = organisation.truth
    assert 1731009 in truth.failed_only
    assert not truth.failed_only & truth.never_seen
    listed = [
        row
        for _, row in rows(organisation, "lab_sessions/lab_sessions")
        if row["user_id"] == "1731009"
    ]
    assert len(listed) >= 2 and all(
        "START failed" in row["log"] and not row["start_time"] for row in listed
    )


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_the_roster_shrinks_and_the_truth_keeps_who_was_on_it(organisation: Organisation):
    spec, truth = organisation.spec, organisation.truth
    before, after = (_enrolled(organisation, day) for day in (spec.twelfth(8), spec.last_day))
    gone = {user for user, _ in before - after}
    assert gone == {1731000 + i for i in range(spec.students) if i % 20 == 15}
    assert {user for (user, _), member in truth.members.items() if not member.is_listed} == gone
    assert {key for key, member in truth.members.items() if member.is_listed} == after
    assert (
        truth.members[
            1731005, next(course for user, course in truth.members if user == 1731005)
        ].role
        == "ta"
    )


def _enrolled(organisation: Organisation, as_of: date) -> set[tuple[int, int]]:
    bad = {(row.key, row.record) for row in organisation.truth_as_of(as_of).planted}
    found = set()
    for key, body in organisation.files(as_of).items():
        if key.endswith("enrollment.csv"):
            records = list(
                csv.reader(io.StringIO(body.decode(), newline=""), skipinitialspace=True)
            )
            found |= {
                (int(r[0]), int(r[1])) for n, r in enumerate(records) if n and (key, n) not in bad
            }
    return found


@pytest.mark.parametrize("organisation", [SMALL, LARGE])
def test_learners_have_the_same_assignment_id_in_two_courses_with_scores_of_their_own(
    organisation: Organisation,
):
    by_id: dict[tuple[int, int], dict[int, Decimal | None]] = defaultdict(dict)
    for (course, assignment, user, _), score in organisation.truth.scores.items():
        by_id[user, assignment][course] = score.points
    twice = [scores for scores in by_id.values() if len(scores) > 1]
    assert twice and any(len(set(scores.values())) > 1 for scores in twice)


def test_lineage_follows_chains_out_of_the_organisation_and_survives_a_cycle():
    truth = SMALL.truth
    assert truth.lineage[45760] == (45760, 45723, 45686)
    assert truth.root_course[45760] == 45686
    assert (truth.lineage[45001], truth.root_course[45001]) == ((45001, 1020), 45001)
    assert truth.root_course[45002] == 45002
    assert truth.root_course[45003] is truth.root_course[45004] is None


def test_grades_repeat_scores_that_the_truth_has_once():
    truth, scores, lines = LARGE.truth, {}, 0
    for key, body in LARGE.files().items():
        if key.endswith("grades.csv"):
            bad = {row.record for row in truth.planted if row.key == key}
            header, *records = csv.reader(
                io.StringIO(body.decode(), newline=""), skipinitialspace=True
            )
            for row in (
                dict(zip(header, r, strict=True)) for n, r in enumerate(records, 1) if n not in bad
            ):
                number = int(row["submission"]) if row.get("submission") else None
                where = (int(row["courseid"]), int(row["asnid"]), int(row["userid"]), number)
                scores.setdefault(where, set()).add(
                    Decimal(row["asnscore"]) if row["asnscore"] else None
                )
                lines += 1
    assert {where: {score.points} for where, score in truth.scores.items()} == scores
    assert lines > 2 * len(scores)
    assert any(score.is_override for score in truth.scores.values())
    assert {score.role for score in truth.scores.values()} >= {"student", "teacher", "ta"}


def test_scores_appear_with_time_and_some_never_do():
    early, late = LARGE.truth_as_of(LARGE.spec.twelfth(4)).scores, LARGE.truth.scores
    assert early.keys() < late.keys()
    appeared = [
        where for where in early if early[where].points is None and late[where].points is not None
    ]
    assert appeared and any(score.points is None for score in late.values())
