"""SQL tests of models: what their leading comment declares, and what they say when they fail."""

from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.sql_models import InvalidModel, build, run_test
from analytics_pipeline_tests.support.model_files import project

Connection = duckdb.DuckDBPyConnection


def test_a_test_that_cannot_run_says_why_and_the_others_still_run(
    tmp_path: Path, warehouse: Connection
) -> None:
    made = project(
        tmp_path,
        marts__a="SELECT 1 AS x",
        tests__one="-- Holds.\nSELECT x FROM marts.a",
        tests__two="SELECT 1 AS n FROM raw.grades",
    )
    failed, other = (run_test(warehouse, test) for test in made.tests.values())
    assert (
        failed.violations is None
        and failed.failure
        and "does not exist" in failed.failure.reason
        and not failed.passed
    )
    assert other.passed
    build(warehouse, made.models.values())
    result = run_test(warehouse, made.tests["one"])
    assert (result.violations, result.test.columns, result.test.description) == (
        1,
        ("x",),
        "Holds.",
    )


def test_a_test_that_alerts_says_so_and_returns_alarm_and_message(tmp_path: Path) -> None:
    query = "SELECT 'course 1' AS alarm, 'It is over.' AS message FROM raw.grades"
    made = project(
        tmp_path, tests__loud=f"-- Over.\n-- severity: warn\n-- alert: yes\n-- Look.\n{query}"
    )
    assert (made.tests["loud"].is_alarm, made.tests["loud"].description) == (True, "Over. Look.")
    with pytest.raises(InvalidModel, match="must return the columns alarm, message"):
        project(tmp_path, tests__loud="-- Over.\n-- alert: yes\nSELECT 1 AS n FROM raw.grades")
    with pytest.raises(InvalidModel, match="declare `alert: yes`, or nothing"):
        project(tmp_path, tests__loud=f"-- Over.\n-- alert: maybe\n{query}")


def test_a_test_declares_its_severity_in_its_leading_comment(tmp_path: Path) -> None:
    made = project(
        tmp_path,
        tests__strict="-- Holds. If it fails, look.\nSELECT 1 AS n FROM raw.grades",
        tests__mild=(
            "-- A guess.\n-- severity: warn\n-- If it fails, look.\nSELECT 1 AS n FROM raw.grades"
        ),
    )
    assert {name: test.severity for name, test in made.tests.items()} == {
        "strict": "error",
        "mild": "warn",
    }
    assert made.tests["mild"].description == "A guess. If it fails, look.", (
        "the declaration is not for people"
    )
    with pytest.raises(
        InvalidModel, match=r"tests/odd\.sql: severity 'mild' is unknown; declare error or warn"
    ):
        project(tmp_path, tests__odd="-- severity: mild\nSELECT 1 AS n FROM raw.grades")
