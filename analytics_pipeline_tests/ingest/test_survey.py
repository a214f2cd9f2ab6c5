"""Files that DuckDB's reader is not trusted with are noticed."""

from pathlib import Path

import pytest

from analytics_pipeline.ingest.csv.survey import is_read_whole, survey
from analytics_pipeline.ingest.csv.tolerant_reader import MAX_LINE, read_records


@pytest.mark.parametrize(("body", "records", "whole"), [
    ("a,b\n1,2\n", 1, True),
    ("a,b\n1,2", 1, True),
    ("a,b\n\n1,2\n \n", 1, True),
    ('a,b\n1,"x\ny"\n', 1, True),
    ('a,b\n1,"x\n', 0, False),
    ('a,b\n1,2\n1,"x', 1, False),
    ('a,b\n1,  "x"\n', 1, False),
    ('a,b\r "', 0, False),
    ('a,b\r1,2\r\n1,"x', 1, False),
    ('a,b\r\n1,2\r\n', 1, True),
])  # fmt: skip
def test_a_record_that_duckdb_did_not_see_is_noticed(
    tmp_path: Path, body: str, records: int, whole: bool
):
    path = tmp_path / "a.csv"
    path.write_text(body, newline="")
    assert left_to_duckdb(path, records) is whole


def left_to_duckdb(path: Path, records: int) -> bool:
    surveyed = survey(path)
    return surveyed.trusted and is_read_whole(path, surveyed, records)


def test_quotes_and_blanks_over_a_block_border_are_noticed(tmp_path: Path):
    path = tmp_path / "a.csv"
    for back in range(6):
        lines, odd = divmod((1 << 20) - back - len("a,b\n" + "1,\n"), len("1,2\n"))
        before = "a,b\n" + "1,2\n" * lines + f"1,{'x' * odd}\n"
        path.write_text(f'{before},  "x"\n')
        assert not left_to_duckdb(path, lines + 2), (
            f"two blanks and a quote, {back} characters before the border"
        )
        path.write_text(f'{before},"y\n""z"\n\n')
        assert left_to_duckdb(path, lines + 2), (
            f"a quoted line end, {back} characters before the border"
        )


@pytest.mark.parametrize("back", range(4))
def test_a_line_end_of_two_bytes_over_a_block_border_is_one(tmp_path: Path, back: int):
    path = tmp_path / "a.csv"
    before = "a,b\n" + "1,2\n" * ((1 << 18) - 2)
    body = before + "1,2345\r\n"[back:] + "1,2\n"
    path.write_text(body, newline="")
    assert survey(path).trusted
    path.write_text(body.replace("\r\n", "\r"), newline="")
    assert not survey(path).trusted


@pytest.mark.parametrize(("length", "trusted"), [(4_000, True), (8_192, False), (3_000_000, False)])
def test_a_file_with_a_long_line_is_not_left_to_duckdb(tmp_path: Path, length: int, trusted: bool):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 1_000 + "x" * length + "\n" + "1,2\n" * 1_000)
    assert survey(path).trusted is trusted


@pytest.mark.parametrize("short_of", range(3))
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_long_line_is_one_line_wherever_it_is_cut(tmp_path: Path, pieces: int, short_of: int):
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\r\n1,{'x' * (pieces * MAX_LINE - 2 - short_of)}\r\n1,2\r\n", newline="")
    assert [record.line for record in read_records(path)] == [1, 2, 3]
