"""Hand-written files: validated like the feed, with a reason for each rejected line."""

from pathlib import Path

import pytest

from analytics_pipeline_tests.support.deliveries import batch, reasons

BUDGETS = "scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat\n"
GOOD = "course,45686,Cloud,2026-09-01,,20,USD,50;80;100,1.5,monthly\n"


def test_a_file_of_every_scope_loads(tmp_path: Path):
    read = batch(
        tmp_path,
        "budgets",
        BUDGETS
        + "organisation,,All,2026-09-01,2026-12-31,500.00,USD,,,none\n"
        + GOOD
        + "root_course,45686,Family,2026-9-1,2026-12-31,20,USD,80,,\n"
        + "department,CS,Science,2026-09-01,2026-12-31,20,USD,,,\n"
        + "term,2026 fall,Fall,2026-09-01,2026-12-31,20,USD,,,\n",
    )
    assert reasons(read) == []
    assert (read.files[0].rows, read.files[0].warnings) == (5, 0)


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("planet,1,X,2026-09-01,2026-12-31,20,USD,,,", "scope", "it must be one of"),
        ("course,45686x,X,2026-09-01,2026-12-31,20,USD,,,", "*", "id must be a course id"),
        ("course,,X,2026-09-01,2026-12-31,20,USD,,,", "*", "id must be a course id"),
        ("organisation,CS,X,2026-09-01,2026-12-31,20,USD,,,", "*", "empty for the organisation"),
        ("term,,X,2026-09-01,2026-12-31,20,USD,,,", "*", "a name for a department or term"),
        ("course,1,,2026-09-01,2026-12-31,20,USD,,,", "name", "it is empty"),
        ("course,1,X,2026-09-31,2026-12-31,20,USD,,,", "starts_on", "not a calendar day"),
        ("course,1,X,01/09/2026,2026-12-31,20,USD,,,", "starts_on", "not a calendar day"),
        ("course,1,X,2026-09-01,2026-08-31,20,USD,,,", "*", "ends_on must not be before starts_on"),
        ("course,1,X,2026-09-01,,20,USD,,,", "*", "ends_on must be given unless repeat is monthly"),
        (
            "course,1,X,2026-09-01,2026-12-31,0,USD,,,",
            "amount",
            "it must be more than 0",
        ),
        ("course,1,X,2026-09-01,2026-12-31,much,USD,,,", "amount", "not a number"),
        ("course,1,X,2026-09-01,2026-12-31,20,EUR,,,", "currency", "nothing is converted"),
        ("course,1,X,2026-09-01,2026-12-31,20,,,,", "currency", "it is empty"),
        ("course,1,X,2026-09-01,2026-12-31,20,USD,half,,", "alert_at", "whole percentages"),
        (
            "course,1,X,2026-09-01,2026-12-31,20,USD,,-1,",
            "student_cap",
            "it must be more than 0",
        ),
        ("course,1,X,2026-09-01,2026-12-31,20,USD,,,weekly", "repeat", "it must be one of"),
    ],
)
def test_an_invalid_budget_is_rejected_with_its_reason(
    tmp_path: Path, line: str, column: str, reason: str
):
    read = batch(tmp_path, "budgets", f"{BUDGETS}{GOOD}{line}\n")
    assert [(at, where) for at, where, _ in reasons(read)] == [(3, column)]
    assert reason in reasons(read)[0][2]
    assert read.rows["name"].to_list() == ["Cloud"]


def test_budgets_with_the_same_name_are_all_rejected(tmp_path: Path):
    read = batch(tmp_path, "budgets", f"{BUDGETS}{GOOD}{GOOD.replace('20', '30')}")
    assert [(line, why) for line, _, why in reasons(read)] == [
        (2, "it repeats the key (name) of another row"),
        (3, "it repeats the key (name) of another row"),
    ]


def test_a_course_is_labelled_once(tmp_path: Path):
    header = "course_id,department,term,starts_on,ends_on\n"
    read = batch(
        tmp_path,
        "course_labels",
        f"{header}1,CS,fall,,\n2,CS,fall,2026-08-24,2026-12-11\n1,Math,fall,,\n",
    )
    assert [line for line, _, _ in reasons(read)] == [2, 4]
    assert read.rows["course_id"].to_list() == [2]


def test_a_file_separated_by_semicolons_is_its_authors_to_correct(tmp_path: Path):
    """As a European Excel saves it; Vocareum has nothing to do with it."""
    failure = batch(tmp_path, "budgets", (BUDGETS + GOOD).replace(",", ";")).files[0].failure
    assert failure is not None
    assert "the header lacks scope" in failure.reason
    assert "Correct the file of BUDGETS_FILE" in failure.remedy
    assert "commas" in failure.remedy and "Vocareum" not in failure.remedy
