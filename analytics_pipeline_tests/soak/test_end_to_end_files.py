"""Thousands of odd and damaged files of every dataset through every stage, by seeds and by
hypothesis.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest import quarantine_limit
from analytics_pipeline.warehouse import held_versions
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.support import csv_factory
from analytics_pipeline_tests.support.deliveries import HEADER
from analytics_pipeline_tests.support.end_to_end import wrong_in_the_tables
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse

FIRST, FILES, AT_A_TIME = 1_000, 240, 40
EXAMPLES = 60


@pytest.fixture(autouse=True)
def every_file_is_loaded(monkeypatch: pytest.MonkeyPatch):
    """Compare small, mostly damaged files row by row too, whatever their days and rows are."""
    monkeypatch.setattr(quarantine_limit, "MAX_REJECTS", 10**9)
    monkeypatch.setattr(held_versions, "_find_absence", lambda *_: None)
    monkeypatch.setattr(held_versions, "misdated", lambda *_: None)


def at_a_time(dataset: Dataset) -> int:
    """Return files of a dataset for one load; only one if the dataset has one file for the whole
    organisation.
    """
    return AT_A_TIME if csv_factory.key(dataset, 0) != csv_factory.key(dataset, 1) else 1


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("dataset", csv_factory.EVERY, ids=lambda dataset: dataset.name)
def test_the_tables_hold_exactly_the_files_content(tmp_path: Path, dataset: Dataset):
    warehouse, step, records = Warehouse(tmp_path), at_a_time(dataset), 0
    last = FIRST + (FILES if step > 1 else FILES // 4)
    for first in range(FIRST, last, step):
        bodies = {
            csv_factory.key(dataset, seed): csv_factory.make(dataset, seed)
            for seed in range(first, first + step)
        }
        wrong, compared = wrong_in_the_tables(warehouse, dataset, bodies, f"e{first}")
        assert wrong is None, f"seeds from {first}: {wrong}"
        records += compared
    note(
        f"Odd and damaged files of {dataset.name} loaded into the tables",
        f"{last - FIRST} files; loaded + quarantined = the {records:,} records that an independent"
        " reader counts, each value as it says",
    )


CELLS = st.one_of(
    st.sampled_from(sorted({cell for cells in csv_factory.CELLS.values() for cell in cells})),
    st.text(max_size=20),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.floats().map(repr),
    st.integers().map(str),
    st.datetimes().map(lambda moment: moment.strftime("%b-%d-%Y %I:%M:%S %p UTC")),
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("dataset", csv_factory.EVERY, ids=lambda dataset: dataset.name)
def test_any_value_in_any_cell_is_kept_exactly_or_quarantined(dataset: Dataset):
    width = HEADER[dataset.name].count(",") + 1
    quoted = CELLS.map(lambda cell: '"' + cell.replace('"', '""') + '"')
    rows = st.lists(st.lists(quoted, min_size=width, max_size=width).map(",".join), max_size=4).map(
        "\n".join
    )

    @given(bodies=st.lists(rows, min_size=1, max_size=at_a_time(dataset)))
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
    def holds(bodies: list[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = {
                csv_factory.key(dataset, number): (
                    (HEADER[dataset.name] + body).encode("utf-8", "surrogatepass")
                )
                for number, body in enumerate(bodies)
            }
            wrong, _ = wrong_in_the_tables(Warehouse(Path(folder)), dataset, files, "e1")
            assert wrong is None, wrong

    holds()
