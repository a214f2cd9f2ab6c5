"""The organisation's files: headers, planted faults and their places, and the article's dialect."""

import csv
import io
import re
from datetime import date, timedelta

import pytest

from analytics_pipeline.demo.organisation import (
    HEADERS,
    Dialect,
    Organisation,
    OrganisationSpec,
    normal_form,
)

ARTICLE_HEADERS = {
    "lab_sessions": (
        '"User ID", "User Email", "Course ID", "Course Name", "Assignment ID", "Assignment Name",'
        ' "Part ID", "Part Name", "Lab Type", "Start Time", "End Time", "Duration (min)", Log,'
        ' Tags, "Launch Time", "Init Time", "Launch To Ready Duration (mins)", "Concurrent Labs'
        ' Count", "Disconnects", "Latency Time (ms)"'
    ),
    "aws_cost": (
        '"AWS Account ID", "User ID", "User Email", "Part ID", "Part Name", Cost, "File Updated'
        ' Time"'
    ),
    "azure_cost": '"User ID","User Email","Part ID","Part Name",Month,Year,Monthly-cost-to-date',
    "service_spend": (
        '"AWS Account ID", "User Id", "User Email", "Course ID", "Part ID", Service, Cost'
    ),
    "asn_mapping": (
        "org_id, course_id, assignment_id, assignment_name, part_id, part_name,"
        " parent_assignment_id, parent_part_id"
    ),
    "course_mapping": "org_id, org_name, course_id, course_name, create_method, parent_course_id",
    "grades": (
        "courseid, coursename, asnid, asnname, ispeerreviewon, maxscore, userid, partnerid,"
        " asnscore, isoverride, partid, partname, partscore, rubricid, rubricname, rubricscore,"
        " graderid"
    ),
    "enrollment": (
        "userid, courseid, role, name, email, client_key, client_userid, dropped,"
        " organization_terms_agreed, organization_terms_agreed_date_utc"
    ),
}
ORGANISATION = Organisation(OrganisationSpec.small())
FILES, TRUTH = ORGANISATION.files(), ORGANISATION.truth
ODD = {oddity.what: oddity.key for oddity in TRUTH.oddities}


def dataset(key: str) -> str:
    return re.sub(r"_\d.*", "", key.rpartition("/")[2].removesuffix(".csv"))


def parse(body: bytes) -> list[list[str]]:
    text = body.decode("utf-8-sig", errors="surrogateescape")
    return list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True))


def planted_line(why: str) -> str:
    row = next(row for row in TRUTH.planted if why in row.why)
    return FILES[row.key].decode(errors="backslashreplace").split("\n")[row.line - 1]


def test_every_header_is_the_articles_to_the_letter():
    plain = [key for key in TRUTH.records if key not in ODD.values()]
    assert {dataset(key) for key in plain} == ARTICLE_HEADERS.keys() == HEADERS.keys()
    for key in plain:
        header = FILES[key].decode(errors="replace").split("\n")[0]
        extra = header.removeprefix(ARTICLE_HEADERS[dataset(key)])
        assert extra in ("", ', "Deactivation Date"', ", submission, submission_time"), key


def test_optional_columns_are_in_some_files_and_not_in_others():
    for name, column in (("aws_cost", "deactivation_date"), ("grades", "submission_time")):
        has = {
            column in map(normal_form, parse(FILES[key])[0])
            for key in TRUTH.records
            if dataset(key) == name
        }
        assert has == {True, False}


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("flaws", [True, False])
def test_each_file_has_as_many_records_as_the_truth_says(dialect: Dialect, flaws: bool):
    organisation = Organisation(OrganisationSpec.small(dialect=dialect, flaws=flaws))
    files, truth = organisation.files(), organisation.truth
    assert truth.records == {key: len(parse(files[key])) - 1 for key in truth.records}
    for key, count in truth.rows.items():
        assert truth.records[key] == count + sum(1 for row in truth.planted if row.key == key)


@pytest.mark.parametrize("dialect", Dialect)
def test_planted_rows_begin_at_the_line_and_record_that_the_truth_names(dialect: Dialect):
    organisation = Organisation(OrganisationSpec.small(dialect=dialect))
    files, truth = organisation.files(), organisation.truth
    for row in truth.planted:
        text = files[row.key].decode("utf-8-sig", errors="surrogateescape")
        reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
        lines_before = [reader.line_num for _ in range(row.record) if next(reader)]
        assert lines_before[-1] + 1 == row.line
        here = next(reader)
        header = [normal_form(name) for name in parse(files[row.key])[0]]
        assert row.column in (None, *header)
        assert (len(here) != len(header)) == (row.column is None or "never closed" in row.why)


def test_each_planted_fault_can_be_seen_on_its_line():
    seen = {
        "as the article masks them": "1731xxx, ",
        "a date that does not exist": "Feb-30-2026 9:40:20 pm UTC",
        "an amount that no account can spend": ", 600000000, ",
        "a month that does not exist": ", 13, 2026, ",
        "one cell more": ", surplus",
        "not UTF-8": "caf\\xe9",
        "a flag that is neither": "maybe",
        "a score that is not a number": "ten",
    }
    assert all(text in planted_line(why) for why, text in seen.items())
    cut = planted_line("never closed")
    assert cut.count('"') % 2 == 1
    assert (
        FILES[next(row.key for row in TRUTH.planted if "never closed" in row.why)]
        .decode()
        .endswith(cut + "\n")
    )


def test_a_short_row_puts_values_under_the_wrong_names_as_in_the_articles_examples():
    for name, under, pattern in (
        ("grades", "isoverride", r"\d{6}"),
        ("enrollment", "name", ".*@.*"),
    ):
        row = next(row for row in TRUTH.planted if "short" in row.why and dataset(row.key) == name)
        cells = parse(FILES[row.key])[row.record]
        assert len(cells) == len(HEADERS[name]) - 1
        assert re.fullmatch(pattern, cells[HEADERS[name].index(under)])


def test_no_file_has_more_than_twenty_planted_rows():
    keys = [row.key for row in TRUTH.planted]
    assert len(keys) == len({(row.key, row.line) for row in TRUTH.planted}) >= 20
    assert max(map(keys.count, keys)) <= 20


def test_without_flaws_nothing_is_planted_and_no_file_is_unusual():
    organisation = Organisation(OrganisationSpec.small(flaws=False))
    truth = organisation.truth
    assert (truth.planted, truth.oddities) == ((), ())
    assert truth.records == truth.rows
    assert organisation.files().keys() == truth.records.keys()


def test_the_unusual_files_match_their_descriptions():
    usual = [normal_form(name) for name in HEADERS["lab_sessions"]]
    other_order = [normal_form(name) for name in parse(FILES[ODD["columns in another order"]])[0]]
    more = [normal_form(name) for name in parse(FILES[ODD["an unannounced column: Region"]])[0]]
    short = parse(FILES[ODD["rows without their last two cells, and the unknown lab type Quantum"]])
    assert other_order != usual and sorted(other_order) == sorted(usual)
    assert [name for name in more if name != "region"] == usual != more
    assert {len(cells) for cells in short} == {18, 20}
    assert "Quantum" in short[1]
    assert len(parse(FILES[ODD["a header and no rows"]])) == 1


def test_files_of_no_dataset_are_in_the_bucket_and_not_in_the_records():
    strays = {"org9001/cloud_spend/gcp/gcp_cost_2026-11-01.csv", "org9001/lab_sessions/README.txt"}
    assert FILES.keys() - TRUTH.records.keys() == strays
    assert strays <= {oddity.key for oddity in TRUTH.oddities}


def test_the_articles_dialect_has_its_blanks_quotes_times_and_durations():
    text = "\n".join(
        body.decode(errors="replace")
        for key, body in FILES.items()
        if "/lab_sessions_2026-10" in key
    )
    assert re.search(r'Cloud,"Oct-\d\d-2026 \d{1,2}:\d\d:\d\d [ap]m UTC", "Oct-', text)
    assert re.search(
        r', 120\.03333333333," START successful; CFN creation successful; END successful \(Session',
        text,
    )
    assert ',,"Oct-' in text  # the empty tags
    assert '(User says:\n""done, thanks"")"' in text


def test_names_have_commas_quotes_and_letters_beyond_ascii():
    names = {
        row[3]
        for key, body in FILES.items()
        if dataset(key) == "enrollment"
        for row in parse(body)[1:]
    }
    assert {"Müller, Jürgen", 'Zoë "Zo" Brien, Jr.'} <= names


def test_whatever_its_last_day_each_daily_dataset_has_a_file_of_it() -> None:
    """Tests let it end yesterday: an older newest file would be late, on some dates only."""
    for days in range(0, 366, 3):
        last = date(2026, 12, 1) + timedelta(days=days)
        files = Organisation(OrganisationSpec.small(last_day=last)).files()
        with_file = {dataset(key) for key in files if key.endswith(f"_{last}.csv")}
        assert {"lab_sessions", "aws_cost", "azure_cost"} <= with_file, (last, with_file)
