"""The tables of aws_cost, azure_cost and service_spend as of a day.

spend.py simulates the spend itself; feed.py makes the other tables.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal

from analytics_pipeline.demo.organisation.spend import Reports, Series
from analytics_pipeline.demo.organisation.table import Table, table
from analytics_pipeline.demo.organisation.world import World, key

_SERVICES = ("Amazon Elastic Compute Cloud", "Amazon Simple Storage Service", "AmazonCloudWatch")
_SHARES = (Decimal("0.7"), Decimal("0.2"))
"""Shares of the first two services. The third gets the rest, so that totals tie."""


def delivered_aws(world: World, as_of: date) -> Reports:
    """Return the delivered values of aws_cost.

    A file that will be rewritten still lacks every fifth row.
    """
    reports: Reports = {}
    for day, values in world.aws.items():
        incomplete = day == as_of and day in world.calendar.rewritten
        if day <= as_of:
            reports[day] = {
                s: v for n, (s, v) in enumerate(values.items()) if not (incomplete and n % 5 == 3)
            }
    return reports


def delivered_azure(world: World, as_of: date) -> Reports:
    """Return the delivered values of azure_cost. An organisation without Azure has no files."""
    return {day: values for day, values in world.azure.items() if day <= as_of and world.spec.azure}


def aws_cost(world: World, as_of: date) -> Iterator[tuple[str, Table]]:
    """Yield one file per day; on some days it is rewritten a night later.

    Later files have a deactivation date.
    """
    calendar = world.calendar
    for day, values in delivered_aws(world, as_of).items():
        nights = 2 if day in calendar.rewritten and day < as_of else 1
        updated = int(datetime.combine(day + timedelta(days=nights), time(3, 17), UTC).timestamp())
        extra = ("Deactivation Date",) if day >= calendar.deactivation_column_from else ()
        rows = (_aws_row(world, series, value, updated, day) for series, value in values.items())
        cut = None if extra else -1
        yield (
            key(world.spec, "cloud_spend/aws_cost", day),
            table("aws_cost", (row[:cut] for row in rows), extra),
        )


def _aws_row(
    world: World, series: Series, value: Decimal, updated: int, day: date
) -> tuple[object, ...]:
    part, left = world.parts[series.part_id], world.left.get(series.user_id)
    deactivated = datetime.combine(left, time(12), UTC) if left and left <= day else None
    who = (series.aws_account_id, series.user_id, world.people[series.user_id].email)
    return (*who, part.part_id, part.name, value, updated, deactivated)


def azure_cost(world: World, as_of: date) -> Iterator[tuple[str, Table]]:
    """Yield one file per day."""
    for day, values in delivered_azure(world, as_of).items():
        rows = (
            (
                s.user_id,
                world.people[s.user_id].email,
                s.part_id,
                world.parts[s.part_id].name,
                day.month,
                day.year,
                value,
            )
            for s, value in values.items()
        )
        yield key(world.spec, "cloud_spend/azure/azure_cost", day), table("azure_cost", rows)


def billed(world: World, as_of: date) -> Reports:
    """Return the bill of each AWS series by first of the month, up to `as_of`."""
    months: Reports = {}
    for series, spend in world.spends.items():
        for day, amount in spend.items():
            if series.provider == "aws" and day <= as_of:
                totals = months.setdefault(day.replace(day=1), {})
                totals[series] = totals.get(series, Decimal(0)) + amount
    if (gap := world.difference) and gap.since <= as_of:
        totals = months[gap.month]
        totals[
            next(series for series in totals if series.aws_account_id == gap.aws_account_id)
        ] += gap.amount
    return months


def service_spend(world: World, as_of: date) -> Iterator[tuple[str, Table]]:
    """Yield one file per month, complete up to `as_of` while the month is open."""
    for month, totals in sorted(billed(world, as_of).items()):
        rows = (
            row for series, total in totals.items() for row in _service_rows(world, series, total)
        )
        yield (
            key(world.spec, "service_spend/service_spend", month, monthly=True),
            table("service_spend", rows),
        )


def _service_rows(world: World, series: Series, total: Decimal) -> Iterator[tuple[object, ...]]:
    shares = [(total * share).quantize(Decimal("0.000001"), ROUND_DOWN) for share in _SHARES]
    ids = (series.aws_account_id, series.user_id, world.people[series.user_id].email)
    for service, amount in zip(_SERVICES, (*shares, total - sum(shares)), strict=True):
        if amount:
            yield (*ids, world.parts[series.part_id].course_id, series.part_id, service, amount)
