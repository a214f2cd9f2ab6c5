"""The money marts of 500 random organisations, against a recount in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.model_warehouse import PROJECT, broken, build_all
from analytics_pipeline_tests.support.random_rows import MoneyRows, fill, money_rows
from analytics_pipeline_tests.support.recount_azure import azure_costs, azure_total
from analytics_pipeline_tests.support.recount_courses import Places, courses
from analytics_pipeline_tests.support.recount_money import (
    Entry,
    Feed,
    aws_spend,
    idle_days,
    line_total,
)

Connection = duckdb.DuckDBPyConnection
MONEY = [
    "daily_cloud_spend",
    "idle_spend",
    "spend_days",
    "monthly_service_spend",
    "course_summary",
    "spend_reconciliation",
]
BATCHES, ORGANISATIONS = 25, 20
HAND_MADE = {"raw_rows_are_those_of_the_ledger", "roster_changes_end_at_the_current_enrollment"}


def feed(rows: MoneyRows) -> Feed:
    """Return the AWS rows for the recount."""
    lines = [(row["file_date"], _key(row), row["cost"]) for row in rows.aws]
    left = {
        (row["file_date"], _key(row)): row["deactivation_date"]
        for row in rows.aws
        if "deactivation_date" in row
    }
    bills: dict[tuple[date, tuple[str, int, int]], Decimal] = defaultdict(Decimal)
    for (month, key, *_), total in service_lines(rows).items():
        bills[month, key] += total
    empty = [
        row["period"]
        for row in rows.ledger
        if row["dataset"] == "aws_cost" and (row["rows"], row["rejects"]) == (0, 0)
    ]
    rejects = {row["period"]: row["rejects"] for row in rows.ledger if row["dataset"] == "aws_cost"}
    return Feed(lines, left, bills, empty, rejects)  # type: ignore[arg-type]


def service_lines(
    rows: MoneyRows,
) -> dict[tuple[date, tuple[str, int, int], int | None, str], Decimal]:
    """Return the dollars of each month, account, user, part, delivered course and service."""
    listed: dict[tuple[object, ...], list[Decimal]] = defaultdict(list)
    for row in rows.services:
        listed[row["file_month"], _key(row), row["course_id"], row["service"]].append(
            Decimal(str(row["cost"]))
        )
    return {where: line_total(amounts) for where, amounts in listed.items()}  # type: ignore[misc]


def _key(row: Mapping[str, object]) -> tuple[object, object, object]:
    return row["aws_account_id"], row["user_id"], row["part_id"]


def marts(
    folder: Path, tables: Mapping[str, Sequence[Mapping[str, object]]]
) -> dict[str, list[tuple[object, ...]]]:
    """Return the money marts of these rows, from their own warehouse."""
    with open_warehouse(folder / "warehouse.duckdb") as connection:
        fill(connection, tables)
        build_all(connection)
        assert broken(connection, HAND_MADE) == []
        return {name: _rows(connection, name) for name in MONEY}


def _rows(connection: Connection, mart: str) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT * FROM marts.{mart} ORDER BY ALL").fetchall()


def column(
    name: str, rows: Iterable[tuple[object, ...]], *columns: str
) -> list[tuple[object, ...]]:
    """Return columns of a mart's rows, by name."""
    places = [list(PROJECT.models[f"marts.{name}"].columns).index(column) for column in columns]
    return [tuple(row[place] for place in places) for row in rows]


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(n, marks=[] if n < 2 else pytest.mark.thorough if n < 10 else pytest.mark.slow)
        for n in range(BATCHES)
    ],
)
def test_every_cost_of_twenty_random_organisations_is_that_of_the_recount(
    tmp_path: Path, batch: int
) -> None:
    rows = money_rows(batch, ORGANISATIONS)
    found = marts(tmp_path, rows.shuffled(batch))
    where, entries = courses(rows), aws_spend(feed(rows))
    seen = (
        "spend_date",
        "aws_account_id",
        "user_id",
        "part_id",
        "cost",
        "days_covered",
        "fall",
        "fall_evidence",
        "is_opening_balance",
    )
    spend = column(
        "daily_cloud_spend",
        found["daily_cloud_spend"],
        "provider",
        *seen,
        "course_id",
        "assignment_id",
    )
    expected = Counter(
        (
            e.day,
            *e.key,
            e.cost,
            e.days_covered,
            e.fall,
            e.evidence,
            e.is_opening,
            *where.of(*e.key[1:], e.day),
        )
        for e in entries
    )
    assert Counter(row[1:] for row in spend if row[0] == "aws") == expected

    assert [row[-2:] for row in spend if row[0] == "azure"] == [
        where.of(user, part, day)
        for provider, day, _, user, part, *_ in spend
        if provider == "azure"
    ]
    azure: dict[tuple[date, int, int], Decimal] = defaultdict(Decimal)
    for provider, day, _, user, part, cost, *_ in spend:
        if provider == "azure":
            azure[day.replace(day=1), user, part] += cost  # type: ignore[index, attr-defined, operator]
    delivered = [
        (
            row["file_date"],
            date(int(str(row["year"])), int(str(row["month"])), 1),
            row["user_id"],
            row["part_id"],
            row["monthly_cost_to_date"],
        )
        for row in rows.azure
    ]
    assert dict(azure) == azure_total(delivered)  # type: ignore[arg-type]
    assert {
        (day, user, part): cost
        for provider, day, _, user, part, cost, *_ in spend
        if provider == "azure"
    } == azure_costs(delivered)  # type: ignore[arg-type]
    _summaries_agree(rows, found, where)
    _idle_agrees(rows, found)


def _idle_agrees(rows: MoneyRows, found: Mapping[str, list[tuple[object, ...]]]) -> None:
    """Idle spend is the daily spend that a recount finds without a session on its days."""
    listed: dict[tuple[object, ...], list[tuple[datetime | None, date]]] = defaultdict(list)
    for row in rows.sessions:
        identity = (row["user_id"], row["part_id"], row["course_id"], row["start_time"])
        listed[identity].append((row.get("end_time"), date.fromisoformat(str(row["file_date"]))))  # type: ignore[arg-type]
    ran: dict[tuple[object, object], list[tuple[datetime, datetime | None, date]]]
    ran = defaultdict(list)
    for (user, part, _, start), times in listed.items():
        end = max((end for end, _ in times if end), default=None)
        newest = max(file for _, file in times)
        ran[user, part].append((datetime.fromisoformat(str(start)), end, newest))
    loaded = {row["period"] for row in rows.ledger if row["dataset"] == "lab_sessions"}
    key = ("spend_date", "provider", "aws_account_id", "user_id", "part_id")
    amounts = ("cost", "days_covered", "is_opening_balance")
    expected = set()
    for *where, cost, covered, is_opening in column(
        "daily_cloud_spend", found["daily_cloud_spend"], *key, *amounts
    ):
        day, _, account, user, part = where
        entry = Entry(day, (account, user, part), cost, covered)  # type: ignore[arg-type]
        is_idle, since = idle_days(entry, ran[user, part], loaded)  # type: ignore[arg-type]
        if is_idle and not is_opening:
            expected.add((*where, cost, covered, since))
    idle = column(
        "idle_spend", found["idle_spend"], *key, "cost", "days_covered", "days_since_session"
    )
    assert set(idle) == expected and len(idle) == len(expected)


def _summaries_agree(
    rows: MoneyRows,
    found: Mapping[str, list[tuple[object, ...]]],
    where: Places,
) -> None:
    """Money by course is the same in every mart, and by service it equals the lines."""
    totals: dict[str, dict[object, Decimal]] = {}
    for mart, amount in (
        ("daily_cloud_spend", "cost"),
        ("spend_days", "cost"),
        ("course_summary", "spend"),
    ):
        sums: dict[object, Decimal] = defaultdict(Decimal)
        for course, cost in column(mart, found[mart], "course_id", amount):
            sums[course] += cost  # type: ignore[operator]
        totals[mart] = {course: cost for course, cost in sums.items() if cost}
    assert totals["daily_cloud_spend"] == totals["spend_days"] == totals["course_summary"]
    billed: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for (month, key, course, service), total in service_lines(rows).items():
        billed[month, *key, course or where.of(*key[1:], month)[0], service] += total
    columns = ("month", "aws_account_id", "user_id", "part_id", "course_id", "service", "cost")
    lines = column("monthly_service_spend", found["monthly_service_spend"], *columns)
    assert {row[:-1]: row[-1] for row in lines} == billed


def test_the_random_organisations_hold_every_reading_and_every_kind_of_evidence() -> None:
    all_rows = [money_rows(batch, ORGANISATIONS) for batch in range(BATCHES)]
    readings = {
        (entry.fall, entry.evidence)
        for rows in all_rows
        for entry in aws_spend(feed(rows))
        if entry.fall
    }
    assert readings == {
        *(
            (fall, evidence)
            for fall in ("restart", "correction", "dip")
            for evidence in (None, "service_spend")
        ),
        *(("restart", "first of the month"), ("restart", "deactivation")),
    }
    found = {
        (place.by, bool(place.course), bool(place.assignment))
        for rows in all_rows
        for place in courses(rows).by_month.values()
    }
    of_evidence = {
        (by, *found)
        for by in ("month", "earlier month", "later month")
        for found in ((True, True), (True, False), (False, False))
    }
    of_mapping = {("mapping", True, True), ("mapping", False, False)}
    assert found == of_evidence | of_mapping
    assert sum(courses(rows).moves() for rows in all_rows) > 100


@pytest.mark.thorough
def test_money_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = money_rows(3, ORGANISATIONS)
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    assert marts(tmp_path / "one", rows.shuffled(1)) == marts(tmp_path / "other", rows.shuffled(2))
