"""Removing people from delivered files: only their records go, and every other byte stays."""

from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.csv.tolerant_reader import cell_spans, read_records
from analytics_pipeline.ingest.erase import Redacted, erase_in_file
from analytics_pipeline.ingest.people import People, hashed

GRADES = (
    "courseid,coursename,asnid,asnname,ispeerreviewon,maxscore,userid,partnerid,asnscore,isoverride,"
    "partid,partname,partscore,rubricid,rubricname,rubricscore,graderid"
)
ENROLLMENT = (
    "userid, courseid, role, name, email, client_key, client_userid, dropped,"
    " organization_terms_agreed, organization_terms_agreed_date_utc"
)
ANN = People(frozenset([42]), frozenset(["ann@example.edu"]))


def _enrolled(
    user: str, name: str = '"Ann, A."', email: str = "ann@example.edu", course: str = "5"
) -> str:
    return f"{user}, {course}, student, {name}, {email}, key, 1, 0, 1, 2022-01-01 00:00:00"


def _graded(user: int, partner: str = "", grader: str = "") -> str:
    return f'5,"A ""quoted"", course",6,"Two\nlines",0,10,{user},{partner},8,0,7,P,8,9,R,8,{grader}'


def _erase(path: Path, dataset: str, content: str | bytes) -> tuple[Redacted, bytes]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    redacted = erase_in_file(path, DATASETS[dataset], ANN)
    return redacted, path.read_bytes() if path.exists() else b""


@pytest.mark.parametrize("written", ["42.0", "+42", "0042.00", "\t42", "\u00a042\u200b"])
def test_an_id_is_found_in_every_form_in_which_it_would_load(tmp_path: Path, written: str) -> None:
    content = "\n".join([ENROLLMENT, _enrolled("7"), _enrolled(written), ""])
    assert _erase(tmp_path / "a.csv", "enrollment", content)[0] == Redacted(records=1)
    emptied = "\n".join([GRADES, _graded(7, written), ""])
    assert _erase(tmp_path / "b.csv", "grades", emptied)[0] == Redacted(cells=1)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_the_persons_records_go_and_all_other_bytes_stay(
    tmp_path: Path, end: str, bom: str
) -> None:
    others = [
        bom + ENROLLMENT,
        _enrolled("7", "Bo", "bo@example.edu"),
        _enrolled(" 8 ", '"C, D"', "c@d"),
        _enrolled("142"),
    ]
    lines = [
        *others[:2],
        _enrolled("42"),
        others[2],
        _enrolled("042"),
        others[3],
        _enrolled("42", course="6"),
    ]
    redacted, left = _erase(tmp_path / "a.csv", "enrollment", end.join(lines) + end)
    assert redacted == Redacted(records=3)
    assert left.decode() == end.join(others) + end


def test_a_number_of_another_kind_that_equals_the_id_is_kept(tmp_path: Path) -> None:
    content = "\n".join([ENROLLMENT, _enrolled("7", "Bo", "bo@example.edu", course="42"), ""])
    assert _erase(tmp_path / "a.csv", "enrollment", content) == (Redacted(), content.encode())


def test_a_cell_that_names_the_person_in_another_persons_record_is_emptied(tmp_path: Path) -> None:
    before = "\n".join([GRADES, _graded(7, "42", "42"), _graded(8, "9", "42"), _graded(9, "8"), ""])
    after = "\n".join([GRADES, _graded(7), _graded(8, "9"), _graded(9, "8"), ""])
    redacted, left = _erase(tmp_path / "a.csv", "grades", before)
    assert redacted == Redacted(cells=3)
    assert left.decode() == after
    assert [len(record.cells) for record in read_records(tmp_path / "a.csv")] == [17, 17, 17, 17]


@pytest.mark.parametrize(
    "damaged",
    [
        _enrolled("abc"),
        _enrolled(""),
        '42, 5, student, "Ann" A., x',
        f"{_enrolled('7', 'Bo', 'b@c')}, 42",
        'x, 5, student, "Ann, ANN@example.edu, k',
    ],
    ids=["no number", "empty id", "text behind a quote", "too wide", "open quote"],
)
def test_a_record_without_a_trusted_id_is_matched_by_any_cell_or_email(
    tmp_path: Path, damaged: str
) -> None:
    others = [ENROLLMENT, _enrolled("7", "Bo", "bo@example.edu")]
    redacted, left = _erase(tmp_path / "a.csv", "enrollment", "\n".join([*others, damaged, ""]))
    assert redacted == Redacted(records=1)
    assert left.decode() == "\n".join([*others, ""])


def test_with_only_the_id_known_the_file_provides_the_email_of_damaged_records(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    bo = _enrolled("7", "Bo", "bo@example.edu")
    path.write_text(
        "\n".join([ENROLLMENT, _enrolled("4x"), bo, _enrolled("42"), '"open, ann@example.edu', ""])
    )
    assert erase_in_file(path, DATASETS["enrollment"], People(frozenset([42]))) == Redacted(
        records=3
    )
    assert path.read_text() == "\n".join([ENROLLMENT, bo, ""])


def test_a_damaged_record_of_somebody_else_is_kept_byte_by_byte(tmp_path: Path) -> None:
    lines = [
        ENROLLMENT.encode(),
        b'7, 5, "caf\xe9" x, bo@example.edu',
        b"1425, 5",
        _enrolled("42").encode(),
        b"",
    ]
    redacted, left = _erase(tmp_path / "a.csv", "enrollment", b"\n".join(lines))
    assert redacted == Redacted(records=1)
    assert left == b"\n".join([*lines[:3], b""])


@pytest.mark.parametrize(
    ("content", "removed"),
    [
        (b"<html>ann@example.edu</html>", True),
        (b"userid\n42\n", True),
        ("userid,courseid\n7,5\n".encode("utf-16"), True),
        (b"\x1f\x8b\x08\x00\x00", True),
        (b"<html>Service unavailable</html>", False),
    ],
    ids=[
        "HTML with the email",
        "a header too short",
        "UTF-16",
        "gzip",
        "HTML without a sign of them",
    ],
)
def test_an_unreadable_file_is_deleted_whole_if_it_may_hold_the_person(
    tmp_path: Path, content: bytes, removed: bool
) -> None:
    redacted, left = _erase(tmp_path / "a.csv", "enrollment", content)
    assert (redacted.removed, left) == (removed, b"" if removed else content)


def test_a_dry_run_counts_the_same_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    content = "\n".join([GRADES, _graded(42), _graded(7, "42"), ""])
    path.write_text(content)
    told = erase_in_file(path, DATASETS["grades"], ANN, dry_run=True)
    assert (told, path.read_text()) == (Redacted(records=1, cells=1), content)
    assert erase_in_file(path, DATASETS["grades"], ANN) == told


def test_the_file_stays_private_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    _erase(tmp_path / "a.csv", "enrollment", f"{ENROLLMENT}\n{_enrolled('42')}\n")
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [
        ("a.csv", 0o600)
    ]


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("?, king@example", True),
        ("wrote to king@example.", True),
        ("<KING@example>", True),
        ("?, king@example.org", False),
        ("?, king@example-x", False),
        ("?, a.king@example", False),
    ],
)
def test_a_record_of_another_address_that_begins_or_ends_alike_is_not_theirs(
    text: str, theirs: bool
):
    assert People(frozenset([7]), frozenset(["king@example"])).in_text(text) is theirs


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_their_email_is_replaced_in_other_peoples_texts_and_every_other_byte_stays(
    tmp_path: Path, end: str
):
    """In quotes, over lines, in an announced and an unannounced column; the address of somebody
    else stays.
    """
    header = ENROLLMENT + ", Note"
    before = (
        ' 7, 5, student,  "Bo ""B"", wrote to ANN@example.edu." , bo@example.edu,k,1, 0,1,,'
        ' "see{}ann@example.edu, not ann@example.edu.au"'
    )
    after = (
        ' 7, 5, student,  "Bo ""B"", wrote to [erased]." , bo@example.edu,k,1, 0,1,,'
        ' "see{}[erased], not ann@example.edu.au"'
    )
    redacted, left = _erase(
        tmp_path / "a.csv", "enrollment", end.join([header, before.format(end), ""])
    )
    assert redacted == Redacted(cells=2)
    assert left.decode() == end.join([header, after.format(end), ""])


def test_their_id_leaves_unannounced_id_columns_and_unreadable_mentions_of_other_peoples_rows(
    tmp_path: Path,
):
    header = GRADES + ",Second Partner ID,Minutes"
    before = "\n".join([header, f"{_graded(7, '42;43')},42.0,42", ""])
    after = "\n".join([header, f"{_graded(7)},,42", ""])
    redacted, left = _erase(tmp_path / "a.csv", "grades", before)
    assert (redacted, left.decode()) == (Redacted(cells=2), after), "42 minutes are no id"


def test_damaged_records_are_recognised_by_salted_hashes_of_the_emails(tmp_path: Path):
    path = tmp_path / "a.csv"
    bo = _enrolled("7", "Bo", "bo@example.edu")
    path.write_text(
        "\n".join(
            [
                ENROLLMENT,
                _enrolled("4x", email="Ann@Example.edu"),
                bo,
                _enrolled("8", "see 'ann@example.edu'.", "c@d"),
                "",
            ]
        )
    )
    people = People(
        frozenset([42]), hashes=frozenset([hashed("ann@example.edu", "salt")]), salt="salt"
    )
    assert erase_in_file(path, DATASETS["enrollment"], people) == Redacted(records=1, cells=1)
    assert path.read_text() == "\n".join(
        [ENROLLMENT, bo, _enrolled("8", "see '[erased]'.", "c@d"), ""]
    )
    other_salt = People(frozenset([42]), hashes=people.hashes, salt="pepper")
    path.write_text(f"{ENROLLMENT}\n{_enrolled('4x')}\n")
    assert erase_in_file(path, DATASETS["enrollment"], other_salt) == Redacted()


@given(st.lists(st.text(alphabet=' ab@",\t\n\u00e9', max_size=6), min_size=1, max_size=5))
def test_the_spans_of_a_sound_record_are_its_cells(cells: list[str]):
    quoted = (f' "{cell.replace(chr(34), chr(34) * 2)}" ' for cell in cells)
    with NamedTemporaryFile("w", encoding="utf-8", newline="") as file:
        file.write(",".join(quoted) + "\n")
        file.flush()
        (record,) = read_records(Path(file.name))
    spans = cell_spans(record.raw)
    assert len(spans) == record.delivered
    assert ",".join(record.raw[span] for span in spans) == record.raw
    shown = [record.raw[span].strip(" \t")[1:-1].replace('""', '"') for span in spans]
    assert shown[: len(record.cells)] == record.cells
