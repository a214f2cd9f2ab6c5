"""The true spend of the organisation: it agrees with its files, and shows each trap of the feed."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline_tests.support.organisation_rows import LARGE, SMALL, rows
from analytics_pipeline_tests.support.recount_money import Feed, Key, aws_spend


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
