"""Each test in `dbt_like_sql/tests/` against a deliberately broken table: a test that cannot fail
proves nothing.
"""

import duckdb
import pytest

from analytics_pipeline.sql_models import Severity, run_test
from analytics_pipeline_tests.support.broken_tables import BREAKS
from analytics_pipeline_tests.support.model_warehouse import PROJECT, build_all, put


def test_every_test_can_be_made_to_fail() -> None:
    assert BREAKS.keys() == PROJECT.tests.keys()


@pytest.mark.parametrize(
    ("name", "change"),
    [(name, change) for name, changes in BREAKS.items() for change in changes],
    ids=lambda text: text[:60],
)
def test_a_broken_table_is_noticed(
    built: duckdb.DuckDBPyConnection, name: str, change: str
) -> None:
    test = PROJECT.tests[name]
    before = run_test(built, test).violations
    assert before == 0 or test.severity is Severity.WARN, "it fails before anything is broken"
    built.begin()
    try:
        built.execute(change)
        tested = run_test(built, test)
    finally:
        built.rollback()
    assert tested.failure is None
    assert (tested.violations or 0) > (before or 0), f"{name} did not notice: {change}"


def test_every_invariant_holds_in_an_empty_warehouse(warehouse: duckdb.DuckDBPyConnection) -> None:
    """On the first day of an organisation nothing is delivered, which is no failure."""
    build_all(warehouse)
    put(warehouse, "raw.asn_mapping")
    assert [
        test.name for test in PROJECT.tests.values() if run_test(warehouse, test).violations != 0
    ] == []
