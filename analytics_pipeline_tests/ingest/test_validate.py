"""Every declared rule, broken once: an error quarantines the row; a warning lets it load and is
counted.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pandera.errors import SchemaError

from analytics_pipeline.datasets import FEED
from analytics_pipeline.ingest.validate import validate_rows
from analytics_pipeline_tests.support.deliveries import HEADER, batch, reasons

SOUND = {
    "lab_sessions": (
        '1731001, u@v.com, 45686, "Kevin", 760081, lab, 760084, part, Cloud, "Feb-23-2022 9:40:20'
        ' pm UTC", "Feb-23-2022 11:40:20 pm UTC", 120, ok, , "Feb-23-2022 9:40:10 pm UTC",'
        ' "Feb-23-2022 9:40:30 pm UTC", 0.3, 1, 0, 20'
    ),
    "aws_cost": "862200000001, 1731001, u@v.com, 760084, part, 0.038598, 1645823566",
    "azure_cost": "1731001, u@v.com, 760084, part, 10, 2022, 0.07",
    "service_spend": "862200000001, 1731001, u@v.com, 45686, 760084, EC2, 0.03",
    "asn_mapping": "9001, 1020, 190155, Sandbox, 190156, Lab, 50833, 50834",
    "course_mapping": '9001, Org, 4051, CS 17, "Clone by Reference", 10',
    "grades": (
        "20154, Course, 412074, HW, 0, 14, 926011, 12, 10, 0, 412075, Part, 10, 551636, Score, 10,"
        " 926, 1"
    ),
    "enrollment": "1731001, 20154, student, Ann, u@v.com, key, 99, 0, 1, 2022-01-01",
}

BREAKING = {
    # (dataset, column, rule) -> what stands in the cells; for a rule about the whole row, in
    # several
    ("enrollment", "name", "str_matches"): {"name": "a@b", "client_key": "", "client_userid": ""},
    ("enrollment", "email", "str_contains"): {
        "email": "nowhere",
        "client_key": "",
        "client_userid": "",
    },
    ("aws_cost", "cost", "in_range"): {"cost": "600000000"},
    ("azure_cost", "monthly_cost_to_date", "in_range"): {"monthly_cost_to_date": "10000001"},
    ("service_spend", "cost", "in_range"): {"cost": "10000000.000000001"},
    ("grades", "maxscore", "in_range"): {"maxscore": "1000001"},
    ("grades", "asnscore", "in_range"): {"asnscore": "1000001"},
    ("grades", "partscore", "in_range"): {"partscore": "-1000001"},
    ("grades", "rubricscore", "in_range"): {"rubricscore": "1000001"},
    ("lab_sessions", "duration_min", "in_range"): {"duration_min": "527041", "end_time": ""},
    ("lab_sessions", "launch_to_ready_duration_mins", "in_range"): {
        "launch_to_ready_duration_mins": "-1"
    },
    ("lab_sessions", "concurrent_labs_count", "in_range"): {"concurrent_labs_count": "1000001"},
    ("lab_sessions", "disconnects", "in_range"): {"disconnects": "-1"},
    ("lab_sessions", "latency_time_ms", "in_range"): {"latency_time_ms": "86400001"},
    ("azure_cost", "month", "in_range"): {"month": "13"},
    ("azure_cost", "year", "in_range"): {"year": "1999"},
    ("aws_cost", "aws_account_id", "str_matches"): {"aws_account_id": "8622xxxx"},
    ("service_spend", "aws_account_id", "str_matches"): {"aws_account_id": "-1"},
    ("lab_sessions", "lab_type", "isin"): {"lab_type": "Quantum"},
    ("course_mapping", "create_method", "isin"): {"create_method": "Telepathy"},
    ("enrollment", "role", "isin"): {"role": "king"},
    ("lab_sessions", "*", "end_not_before_start"): {
        "end_time": "Feb-23-2022 9:40:19 pm UTC",
        "duration_min": "",
    },
    ("lab_sessions", "*", "launch_not_after_end"): {
        "launch_time": "Feb-24-2022 9:40:10 pm UTC",
        "init_time": "",
    },
    ("lab_sessions", "*", "init_not_before_launch"): {"init_time": "Feb-23-2022 9:40:09 pm UTC"},
    ("azure_cost", "*", "month_not_ahead_of_file"): {"month": "2", "year": "2026"},
    ("lab_sessions", "*", "duration_agrees"): {"duration_min": "122"},
}
BY_RULE = {"greater_than": "-2", "greater_than_or_equal_to": "-1", "str_contains": "no address"}


def rules() -> Iterator[tuple[str, str, str, bool]]:
    """Return every declared rule: dataset, column, name, whether it is a warning."""
    for dataset in FEED.values():
        for column, declared in dataset.schema.columns.items():
            for check in declared.checks:
                mended = column in {
                    optional.name for optional in dataset.columns if not optional.essential
                }
                yield dataset.name, column, str(check.name), check.raise_warning or mended
        for check in dataset.schema.checks:
            yield dataset.name, "*", str(check.name), check.raise_warning


def normal(name: str) -> list[str]:
    header = HEADER[name].strip() + (", submission" if name == "grades" else "")
    plain = header.lower().replace("(", "").replace(")", "").split(",")
    return [head.strip().replace(" ", "_").replace("-", "_") for head in plain]


def with_cells(name: str, cells: dict[str, str]) -> str:
    sound = dict(zip(normal(name), SOUND[name].split(","), strict=True))
    assert cells.keys() <= sound.keys(), f"no such columns: {cells.keys() - sound.keys()}"
    return ",".join({**sound, **cells}.values())


def file_of(name: str, *rows: str) -> str:
    return ",".join(normal(name)) + "\n" + "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize("name", SOUND)
def test_the_valid_example_row_has_no_finding(tmp_path: Path, name: str):
    read = batch(tmp_path, name, file_of(name, SOUND[name]))
    assert (read.rows.height, read.files[0].findings) == (1, []), read.files[0]


@pytest.mark.parametrize(("name", "column", "rule", "warning"), list(rules()))
def test_a_row_that_breaks_a_rule_is_found(
    tmp_path: Path, name: str, column: str, rule: str, warning: bool
):
    cells = BREAKING.get((name, column, rule)) or {column: BY_RULE.get(rule, "")}
    assert cells != {column: ""}, (
        f"give an example that breaks {rule} of {name}.{column} in BREAKING"
    )
    read = batch(tmp_path, name, file_of(name, with_cells(name, cells)))
    result = read.files[0]
    (finding,) = result.findings
    assert (finding.column, finding.error, finding.count, finding.lines) == (
        column,
        not warning,
        1,
        (2,),
    )
    assert (result.rows, result.rejects, result.warnings) == ((1, 0, 1) if warning else (0, 1, 0))
    assert not any(cell and cell in finding.reason for cell in cells.values() if len(cell) > 3), (
        "the reason shows a value"
    )


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (dataset.name, column.name)
        for dataset in FEED.values()
        for column in dataset.columns
        if not column.nullable
    ],
)
def test_an_empty_cell_that_must_not_be_is_an_error(tmp_path: Path, name: str, column: str):
    read = batch(tmp_path, name, file_of(name, SOUND[name], with_cells(name, {column: "  "})))
    assert reasons(read) == [(3, column, "it is empty")]


@pytest.mark.parametrize("name", SOUND)
def test_an_allowed_empty_cell_is_no_finding(tmp_path: Path, name: str):
    empty = {
        column.name: ""
        for column in FEED[name].columns
        if column.nullable and column.name in normal(name)
    }
    read = batch(tmp_path, name, file_of(name, with_cells(name, empty)))
    assert (read.rows.height, read.files[0].findings) == (1, [])


@pytest.mark.parametrize("name", SOUND)
def test_a_repeated_key_is_a_warning_within_a_file_only(tmp_path: Path, name: str):
    once, twice = file_of(name, SOUND[name]), file_of(name, SOUND[name], SOUND[name])
    read = batch(tmp_path, name, once, twice, once)
    assert [(file.rows, file.warnings) for file in read.files] == [(1, 0), (2, 2), (1, 0)]
    (finding,) = read.files[1].findings
    assert "repeats the key" in finding.reason


@pytest.mark.parametrize("name", FEED)
def test_a_column_of_another_type_than_the_models_is_refused(name: str):
    columns = FEED[name].columns
    with pytest.raises(SchemaError, match="to have type"):
        validate_rows(FEED[name], pl.DataFrame(schema={c.name: pl.Boolean for c in columns}), [])


def test_a_row_with_several_faults_is_one_reject_with_all_its_reasons(tmp_path: Path):
    row = with_cells(
        "azure_cost", {"user_id": "x", "month": "13", "monthly_cost_to_date": "99999999"}
    )
    read = batch(tmp_path, "azure_cost", file_of("azure_cost", row))
    assert (read.files[0].records, read.files[0].rejects, read.rejects.height) == (1, 1, 1)
    assert {column for _, column, _ in reasons(read)} == {
        "user_id",
        "month",
        "monthly_cost_to_date",
    }


def test_a_file_fails_over_the_limit_of_rejects_and_not_at_it(tmp_path: Path):
    bad = with_cells("azure_cost", {"month": "13"})
    good = [SOUND["azure_cost"].replace("1731001", str(5_000 + at)) for at in range(200)]
    files = {
        "20 of 20": [bad] * 20,
        "21 of 21": [bad] * 21,
        "21 of 210": [bad] * 21 + good[:189],
        "21 of 209": [bad] * 21 + good[:188],
    }
    read = batch(tmp_path, "azure_cost", *(file_of("azure_cost", *rows) for rows in files.values()))
    failed = {name: file.failure is not None for name, file in zip(files, read.files, strict=True)}
    assert failed == {"20 of 20": False, "21 of 21": True, "21 of 210": False, "21 of 209": True}
    assert "10%" in str(read.files[1].failure)
    assert set(read.rows["_file"].unique()) == {2}, "rows of a failed file must not load"


def test_of_a_failed_file_a_bounded_number_of_rejects_is_kept(tmp_path: Path):
    bad = with_cells("azure_cost", {"month": "13"})
    read = batch(
        tmp_path,
        "azure_cost",
        file_of("azure_cost", *[bad] * 5_000),
        file_of("azure_cost", *["x"] * 5_000),
    )
    assert [file.rejects for file in read.files] == [5_000, 5_000]
    assert read.rejects["_file"].value_counts().sort("_file").rows() == [(0, 1_000), (1, 1_000)]


def test_no_finding_shows_a_value_of_a_record(tmp_path: Path):
    row = with_cells(
        "enrollment",
        {
            "userid": "SECRETNAME",
            "role": "SECRETNAME",
            "email": "SECRETNAME",
            "dropped": "SECRETNAME",
        },
    )
    result = batch(tmp_path, "enrollment", file_of("enrollment", row)).files[0]
    assert result.findings
    assert "SECRETNAME" not in str(result.findings)


SHORT = (  # lacks one cell, and its email is none
    "1731001, 45686, student, Ann, nowhere, key, 99, 0, 1"
)
WHOLE = (  # its id is none, and its email neither
    "king, 45686, student, Ann, nowhere, key, 99, 0, 1, 2022-01-01"
)


@pytest.mark.parametrize("row", [SHORT, WHOLE])
def test_a_rejected_row_does_not_count_as_a_warning(tmp_path: Path, row: str):
    """A warning is about a row that loads; this one is in quarantine."""
    result = batch(tmp_path, "enrollment", HEADER["enrollment"] + row + "\n").files[0]
    assert (result.rows, result.rejects, result.warnings) == (0, 1, 0)
    assert [finding.error for finding in result.findings] == [True], result.findings


def test_a_problem_in_a_short_row_is_an_error_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = []

    def validated(*arguments: Any) -> Any:
        rows, issues = validate_rows(*arguments)
        found.extend(issues.select("column", "error").iter_rows())
        return rows, issues

    monkeypatch.setattr("analytics_pipeline.ingest.read_batch.validate_rows", validated)
    batch(tmp_path, "enrollment", HEADER["enrollment"] + SHORT + "\n")
    assert found == [("email", True)]
