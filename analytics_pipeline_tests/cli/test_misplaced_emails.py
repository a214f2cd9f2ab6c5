"""Files with a person's email where none belongs, through every stage: nobody sees it who may
not.
"""

from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import DATASETS, Person, Privacy
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.warehouse.quality import preview
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.deliveries import HEADER

EMAIL = "king.planted@example.org"
COURSES = HEADER["course_mapping"] + '9001, "Example Org", 4051, "CS 17", New, 12\n'


def holding(folder: Path, text: str) -> list[str]:
    """Return files below a folder that contain a text, byte for byte; without the landing folder
    and the warehouse.
    """
    private = {folder / "warehouse.duckdb"}
    found = (path for path in folder.rglob("*") if path.is_file() and path not in private)
    return [
        path.relative_to(folder).as_posix()
        for path in found
        if folder / "landing" not in path.parents and text.encode() in path.read_bytes()
    ]


def published(data: Path) -> str:
    """Return every cell of the published file as text, because DuckDB compresses what a byte search
    would look for.
    """
    with duckdb.connect(str(data / "analytics.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name || '.\"' || table_name || '\"' FROM duckdb_tables()"
        ).fetchall()
        return "\n".join(repr(connection.execute(f"FROM {name}").fetchall()) for (name,) in names)


@pytest.mark.thorough
def test_a_file_without_a_header_never_reveals_the_email_used_as_lms_id(
    run: Run, demo: DemoVocareum, data: Path
):
    rows = (
        f'{{}}, 4051, student, "King", {EMAIL}, k, {EMAIL}, 0.0, 1.0, Jan-09-2026 9:00:00 am UTC\n'
    )
    demo.put_many(
        {
            "org9001/course-asn_mapping/course_mapping.csv": COURSES.encode(),
            "org9001/enrollment/course4051/enrollment.csv": (
                (rows.format(5) + rows.format(6)).encode()
            ),
        }
    )
    said = [
        run(*command).output
        for command in (("sync",), ("status",), ("quarantine", "list"), ("publish",))
    ]
    assert holding(data, EMAIL) == []
    assert EMAIL not in "".join(said)
    told = published(data)
    assert "the header lacks userid, courseid" in told, "the failure is published with its reason"
    assert EMAIL not in told


def test_a_time_of_one_person_is_no_open_value():
    open_times = {
        (dataset.name, column.name)
        for dataset in DATASETS.values()
        if dataset.columns_of(Person.SUBJECT)
        for column in dataset.columns
        if column.sql_type == "TIMESTAMP" and column.privacy is Privacy.OPEN
    }
    assert open_times == {("aws_cost", "file_updated_time")}, "that is the time of the file"


@pytest.mark.thorough
def test_no_row_about_a_person_is_previewed_in_the_ui(run: Run, demo: DemoVocareum, data: Path):
    """Its LMS key may hold an email, and so may the name of a course."""
    shifted = f"5, 4051, student, King, k@example.org, {EMAIL}, , 0, 1, \n"
    taught = f'9001, "Example Org", 4052, "CS by {EMAIL}", New, 4051\n'
    demo.put_many(
        {
            "org9001/course-asn_mapping/course_mapping.csv": (COURSES + taught).encode(),
            "org9001/enrollment/course4051/enrollment.csv": (
                (HEADER["enrollment"] + shifted).encode()
            ),
        }
    )
    run("sync")
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT client_key FROM raw.enrollment").fetchall() == [(EMAIL,)]
        key = "org9001/course-asn_mapping/course_mapping.csv"
        shown = preview(connection, DATASETS["course_mapping"], key)
    assert shown and (len(shown.rows), shown.emptied) == (2, {"course_name": 1})
    counted = ui_metadata.preview(shown)["emptied_in_preview"].records
    assert [record.data for record in counted] == [
        {"column": "course_name", "cells with an email": 1}
    ]
    assert holding(data, "emptied_in_preview"), "the UI does not tell it"
    assert [path for path in holding(data, EMAIL) if path.startswith("dagster/")] == []
    assert [path for path in holding(data, "CS 17") if path.startswith("dagster/")] != [], (
        "no dataset has a preview"
    )
