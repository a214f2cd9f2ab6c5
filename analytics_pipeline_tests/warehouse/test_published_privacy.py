"""What must never be in the published file."""

import duckdb

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.export_parquet import export_parquet
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline_tests.support.published_file import (
    publish_from,
    published_columns,
    published_rows,
    relations,
)


def private_values(settings: Settings) -> set[str]:
    """Return every email and name in the warehouse, and the text of logs."""
    with open_warehouse(settings.warehouse_path) as connection:
        return {
            value
            for (value,) in connection.execute(
                """SELECT user_email FROM raw.lab_sessions UNION SELECT user_email FROM raw.aws_cost
                   UNION SELECT email FROM raw.enrollment UNION SELECT name FROM raw.enrollment
                   UNION SELECT log FROM raw.lab_sessions"""
            ).fetchall()
            if value
        }


def test_no_private_value_is_in_any_cell_or_byte_of_it(settings: Settings) -> None:
    publish_from(settings)
    values = private_values(settings)
    assert len(values) > 50, "the organisation has emails, names and logs to look for"
    for table in relations(settings.published_path):
        with duckdb.connect(str(settings.published_path), read_only=True) as connection:
            for row in connection.execute(f"FROM {table}").fetchall():
                assert not values.intersection(map(str, row)), f"{table} holds a private value"
    content = settings.published_path.read_bytes()
    emails = {value for value in values if "@" in value}
    assert not [email for email in emails if email.encode() in content], (
        "an email is in the bytes of the file"
    )


def test_private_columns_are_published_on_request_and_quarantine_never(settings: Settings) -> None:
    publish_from(settings, pii=True)
    columns = published_columns(settings.published_path)
    assert "raw.enrollment.email" in columns
    assert "raw.lab_sessions._extra" in columns
    assert not [column for column in columns if column.startswith(("quarantine.", "ops.erased."))]


def test_an_email_in_an_open_column_is_not_in_the_views_either(settings: Settings) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("UPDATE marts.course_summary SET course_name = 'someone@example.edu'")
        emptied = publish(connection, settings.published_path, pii=False).emptied
    assert emptied["marts.course_summary.course_name"] > 0
    assert published_rows(
        settings.published_path, "SELECT count(course_name) FROM course_summary"
    ) == [(0,)]


def test_an_email_that_a_shifted_row_moved_into_an_open_column_is_published_nowhere_and_counted(
    settings: Settings,
) -> None:
    email = "shifted.student@uni.example.org"
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(
            "UPDATE raw.enrollment SET client_key = ? WHERE rowid = (SELECT min(rowid) FROM"
            " raw.enrollment)",
            [email],
        )
        connection.execute(
            "UPDATE marts.course_summary SET course_name = ? WHERE course_name IS NOT NULL", [email]
        )
        before = connection.execute(
            "SELECT count(*), count(client_key) FROM raw.enrollment"
        ).fetchone()
        done = publish(connection, settings.published_path, pii=False)
        files = export_parquet(connection, settings.data_dir / "exports")
    assert done.emptied["raw.enrollment.client_key"] == 1
    assert done.emptied["marts.course_summary.course_name"] > 0
    assert any("raw.enrollment.client_key (1)" in line for line in done.withheld), done.withheld
    assert email.encode() not in settings.published_path.read_bytes()
    with duckdb.connect() as connection:
        holding = (
            "SELECT count(*) FROM read_parquet(?) AS exported WHERE"
            " contains(to_json(exported)::VARCHAR, ?)"
        )
        found = {
            name: connection.execute(holding, [str(path), email]).fetchall()[0][0]
            for name, path in files.items()
        }
    assert found == dict.fromkeys(files, 0), "bytes are compressed, so cells are searched"
    [(total, kept)] = published_rows(
        settings.published_path, "SELECT count(*), count(client_key) FROM raw.enrollment"
    )
    assert before is not None
    assert (total, kept) == (
        before[0],
        before[1] - 1,
    ), "the row stays, and no other cell is emptied"
    [(emptied,)] = published_rows(settings.published_path, "SELECT emptied FROM ops.published")
    assert {"column": "raw.enrollment.client_key", "cells": 1} in emptied
