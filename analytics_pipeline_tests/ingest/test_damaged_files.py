"""Generated and mutated files: nothing crashes or hangs, and an independent reader finds the same
records and cells.

The files come in batches, as in a real run: a few hundred here, ten thousand in `soak/`.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_pipeline.ingest import quarantine_limit
from analytics_pipeline_tests.support.damaged_files import HEADER, NAMES, disagreement, make
from analytics_pipeline_tests.support.reference_parser import Read, read

BATCH = 20


@pytest.fixture(autouse=True)
def no_limit_of_rejects(monkeypatch: pytest.MonkeyPatch):
    """Compare small, mostly damaged files row by row too."""
    monkeypatch.setattr(quarantine_limit, "MAX_REJECTS", 10**9)


@pytest.mark.parametrize(
    "first",
    [
        *range(0, 60, BATCH),
        *(pytest.param(n, marks=pytest.mark.thorough) for n in range(60, 120, BATCH)),
        *(pytest.param(n, marks=pytest.mark.slow) for n in range(120, 240, BATCH)),
    ],
)
def test_both_readers_agree_on_damaged_files(tmp_path: Path, first: int):
    assert (
        found := disagreement(tmp_path, [make(seed) for seed in range(first, first + BATCH)])
    ) is None, found


PIECES = st.lists(
    st.sampled_from(
        [*'",\n\r \t\\a0é\0', '""', '"\n', ' "', '  "', '",', "5,5,student,", ",0,1,\n", "\u00a0"]
    ),
    max_size=40,
).map("".join)


@given(bodies=st.lists(PIECES, min_size=1, max_size=8))
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_both_readers_agree_on_any_text_after_the_header(tmp_path: Path, bodies: list[str]):
    assert (
        found := disagreement(tmp_path, [(HEADER["enrollment"] + body).encode() for body in bodies])
    ) is None, found


@pytest.mark.thorough
@given(bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=8))
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_both_readers_agree_on_any_bytes_after_the_header(tmp_path: Path, bodies: list[bytes]):
    assert (
        found := disagreement(tmp_path, [HEADER["enrollment"].encode() + body for body in bodies])
    ) is None, found


def test_the_generator_produces_each_kind_of_damage():
    """Guard the suite itself: sound, damaged and refused files must all be compared."""
    files = [read(make(seed)) for seed in range(240)]
    damaged = sum(any(record.cells is None for record in records) for records in files)
    sound = sum(
        bool(records)
        and len(records) > 1
        and all(len(record.cells or ()) == len(NAMES) for record in records)
        for records in files
    )
    assert damaged > 20, damaged
    assert sound > 40, sound
    assert sum(not records for records in files) >= 1


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b'a,b\n1,"x\ny"\n2,z', [(1, ("a", "b")), (2, ("1", "x\ny")), (4, ("2", "z"))]),
        (b'a,b\r\n1, "x ""q"" " ,,\r\n\r\n"', [(1, ("a", "b")), (2, ("1", 'x "q"')), (4, None)]),
        (
            b'a,b\n1,"open\n2,3\n1,x"y\n',
            [(1, ("a", "b")), (2, None), (3, ("2", "3")), (4, ("1", 'x"y'))],
        ),
        (b'a,b\r1,"x"y\r\xe9,2', [(1, ("a", "b")), (2, None), (3, None)]),
    ],
)
def test_the_independent_reader_reads_by_the_rule(body: bytes, records: list):
    assert read(body) == [Read(line, cells) for line, cells in records]
