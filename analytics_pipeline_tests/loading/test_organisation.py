"""A whole simulated organisation, in every dialect: planted faults are quarantined, everything else
is loaded.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_pipeline.datasets import FEED
from analytics_pipeline.demo.organisation import Dialect, Organisation, OrganisationSpec
from analytics_pipeline.demo.organisation.table import HEADERS
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.quality import unaccounted
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse

AFTERWARDS = 365
"""Nights from the first to one after the whole simulation: none of its times may lie in the files'
future."""
USUAL = ((Dialect.ARTICLE, True), (Dialect.BOM_CRLF, False))
MODES = [
    pytest.param(
        (dialect, padded),
        id=f"{dialect}{'' if padded else ' unpadded'}",
        marks=[] if (dialect, padded) in USUAL else [pytest.mark.thorough],
    )
    for dialect in Dialect
    for padded in (True, False)
]


def load(organisation: Organisation, folder: Path) -> Warehouse:
    warehouse = Warehouse(folder)
    bodies = {key.removeprefix("org9001/"): body for key, body in organisation.files().items()}
    known = {
        key: body for key, body in bodies.items() if f"org9001/{key}" in organisation.truth.records
    }
    results = warehouse.load(warehouse.deliver(known, night=AFTERWARDS))
    assert [str(result.failure) for result in results if result.failure] == []
    return warehouse


@pytest.fixture(scope="module", params=MODES)
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Organisation, Warehouse]:
    dialect, padded = request.param
    organisation = Organisation(OrganisationSpec.small(dialect=dialect, padded=padded))
    return organisation, load(organisation, tmp_path_factory.mktemp("organisation"))


def by_key(warehouse: Warehouse, column: str) -> dict[str, int]:
    return dict(warehouse.query(f"SELECT source_key, {column} FROM ops.loaded_files"))


@pytest.mark.first_forms(1)
def test_every_planted_record_is_in_quarantine_under_its_line_and_no_other(
    loaded: tuple[Organisation, Warehouse],
):
    assert_quarantine_is_what_was_planted(*loaded)


@pytest.mark.thorough
def test_records_add_up_on_a_day_whose_fullest_row_spans_lines(tmp_path: Path):
    organisation = Organisation(OrganisationSpec.small(last_day=date(2026, 11, 26)))
    assert_quarantine_is_what_was_planted(organisation, load(organisation, tmp_path))


def assert_quarantine_is_what_was_planted(organisation: Organisation, warehouse: Warehouse) -> None:
    planted = {(flaw.key, flaw.line) for flaw in organisation.truth.planted}
    found = {
        tuple(row) for row in warehouse.query("SELECT source_key, line FROM quarantine.rejects")
    }
    assert found == planted, (
        f"not caught: {planted - found}; caught without need: {found - planted}"
    )
    assert len(planted) > 15


def test_the_reasons_name_the_planted_column(loaded: tuple[Organisation, Warehouse]):
    organisation, warehouse = loaded
    rows = warehouse.query(
        "SELECT source_key, line, list_transform(reasons, lambda reason: reason.column) FROM"
        " quarantine.rejects"
    )
    columns = {(key, line): set(named) for key, line, named in rows}
    wrong = {
        (flaw.key, flaw.line, flaw.why): columns[flaw.key, flaw.line]
        for flaw in organisation.truth.planted
        if flaw.column and not columns[flaw.key, flaw.line] & {flaw.column, "*"}
    }
    assert wrong == {}


def test_the_raw_text_of_a_reject_is_at_its_line_of_the_file(
    loaded: tuple[Organisation, Warehouse],
):
    organisation, warehouse = loaded
    files = organisation.files()
    rejects = warehouse.query("SELECT source_key, line, raw FROM quarantine.rejects")
    assert len(rejects) == len(organisation.truth.planted) > 0
    for key, line, raw in rejects:
        text = files[key].decode("utf-8-sig", "backslashreplace").split("\n")
        assert raw.split("\n")[0].rstrip("\r") == text[line - 1].rstrip("\r"), (key, line)


def test_records_and_rows_of_each_file_are_the_generators(loaded: tuple[Organisation, Warehouse]):
    organisation, warehouse = loaded
    assert by_key(warehouse, "records") == organisation.truth.records
    assert by_key(warehouse, "rows") == organisation.truth.rows


def test_loaded_and_quarantined_are_the_records_of_every_file(
    loaded: tuple[Organisation, Warehouse],
):
    organisation, warehouse = loaded
    with open_warehouse(warehouse.path) as connection:
        for name in HEADERS:
            dataset = FEED[name]
            keys = [
                key
                for (key,) in connection.execute(
                    "SELECT source_key FROM ops.loaded_files WHERE dataset = ?", [name]
                ).fetchall()
            ]
            assert keys, f"no file of {name}"
            assert unaccounted(connection, dataset, keys) == []
            counted = connection.execute(
                f"SELECT _source_key, count(*) FROM {dataset.table} GROUP BY 1"
            ).fetchall()
            assert dict(counted) == {
                key: organisation.truth.rows[key] for key in keys if organisation.truth.rows[key]
            }


def test_the_costs_add_up_to_the_written_ones(loaded: tuple[Organisation, Warehouse]):
    organisation, warehouse = loaded
    aws = [entry for entry in organisation.truth.observable_daily_spend if entry.provider == "aws"]
    spent: dict[tuple[int, int, str | None], Decimal] = {}
    for entry in sorted(aws, key=lambda entry: entry.spend_date):
        series = entry.user_id, entry.part_id, entry.aws_account_id
        # The newest file's value no longer contains the spend before a restart.
        spent[series] = entry.cost + (0 if entry.is_reset else spent.get(series, Decimal(0)))
    newest = warehouse.query(
        "SELECT user_id, part_id, aws_account_id, cost FROM raw.aws_cost WHERE file_date = (SELECT"
        " max(file_date) FROM raw.aws_cost)"
    )
    assert newest
    assert {
        (user, part, account): cost for user, part, account, cost in newest
    }.items() <= spent.items()


@pytest.mark.slow
def test_every_dialect_gives_the_same_rows(tmp_path: Path):
    found = []
    for dialect in Dialect:
        warehouse = Warehouse(tmp_path / dialect)
        bodies = Organisation(OrganisationSpec.small(dialect=dialect)).files()
        warehouse.load(
            warehouse.deliver(
                {
                    key.removeprefix("org9001/"): body
                    for key, body in bodies.items()
                    if "gcp" not in key and not key.endswith(".txt")
                }
            )
        )
        tables = {
            name: rows for name, rows in warehouse.contents().items() if name.startswith("raw.")
        }
        # A line end inside a quoted cell is unchanged.
        found.append(
            {
                name: [tuple(str(cell).replace("\r\n", "\n") for cell in row) for row in rows]
                for name, rows in tables.items()
            }
        )
    assert found[0] == found[1] == found[2]
