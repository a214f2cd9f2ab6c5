"""The Azure feed, which restarts every month, on hand-written rows."""

from decimal import Decimal
from pathlib import Path

from analytics_pipeline_tests.support.deliveries import HEADER
from analytics_pipeline_tests.support.model_warehouse import azure, land, load, put
from analytics_pipeline_tests.support.spend_rows import Connection, day, spend


def test_azure_restarts_every_month(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.azure_cost",
        azure(day(30), 8, 10),
        azure(day(31), 9, 10),
        azure(day(1, 11), 12, 11),
    )
    assert spend(warehouse) == [
        (day(30), Decimal(8), 30, False, True),
        (day(31), Decimal(1), 1, False, False),
        (
            day(1, 11),
            Decimal(12),
            1,
            False,
            True,
        ),  # 12 > 9, and yet not 3: nothing fell, but a month began
    ]


def test_the_months_bill_of_azure_is_its_last_value_and_a_fall_corrects_the_days_before(
    warehouse: Connection,
) -> None:
    put(
        warehouse,
        "raw.azure_cost",
        *(azure(day(n), cost, 10) for n, cost in ((1, 10), (2, 8), (3, 9), (4, 9), (5, 6))),
    )
    costs = [(row[0], row[1], row[3]) for row in spend(warehouse)]
    assert costs == [
        (day(1), Decimal(6), False),
        *((day(n), Decimal(0), False) for n in (2, 3, 4, 5)),
    ]


def test_one_bad_file_of_azure_does_not_date_a_months_money_to_one_day(
    warehouse: Connection, tmp_path: Path
) -> None:
    files = {}
    for n in range(1, 14):
        rows = [f"1,,7,Lab,10,2026,{0 if n == 11 else 10 * n}\n", f"2,,7,Lab,10,2026,{2 * n}\n"]
        body = HEADER["azure_cost"] + "".join(rows)
        files[f"org9001/cloud_spend/azure/azure_cost_{day(n)}.csv"] = body.encode()
    files["org9001/course-asn_mapping/asn_mapping.csv"] = (
        HEADER["asn_mapping"] + "9001,5,6,Lab,7,Lab,0,0\n"
    ).encode()
    files["org9001/enrollment/course5/enrollment.csv"] = (
        HEADER["enrollment"]
        + "".join(f"{n},5,student,N {n},u{n}@x.org,k,{n},0,1,2026-01-01\n" for n in (1, 2))
    ).encode()
    load(warehouse, land(tmp_path, files))
    rows = spend(warehouse, "user_id, spend_date, cost, days_covered, fall, fall_evidence")
    assert [row[1:] for row in rows if row[0] == 1] == [
        *((day(n), Decimal(10), 1, None, None) for n in range(1, 11)),
        (day(11), Decimal(0), 1, "dip", "month to date"),
        (day(12), Decimal(20), 2, None, None),
        (day(13), Decimal(10), 1, None, None),
    ]
    assert warehouse.execute("FROM marts.spend_anomalies").fetchall() == []


def test_a_value_of_azure_that_falls_twice_or_in_the_last_file_is_corrected(
    warehouse: Connection,
) -> None:
    """A dip is one file, and the next value of the same month shows it."""
    values = {28: 10, 29: 0, 30: 0, 31: 12}
    put(warehouse, "raw.azure_cost", *(azure(day(n), cost, 10) for n, cost in values.items()))
    put(warehouse, "raw.azure_cost", azure(day(30), 10, 10, user=2), azure(day(31), 4, 10, user=2))
    put(warehouse, "raw.azure_cost", azure(day(1, 11), 20, 11, user=2))
    rows = spend(warehouse, "user_id, spend_date, cost, fall")
    assert [row[1:] for row in rows if row[0] == 1] == [
        (day(28), Decimal(0), None),
        (day(29), Decimal(0), "correction"),
        (day(30), Decimal(0), None),
        (day(31), Decimal(12), None),
    ]
    assert [row[1:] for row in rows if row[0] == 2] == [
        (day(30), Decimal(4), None),
        (day(31), Decimal(0), "correction"),
        (day(1, 11), Decimal(20), None),
    ]


def test_azure_after_missing_days_never_reaches_over_the_first_of_the_month(
    warehouse: Connection,
) -> None:
    put(warehouse, "raw.azure_cost", azure(day(29), 8, 10), azure(day(2, 11), 3, 11))
    assert spend(warehouse)[1] == (day(2, 11), Decimal(3), 2, False, True)


def test_a_file_of_the_first_that_still_carries_the_old_month_completes_it(
    warehouse: Connection,
) -> None:
    """The value belongs to the old month: its last day's spend, and no spend of the new month."""
    put(
        warehouse,
        "raw.azure_cost",
        azure(day(30), 8, 10),
        azure(day(1, 11), 10, 10),
        azure(day(2, 11), 1, 11),
    )
    assert spend(warehouse) == [
        (day(30), Decimal(8), 30, False, True),
        (day(31), Decimal(2), 1, False, False),
        (day(2, 11), Decimal(1), 2, False, True),
    ]


def test_the_later_of_two_files_with_a_months_last_value_counts(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.azure_cost",
        azure(day(31), 8, 10),
        azure(day(1, 11), 7, 10),
        azure(day(1, 11), 1, 11),
    )
    assert spend(warehouse, "spend_date, cost, is_reset") == [
        (day(31), Decimal(7), False),
        (day(1, 11), Decimal(1), False),
    ]
