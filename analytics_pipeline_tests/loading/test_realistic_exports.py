"""Realistic vendor exports from the file to the mart: no wrong sum, no lost score, no invented
minute.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline_tests.support.deliveries import HEADER, KEYS, batch
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse
from analytics_pipeline_tests.support.realistic_exports import AWS, built, spend

pytestmark = pytest.mark.thorough

LATER = "Jan-08-2026 {} UTC"


def warned(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Return column, count and lines of every warning; none of these files may have a reject."""
    assert warehouse.query("SELECT source_key, line, reasons FROM quarantine.rejects") == []
    return warehouse.query('SELECT "column", count, lines FROM ops.findings ORDER BY ALL')


def session(
    user: int = 5, start: str = "", end: str = "", minutes: str = "", launch: str = ""
) -> str:
    return (
        f"{user}, a@b, 6, C, 3, A, 7, P, Cloud, {start}, {end}, {minutes}, , , {launch}, , , 0,"
        " 0, 9\n"
    )


def test_an_account_id_without_its_leading_zero_continues_its_series(tmp_path: Path):
    accounts = [(7, "086225200000", 100), (8, "86225200000", 110), (9, "086225200000", 120)]
    files = {
        AWS.format(day): HEADER["aws_cost"] + spend(account, str(cost))
        for day, account, cost in accounts
    }
    warehouse = built(tmp_path, files)
    assert warehouse.query("SELECT DISTINCT aws_account_id FROM marts.daily_cloud_spend") == [
        ("086225200000",)
    ]
    assert warehouse.query("SELECT sum(cost) FROM marts.daily_cloud_spend") == [(120,)]
    assert warned(warehouse) == [("aws_account_id", 1, [2])]


def test_courses_with_parent_0_are_not_related(tmp_path: Path):
    rows = "".join(
        f"9001, Org, {course}, CS, New, {parent}\n"
        for course, parent in [(1, 0), (2, 0), (3, -1), (4, 2)]
    )
    parts = "".join(
        f"9001, 1, 2, A, {part}, P, {parent}, {parent}\n"
        for part, parent in [(11, 0), (12, -1), (13, 11)]
    )
    files = {
        KEYS["course_mapping"]: HEADER["course_mapping"] + rows,
        KEYS["asn_mapping"]: HEADER["asn_mapping"] + parts,
    }
    warehouse = built(tmp_path, files)
    lineage = warehouse.query(
        "SELECT course_id, parent_course_id, root_course_id, depth FROM marts.course_lineage ORDER"
        " BY 1"
    )
    assert lineage == [(1, None, 1, 0), (2, None, 2, 0), (3, None, 3, 0), (4, 2, 2, 1)]
    lineage = warehouse.query(
        "SELECT part_id, parent_part_id, root_part_id FROM marts.part_lineage ORDER BY 1"
    )
    assert lineage == [(11, None, 11), (12, None, 12), (13, 11, 11)]
    assert warned(warehouse) == []


@pytest.mark.parametrize("none", ["", "0", "-1", "0.0", "NULL", r"\N", "0000-00-00 00:00:00"])
def test_partner_grader_and_deactivation_are_absent_in_any_words(tmp_path: Path, none: str):
    id_words = "" if none.startswith("0000") else none
    grade = f"4051, C, 2, A, 0, 10, 3, {id_words}, 5, 0, 4, P, 5, 6, R, 5, {id_words}\n"
    aws = (
        HEADER["aws_cost"].strip()
        + ", deactivation_date\n"
        + spend("086225200000", "1").strip()
        + f", {none}\n"
    )
    warehouse = built(tmp_path, {KEYS["grades"]: HEADER["grades"] + grade, AWS.format(8): aws})
    assert warehouse.query("SELECT partner_id, score FROM marts.assignment_scores") == [(None, 5)]
    assert warehouse.query("SELECT graderid FROM raw.grades") == [(None,)]
    assert warehouse.query("SELECT deactivation_date FROM raw.aws_cost") == [(None,)]
    assert warned(warehouse) == []


@pytest.mark.parametrize(
    "open_end", ["Dec-31-9999 11:59:59 pm UTC", "Jan-19-2038 3:14:07 am UTC", "2147483647"]
)
def test_an_end_in_the_far_future_means_still_open(tmp_path: Path, open_end: str):
    start = LATER.format("9:00:00 am")
    body = HEADER["lab_sessions"] + session(start=start, end=open_end, launch=start)
    warehouse = built(tmp_path, {"lab_sessions/lab_sessions_2026-01-08.csv": body})
    assert warehouse.query("SELECT end_time, minutes FROM marts.lab_sessions") == [(None, None)]
    began = datetime(2026, 1, 8, 9)  # noqa: DTZ001
    assert warehouse.query("SELECT minutes, last_seen FROM marts.student_course_summary") == [
        (0, began)
    ]
    assert warned(warehouse) == [("end_time", 1, [2])]
    ((kept,),) = warehouse.query("SELECT _extra ->> 'end_time' FROM raw.lab_sessions")
    assert kept.startswith(("9999-12-31", "2038-01-19")), "its text is kept"


def test_a_missing_end_counts_the_delivered_minutes(tmp_path: Path):
    start = LATER.format("9:00:00 am")
    body = HEADER["lab_sessions"] + session(start=start, minutes="45", launch=start)
    warehouse = built(tmp_path, {"lab_sessions/lab_sessions_2026-01-08.csv": body})
    assert warehouse.query("SELECT minutes FROM marts.lab_sessions") == [(45,)]
    assert warehouse.query("SELECT minutes FROM marts.student_course_summary") == [(45,)]


def test_sessions_without_launch_and_start_differ_by_their_other_values(tmp_path: Path):
    rows = [
        session(minutes="30"),
        session(minutes="45"),
        session(minutes="45"),
        session(end=LATER.format("9:00:00 am"), minutes="45"),
    ]
    warehouse = built(
        tmp_path,
        {"lab_sessions/lab_sessions_2026-01-08.csv": HEADER["lab_sessions"] + "".join(rows)},
    )
    assert warehouse.query(
        "SELECT count(*), count(DISTINCT session_id), sum(minutes) FROM marts.lab_sessions"
    ) == [(3, 3, 120)]
    assert warehouse.query("SELECT sessions, minutes FROM marts.student_course_summary") == [
        (3, 120)
    ]


def test_a_session_delivered_for_two_courses_is_a_session_of_each(tmp_path: Path):
    """Both courses keep it, and it is no evidence for the lower course id where spend is dated."""
    start, end = LATER.format("9:00:00 am"), LATER.format("9:45:00 am")
    row = session(start=start, end=end, launch=start)
    header, part = HEADER["asn_mapping"], "9001, {}, 3, A, 7, P, , \n"
    enrolled = "5, 9, student, N, a@b, k, 1, 0, 1, \n"
    files = {
        "lab_sessions/lab_sessions_2026-01-08.csv": HEADER["lab_sessions"]
        + row
        + row.replace(" 6, C,", " 9, D,"),
        KEYS["asn_mapping"]: header + part.format(6) + part.format(9),
        "enrollment/course9/enrollment.csv": HEADER["enrollment"] + enrolled,
        AWS.format(8): HEADER["aws_cost"] + spend("086225200000", "2"),
    }
    warehouse = built(tmp_path, files)
    sessions = "SELECT course_id, course_name, minutes FROM marts.lab_sessions ORDER BY 1"
    assert warehouse.query(sessions) == [(6, "C", 45), (9, "D", 45)]
    summary = "SELECT course_id, sessions, minutes FROM marts.student_course_summary ORDER BY 1"
    assert warehouse.query(summary) == [(6, 1, 45), (9, 1, 45)]
    assert warehouse.query("SELECT course_id, cost FROM marts.daily_cloud_spend") == [(9, 2)]
    assert warned(warehouse) == [], "the rows are no duplicates of each other"


def test_credits_are_lines_of_the_bill(tmp_path: Path):
    lines = [
        f"086225200000, 5, a@b, 6, {part}, EC2, {cost}\n"
        for part, cost in [*((7 + n, 1) for n in range(70)), (1, 100), (2, -40)]
    ]
    credits_ = [f"086225200000, 5, a@b, 6, {200 + n}, EC2, -1\n" for n in range(30)]
    azure = HEADER["azure_cost"] + "5, a@b, 7, lab, 1, 2026, -2.5\n"
    files = {
        KEYS["service_spend"]: HEADER["service_spend"] + "".join(lines + credits_),
        KEYS["azure_cost"]: azure,
    }
    warehouse = built(
        tmp_path, {**files, AWS.format(8): HEADER["aws_cost"] + spend("086225200000", "-3")}
    )
    assert warehouse.query("SELECT sum(cost) FROM marts.monthly_service_spend") == [
        (70 + 100 - 40 - 30,)
    ]
    assert warehouse.query("SELECT sum(cost) FROM marts.daily_cloud_spend") == [(Decimal("-5.5"),)]
    assert [(column, count) for column, count, _ in warned(warehouse)] == [
        *(("cost", 1), ("cost", 31), ("monthly_cost_to_date", 1)),
    ]


def test_unreadable_terms_dates_do_not_cost_a_course_its_roster(tmp_path: Path):
    words = ["0000-00-00 00:00:00"] * 35 + [
        "2026-01-05T10:00:00.5+02:00",
        "NULL",
        "",
        "soon",
        "Jan-05-2026 8:00:00 am UTC",
    ]
    rows = [
        f"{user}, 4051, student, N, a@b, k, 1, 0.0, 1.0, {word}\n"
        for user, word in enumerate(words, start=1)
    ]
    warehouse = built(tmp_path, {KEYS["enrollment"]: HEADER["enrollment"] + "".join(rows)})
    assert warehouse.query("SELECT students FROM marts.course_summary") == [(40,)]
    told = warehouse.query(
        "SELECT userid, organization_terms_agreed_date_utc, _extra ->>"
        " 'organization_terms_agreed_date_utc' FROM raw.enrollment WHERE"
        " organization_terms_agreed_date_utc IS NOT NULL OR _extra IS NOT NULL ORDER BY 1"
    )
    assert told == [
        (36, datetime(2026, 1, 5, 8, 0, 0, 500_000), None),  # noqa: DTZ001
        (39, None, "soon"),
        (40, datetime(2026, 1, 5, 8), None),  # noqa: DTZ001
    ]
    assert warned(warehouse) == [("organization_terms_agreed_date_utc", 1, [40])]


def test_ids_with_a_decimal_point_do_not_cost_a_course_its_grades(tmp_path: Path):
    rows = [
        f"4051.0, C, 2.0, A, 0.0, 10, {user}.0, {'2.0' if user % 2 else ''}, 5, 0, 4.0, P, 5, 6.0,"
        " R, 5, 8.0\n"
        for user in range(1, 61)
    ]
    warehouse = built(tmp_path, {KEYS["grades"]: HEADER["grades"] + "".join(rows)})
    assert warehouse.query(
        "SELECT count(*), sum(score), count(partner_id), max(partner_id) FROM"
        " marts.assignment_scores"
    ) == [(60, 300, 30, 2)]
    assert warned(warehouse) == []


def test_an_unreadable_time_that_no_mart_reads_stops_no_money(tmp_path: Path):
    rows = [spend(f"{account:012}", "1", "yesterday") for account in range(100, 140)]
    warehouse = built(tmp_path, {AWS.format(8): HEADER["aws_cost"] + "".join(rows)})
    assert warehouse.query("SELECT sum(cost) FROM marts.daily_cloud_spend") == [(40,)]
    assert warned(warehouse) == [("file_updated_time", 40, [2, 3, 4, 5, 6])]
    assert warehouse.query("SELECT DISTINCT _extra ->> 'file_updated_time' FROM raw.aws_cost") == [
        ("yesterday",)
    ]


def test_a_lab_type_with_surrounding_blanks_is_the_same_lab_type(tmp_path: Path):
    start = LATER.format("9:00:00 am")
    kinds = ["Cloud", "Cloud\t", "\u200bCloud", "\u00a0Cloud\u3000"]
    rows = [
        session(user, start=start, launch=start).replace("Cloud", kind)
        for user, kind in enumerate(kinds, start=1)
    ]
    warehouse = built(
        tmp_path,
        {"lab_sessions/lab_sessions_2026-01-08.csv": HEADER["lab_sessions"] + "".join(rows)},
    )
    assert warehouse.query("SELECT lab_type, launches FROM marts.lab_launches_daily") == [
        ("Cloud", 4)
    ]


@pytest.mark.parametrize("cells", ["", ",", ", ,", "\u00a0"])
def test_a_comma_at_the_end_of_the_header_makes_no_row_short(tmp_path: Path, cells: str):
    header = HEADER["enrollment"].strip() + "," + cells + "\n"
    rows = (
        "5, 4051, king, N, a@b, k, 1, 0, 1, 2026-01-05\n"
        + "6, 4051, king, N, a@b, k, 1, 0, 1, 2026-01-05,\n"
    )
    warehouse = built(tmp_path, {KEYS["enrollment"]: header + rows})
    assert warned(warehouse) == [("role", 2, [2, 3])], "a warning of a whole row is no reject"
    assert warehouse.query("SELECT count(*), count(_extra) FROM raw.enrollment") == [(2, 0)]
    wide = batch(
        tmp_path,
        "enrollment",
        header + rows + "7, 4051, student, N, a@b, k, 1, 0, 1, , , , , text\n",
    )
    assert [
        (line, why[0]["column"]) for line, why in wide.rejects.select("line", "reasons").iter_rows()
    ] == [(4, "*")]
