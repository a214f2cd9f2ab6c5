"""Rows whose cells may be shifted: no private value reaches an open column."""

import json
from pathlib import Path

import pytest

from analytics_pipeline_tests.support.deliveries import batch

PLAIN_ENROLLMENT = (
    "userid,courseid,role,name,email,client_key,client_userid,dropped,"
    "organization_terms_agreed,organization_terms_agreed_date_utc"
)
SHIFTED = "5,4051,student,King, Planted,king@example.org,,,0,1,{end}"
PLAIN = "{user},4051,student,Queen,queen@example.org,,,0,1,{end}"


@pytest.mark.parametrize(
    "quoted", [False, True], ids=["DuckDB reads it", "the tolerant reader reads it"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_row_whose_empty_end_was_cut_is_treated_as_a_short_row(
    tmp_path: Path, end: str, quoted: bool
):
    """An unquoted comma in a name moves the email into client_key.

    DuckDB drops the empty cell after the header's in silence.
    """
    others = [PLAIN.format(user=6, end=end), PLAIN.format(user=7, end=f",,{end}")]
    damaged = ['8,4051,student,"open'] if quoted else []
    read = batch(
        tmp_path,
        "enrollment",
        PLAIN_ENROLLMENT + end + "".join([*others, SHIFTED.format(end=end), *damaged]),
    )
    assert read.rows["userid"].to_list() == [6, 7], "rows that merely end in commas load"
    assert read.rows["client_key"].to_list() == [None, None]
    (reasons,) = read.rejects.filter(read.rejects["line"] == 4)["reasons"].to_list()
    shifted = (
        "it should be an email address, and the row is not as wide as the header, so it may be"
        " shifted"
    )
    assert {"column": "email", "reason": shifted} in reasons


def enrolled(folder: Path, row: str) -> dict[str, object]:
    """Return the only row of an enrollment file that has this one, with its `_extra` as a dict."""
    read = batch(folder, "enrollment", f"{PLAIN_ENROLLMENT}\n{row}\n")
    assert read.rows.height == 1, read.rejects
    (found,) = read.rows.iter_rows(named=True)
    return {**found, "_extra": json.loads(found["_extra"] or "{}")}


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        (
            "5,4051,student,King,Jr,Planted,k@example.org,0,1,",
            {"client_key": "Planted", "client_userid": "k@example.org"},
        ),
        ("5,4051,student,King,Planted,,,0,1,", {}),
        ("5,4051,student,King,Jr,Planted,,0,1,", {"client_key": "Planted"}),
        ("5,4051,King,k@example.org,key,7,0,1,,", {"role": "King", "client_key": "7"}),
    ],
    ids=["two commas", "no email and one comma", "no email and two commas", "no role"],
)
def test_a_name_that_is_shifted_in_a_row_of_full_width_reaches_no_open_column(
    tmp_path: Path, row: str, kept: dict[str, str]
):
    found = enrolled(tmp_path, row)
    texts = {name: found[name] for name in ("role", "client_key", "client_userid")}
    assert not {"King", "Jr", "Planted"} & set(texts.values()), texts
    assert found["_extra"].items() >= kept.items(), "the text is lost"


def test_a_masked_email_costs_its_row_no_role(tmp_path: Path):
    found = enrolled(tmp_path, "5,4051,ta,Queen,hidden,key,7,0,1,")
    assert found["role"] == "ta", "a value that the column lists is no name"
    assert (found["client_key"], found["client_userid"]) == (None, None)
    assert found["_extra"] == {"client_key": "key", "client_userid": "7"}
    found = enrolled(tmp_path, "5,4051,tutor,Queen,q@example.org,key,7,0,1,")
    assert (found["role"], found["client_key"], found["_extra"]) == ("tutor", "key", {})


def test_a_row_as_wide_as_a_header_that_ends_in_commas_is_not_suspect(tmp_path: Path):
    odd = PLAIN.format(user=6, end=",\n").replace("queen@example.org", "queen")
    read = batch(tmp_path, "enrollment", PLAIN_ENROLLMENT + ",\n" + odd)
    assert (read.rows.height, read.files[0].warnings) == (1, 1)
