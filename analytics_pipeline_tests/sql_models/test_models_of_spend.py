"""The growth of the accumulated AWS feed, on hand-written rows."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_pipeline_tests.support.deliveries import HEADER
from analytics_pipeline_tests.support.model_warehouse import (
    aws,
    azure,
    broken,
    build_all,
    land,
    load,
    put,
)
from analytics_pipeline_tests.support.spend_rows import SERVICE, Connection, day, spend


def test_a_days_spend_is_the_growth_since_the_previous_file(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.aws_cost",
        aws(day(1), "1.000000001"),
        aws(day(2), "1.000000003"),
        aws(day(3), "1.000000003"),
    )
    assert spend(warehouse) == [
        (day(1), Decimal("1.000000001"), 1, False, True),
        (day(2), Decimal("0.000000002"), 1, False, False),
        (day(3), Decimal(0), 1, False, False),
    ]


def test_sums_are_wider_than_their_parts(warehouse: Connection) -> None:
    for account in ("1", "2"):
        put(
            warehouse,
            "raw.aws_cost",
            aws(day(1), 1, account=account),
            aws(day(2), 600_000_000, account=account),
        )
        put(warehouse, "raw.aws_cost", aws(day(3), 900_000_000, account=account))
        put(
            warehouse,
            "raw.service_spend",
            SERVICE | {"aws_account_id": account, "cost": 600_000_000, "course_id": 5},
        )
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    put(warehouse, "raw.azure_cost", azure(day(1), 900_000_000, 10))
    assert sum(row[0] for row in spend(warehouse, "cost")) == 2_700_000_000
    assert warehouse.execute("SELECT spend FROM marts.course_summary").fetchall() == [
        (Decimal(2_700_000_000),)
    ]


def test_credits_take_part_in_every_sum(warehouse: Connection) -> None:
    put(warehouse, "raw.service_spend", *(SERVICE | {"cost": cost} for cost in (100, 90, -30, -10)))
    put(
        warehouse,
        "raw.aws_cost",
        aws(day(1), 50),
        aws(day(1), -20),
        aws(day(2), 60),
        aws(day(2), -20),
    )
    put(warehouse, "raw.azure_cost", azure(day(1), -5, 10), azure(day(2), -7, 10))
    assert spend(warehouse, "provider, cost") == [
        *(("aws", Decimal(30)), ("aws", Decimal(10))),
        *(("azure", Decimal(-7)), ("azure", Decimal(0))),
    ]
    assert warehouse.execute("SELECT sum(cost) FROM marts.monthly_service_spend").fetchone() == (
        Decimal(60),
    )


def test_the_first_file_of_aws_is_an_opening_balance(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 9), aws(day(2), 10), aws(day(2), 5, user=2))
    put(warehouse, "raw.azure_cost", azure(day(1), 3, 10))
    assert spend(warehouse, "provider, spend_date, user_id, is_opening_balance, is_first") == [
        ("aws", day(1), 1, True, True),
        ("aws", day(2), 1, False, False),
        ("aws", day(2), 2, False, True),
        ("azure", day(1), 1, False, True),
    ]


def costs(**values: object) -> dict[str, bytes]:
    """Return files of aws_cost by day of October (`d1=50`); None has only its header, a text is a
    line.
    """
    files = {}
    for name, value in values.items():
        line = value if isinstance(value, str) else f"100000000012,1,u@x.org,7,P,{value},1760000000"
        body = HEADER["aws_cost"] + ("" if value is None else f"{line}\n")
        files[f"org9001/cloud_spend/aws_cost_{day(int(name[1:]))}.csv"] = body.encode()
    return files


def test_money_after_files_with_only_a_header_is_spend_of_its_day(
    warehouse: Connection, tmp_path: Path
) -> None:
    """They said that nothing had been spent, so it is in the month and in its budget."""
    files = costs(d1=None, d2=None, d3=None, d4=50, d5=60)
    files["org9001/course-asn_mapping/asn_mapping.csv"] = (
        HEADER["asn_mapping"] + "9001,5,6,A,7,P,0,0\n"
    ).encode()
    files["org9001/by_hand/budgets.csv"] = (
        b"scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat\n"
        b"course,5,B,2026-10-01,2026-10-31,55,USD,,,none\n"
    )
    load(warehouse, land(tmp_path, files))
    build_all(warehouse)
    assert broken(warehouse) == []
    read = warehouse.execute
    assert read(
        "SELECT spend_date, cost, days_covered, is_first, is_opening_balance"
        " FROM marts.daily_cloud_spend ORDER BY ALL"
    ).fetchall() == [(day(4), 50, 1, True, False), (day(5), 10, 1, False, False)]
    assert read("SELECT spent, state FROM marts.budget_status").fetchall() == [(60, "over")]
    assert read("SELECT spend, opening_balance FROM marts.course_months").fetchall() == [(60, 0)]
    known = [(day(n), 0 if n < 4 else 50 if n == 4 else 10, True) for n in range(1, 6)]
    assert (
        read(
            "SELECT day, spend, spend_complete FROM marts.organisation_daily ORDER BY 1"
        ).fetchall()
        == known
    )
    assert read("SELECT day, is_complete FROM marts.spend_calendar ORDER BY 1").fetchall() == [
        (at, True) for at, *_ in known
    ]


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("files", "entries"),
    [
        (costs(d1=None, d3=5), [(day(3), 2, False)]),
        (costs(d1=4, d2=None, d3="100000000013,2,u@x.org,7,P,5,1760000000"), [(day(3), 1, False)]),
        (costs(d1="100000000012,1,u@x.org,7,P,much,1760000000", d2=5, d3=6), [(day(2), 1, True)]),
    ],
    ids=[
        "a day without a file covers two",
        "a header between two files",
        "a rejected row tells nothing",
    ],
)
def test_a_first_value_covers_the_days_since_the_previous_file_even_an_empty_one(
    warehouse: Connection,
    tmp_path: Path,
    files: dict[str, bytes],
    entries: list[tuple[date, int, bool]],
) -> None:
    load(warehouse, land(tmp_path, files))
    build_all(warehouse)
    assert broken(warehouse) == []
    found = warehouse.execute(
        """SELECT spend_date, days_covered, is_opening_balance FROM marts.daily_cloud_spend
           WHERE is_first AND cost = 5"""
    )
    assert found.fetchall() == entries


def lines(*amounts: object) -> str:
    """Return the lines of a file: the amounts of users 1, 2 and so on; None has no line."""
    listed = enumerate(amounts, 1)
    return "\n".join(f"10000000001{n},{n},,7,P,{cost},1" for n, cost in listed if cost is not None)


def test_money_of_an_account_whose_first_record_is_rejected_is_an_opening_balance(
    warehouse: Connection, tmp_path: Path
) -> None:
    """User 2's 500 were spent before the feed, or on its first days: user 2 may be in their
    rejected records. User 3 begins once no file hides anybody.
    """
    files = costs(
        d1=lines(10, "much"), d2=lines(11, "much"), d3=lines(12, 500), d4=lines(13, 510, 7)
    )
    files["org9001/by_hand/budgets.csv"] = (
        b"scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat\n"
        b"organisation,,B,2026-10-01,2026-10-31,55,USD,,,none\n"
    )
    load(warehouse, land(tmp_path, files))
    build_all(warehouse)
    assert broken(warehouse) == []
    read = warehouse.execute
    assert read(
        "SELECT spend_date, user_id, cost FROM marts.daily_cloud_spend WHERE is_opening_balance"
        " ORDER BY 1"
    ).fetchall() == [(day(1), 1, 10), (day(3), 2, 500)]
    assert read("SELECT spent, state FROM marts.budget_status").fetchall() == [(20, "ok")]
    known = [(day(1), False), (day(2), True), (day(3), False), (day(4), True)]
    assert read("SELECT day, is_complete FROM marts.spend_calendar ORDER BY 1").fetchall() == known
    assert (
        read("SELECT day, spend_complete FROM marts.organisation_daily ORDER BY 1").fetchall()
        == known
    )


@pytest.mark.parametrize("third", [None, "much"], ids=["once", "always"])
def test_a_rejected_record_hides_no_opening_balance_once_a_file_had_as_few(
    warehouse: Connection, tmp_path: Path, third: object
) -> None:
    """User 1 is in each file, and user 2's money is first seen on the third day."""
    files = costs(d1=lines(10), d2=lines(11, None, "much"), d3=lines(12, 8, third))
    load(warehouse, land(tmp_path, files))
    build_all(warehouse)
    assert broken(warehouse) == []
    assert warehouse.execute(
        "SELECT cost, days_covered, is_opening_balance FROM marts.daily_cloud_spend"
        " WHERE user_id = 2"
    ).fetchall() == [(8, 1, False)]


def test_a_bill_is_no_evidence_on_money_that_a_rejected_record_may_hide(
    warehouse: Connection,
) -> None:
    """Nobody knows which part of the 100 is of the month, so the bill says nothing."""
    put(
        warehouse,
        "ops.loaded_files",
        {"dataset": "aws_cost", "period": day(1), "rows": 1, "rejects": 1},
        {"dataset": "aws_cost", "period": day(2), "rows": 2, "rejects": 0},
    )
    put(warehouse, "raw.aws_cost", aws(day(1), 1, user=2), aws(day(2), 100), aws(day(3), 3))
    put(warehouse, "raw.service_spend", SERVICE | {"cost": 5})
    rows = spend(warehouse, "user_id, cost, fall, fall_evidence")
    assert rows[1:] == [(1, 100, None, None), (1, 3, "restart", None)]


def test_the_bill_decides_on_money_that_begins_after_a_file_with_only_a_header(
    warehouse: Connection,
) -> None:
    """That file said that nothing had been spent before, so the bill is of these values alone."""
    header_only = {"dataset": "aws_cost", "period": day(1), "rows": 0, "rejects": 0}
    put(warehouse, "ops.loaded_files", header_only)
    put(warehouse, "raw.aws_cost", aws(day(2), 100), aws(day(3), 60))
    put(warehouse, "raw.service_spend", SERVICE | {"cost": 160})
    rows = spend(warehouse, "cost, is_opening_balance, fall, fall_evidence")
    assert rows == [(100, False, None, None), (60, False, "restart", "service_spend")]


def test_spend_after_a_missing_day_covers_two_days(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(3), 4))
    assert spend(warehouse)[1] == (day(3), Decimal(3), 2, False, False)


def test_days_are_counted_since_the_series_own_previous_value(warehouse: Connection) -> None:
    """A file may be partly delivered; no row is invented for the day without the series."""
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(2), 1, user=2), aws(day(3), 4))
    assert spend(warehouse, "spend_date, user_id, cost, days_covered") == [
        (day(1), 1, Decimal(1), 1),
        (day(2), 2, Decimal(1), 1),
        (day(3), 1, Decimal(3), 2),
    ]


def test_the_greatest_of_repeated_rows_in_a_file_counts(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 3), aws(day(1), 4), aws(day(1), 2), aws(day(2), 5))
    assert [row[1] for row in spend(warehouse)] == [Decimal(4), Decimal(1)]


def test_money_of_several_days_is_spread_exactly_with_each_days_completeness(
    warehouse: Connection,
) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 7), aws(day(2), 8), aws(day(5), 9), aws(day(6), 9))
    loaded = [
        {"dataset": "aws_cost", "partition": f"2026-10-0{n}", "period": day(n)}
        for n in (1, 2, 5, 6)
    ]
    put(warehouse, "ops.loaded_files", *loaded)
    put(warehouse, "ops.failed_files", loaded[1])
    build_all(warehouse)
    columns = "day, dating, cost, is_complete"
    assert warehouse.execute(f"SELECT {columns} FROM marts.spend_days ORDER BY day").fetchall() == [
        (day(1), "before the first file", Decimal(7), False),
        (day(2), "as delivered", Decimal(1), False),  # its newest version is not loaded
        (day(3), "spread over several days", Decimal("0.333333333"), False),
        (day(4), "spread over several days", Decimal("0.333333333"), False),
        (day(5), "spread over several days", Decimal("0.333333334"), True),
    ]
