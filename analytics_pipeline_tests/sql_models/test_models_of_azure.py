"""The Azure feed, which restarts every month, on hand-written rows."""

from decimal import Decimal

from analytics_pipeline_tests.support.model_warehouse import azure, put
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
