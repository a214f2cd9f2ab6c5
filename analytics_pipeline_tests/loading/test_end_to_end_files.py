"""Odd and damaged files of every dataset, through every stage: the tables hold exactly the files'
content.

A few hundred here, thousands in `soak/`.
"""

from datetime import datetime
from decimal import Decimal

import pytest

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest import quarantine_limit
from analytics_pipeline.warehouse import held_versions
from analytics_pipeline_tests.support import csv_factory, reference_values
from analytics_pipeline_tests.support.end_to_end import wrong_in_the_tables
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse

FILES = 12


@pytest.mark.parametrize("dataset", csv_factory.EVERY, ids=lambda dataset: dataset.name)
def test_loaded_and_quarantined_add_up_to_the_records_and_no_value_changes(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, dataset: Dataset
):
    monkeypatch.setattr(quarantine_limit, "MAX_REJECTS", 10**9)
    monkeypatch.setattr(held_versions, "misdated", lambda *_: None)  # whatever their days are
    bodies = {
        csv_factory.key(dataset, seed): csv_factory.make(dataset, seed) for seed in range(FILES)
    }
    wrong, records = wrong_in_the_tables(warehouse, dataset, bodies, "e1")
    assert wrong is None, wrong
    assert records > 0, "all files were refused"


@pytest.mark.parametrize(
    ("cell", "sql_type", "value"),
    [
        ("=1+1", "BIGINT", reference_values.NO_SUCH),
        ("=1+1", "VARCHAR", "=1+1"),
        ("9223372036854775808", "BIGINT", reference_values.NO_SUCH),
        ("1731.0", "BIGINT", 1731),
        ("NULL", "BIGINT", None),
        ("0.0000000005", "DECIMAL(18,9)", Decimal("0.000000001")),
        ("1e309", "DECIMAL(18,9)", reference_values.NO_SUCH),
        ("NaN", "DECIMAL(18,9)", reference_values.NO_SUCH),
        ("Feb-30-2026 1:00:00 am UTC", "TIMESTAMP", reference_values.NO_SUCH),
        ("253402300800", "TIMESTAMP", reference_values.NO_SUCH),
        ("0000-00-00", "TIMESTAMP", None),
        ("-1", "TIMESTAMP", None),
        (
            "2026-01-09T10:00:00.25+02:00",
            "TIMESTAMP",
            datetime(2026, 1, 9, 8, 0, 0, 250_000),  # noqa: DTZ001
        ),
    ],
)
def test_the_independent_parser_reads_each_cell_correctly(cell: str, sql_type: str, value: object):
    assert reference_values.says(cell, sql_type) == value
