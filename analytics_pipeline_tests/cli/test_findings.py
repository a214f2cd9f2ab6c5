"""`findings`: every quarantined record and every warning has a file, a line, a column, a rule and a
remedy.
"""

import json
import re
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

import analytics_pipeline
from analytics_pipeline.datasets import DATASETS, FEED, sql_types
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.ingest.remedies import KINDS, remedy
from analytics_pipeline.ingest.rule_wording import describe_rule
from analytics_pipeline_tests.cli.conftest import Run


def found(run: Run, *arguments: str) -> list[dict]:
    result = run("findings", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_findings_name_file_line_column_rule_and_remedy_of_all_that_is_quarantined_or_odd(
    run: Run, synced: Path, organisation: Organisation
):
    everything = found(run)
    quarantined = {
        (finding["source_key"], line)
        for finding in everything
        if finding["outcome"] == "quarantined"
        for line in finding["lines"]
    }
    assert {(planted.key, planted.line) for planted in organisation.truth.planted} <= quarantined
    assert all(
        finding["remedy"] and finding["column"] and finding["reason"] and finding["lines"]
        for finding in everything
    )
    warnings = found(run, "--warnings")
    assert warnings == [finding for finding in everything if finding["outcome"] == "loaded"]
    with duckdb.connect(str(synced / "analytics.duckdb"), read_only=True) as connection:
        ledger = connection.execute(
            "SELECT sum(warnings)::INT, sum(rejects)::INT > 0 FROM ops.loaded_files"
        ).fetchone()
    assert ledger == (sum(finding["records"] for finding in warnings), True)


def test_findings_can_be_asked_of_a_dataset_or_a_file(run: Run, synced: Path):
    everything = found(run)
    some = everything[0]
    assert found(run, "--dataset", some["dataset"]) == [
        finding for finding in everything if finding["dataset"] == some["dataset"]
    ]
    assert found(run, "--file", some["source_key"]) == [
        finding for finding in everything if finding["source_key"] == some["source_key"]
    ]
    assert found(run, "--file", "no such file") == []
    unknown = run("findings", "--file", "no such file", "--dataset", "grades")
    assert unknown.output == (
        "No loaded file of grades has 'no such file' in its key. See the keys: analytics-pipeline"
        ' query "SELECT source_key FROM ops.loaded_files"\n'
    )
    assert unknown.exit_code == 0, "as of `quarantine replay`"
    shown = run("findings", "--file", some["source_key"], "--limit", "1")
    assert shown.exit_code == 0, shown.output
    for text in (some["source_key"].partition("/")[2], some["remedy"]):
        assert text in shown.output


def test_sync_points_from_its_warnings_to_the_findings(first_sync):
    assert "analytics-pipeline findings" in first_sync.output


def test_every_declared_rule_is_of_a_kind_that_has_a_remedy():
    rules = [
        describe_rule(check, column)
        for dataset in DATASETS.values()
        for column in dataset.columns
        for check in dataset.schema.columns[column.name].checks
    ] + [describe_rule(check) for dataset in DATASETS.values() for check in dataset.schema.checks]
    assert rules
    assert [
        rule for rule in rules if not any(re.search(pattern, rule) for pattern, _ in KINDS)
    ] == []


def test_a_cell_of_unknown_form_names_the_file_to_edit_and_what_to_add() -> None:
    for reason, then in (
        ("it is not a time in UTC", "quarantine replay --dataset grades"),
        (
            "it is not a number, so the cell is left empty and its text kept in _extra",
            "sync --full --dataset grades",
        ),
    ):
        said = remedy("grades", reason, is_error=False)
        assert "add it in analytics_pipeline/datasets/sql_types.py" in said
        assert "INSTANT_FORMATS" in said
        assert "NO_VALUE in analytics_pipeline/datasets/cells.py" in said
        assert then in said
    broken = "it must be 0 or more, so the cell is left empty and its text kept in _extra"
    assert "change the rule in analytics_pipeline/datasets/grades.py" in remedy(
        "grades", broken, is_error=False
    )


def test_every_file_and_name_that_a_remedy_gives_exists() -> None:
    root = Path(analytics_pipeline.__file__).parents[1]
    for _, text in KINDS:
        for dataset in FEED:
            shown = text.replace("{dataset}", dataset)
            files = [root / path for path in re.findall(r"analytics_pipeline/[\w/]+\.py", shown)]
            assert all(path.exists() for path in files), shown
            code = "".join(path.read_text() for path in files)
            names = {*re.findall(r"\b[A-Z]+_[A-Z]+\b|(?<=`)\w*_\w+(?=`)", shown)} - {"_extra"}
            assert not [name for name in names if name not in code], shown
            assert "extend the reader" not in shown


def test_a_format_added_where_the_remedy_says_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(text: str) -> datetime | None:
        with duckdb.connect() as connection:
            row = connection.execute(
                f"SELECT {sql_types.quick_sql(pl.Datetime, 'cell')} FROM (SELECT ? AS cell)", [text]
            ).fetchone()
        assert row is not None
        return row[0]

    assert read("23.02.2022 21:40") is None
    monkeypatch.setattr(
        sql_types, "INSTANT_FORMATS", (*sql_types.INSTANT_FORMATS, "%d.%m.%Y %H:%M")
    )
    assert read("23.02.2022 21:40") == datetime(2022, 2, 23, 21, 40)  # noqa: DTZ001
