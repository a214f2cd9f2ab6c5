"""Erasing a person: gone from every table, file and byte, and nobody else is."""

import json

import pytest

from analytics_pipeline.operations.erase_person import erase, receipt_path
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline_tests.support.erased_person import (
    Someone,
    assert_every_record_accounted_for,
    assert_gone,
    content,
    files_with_traces,
    rows_of,
)


def test_no_trace_of_an_erased_person_remains_in_any_table_file_or_byte(
    settings: Settings, someone: Someone
) -> None:
    with open_warehouse(settings.warehouse_path) as connection:
        publish(connection, settings.published_path, pii=True)
    before = files_with_traces(someone, settings.data_dir)
    live = [name for name in before if name.startswith(("warehouse.duckdb", "ducklake-"))]
    assert live and "analytics.duckdb" in before, f"the search must find them first: {before}"
    assert len(before) > 10, "and in landed files"
    receipt = erase(settings, someone.user_id, dry_run=False)
    assert_gone(someone, settings)
    assert_every_record_accounted_for(settings)
    assert receipt.tables["raw.grades"].cells > 0, (
        "they were a partner in somebody's row, which stays"
    )
    assert receipt.models_not_built == ()


@pytest.mark.thorough
def test_spill_files_of_a_killed_process_are_removed_too(
    settings: Settings, someone: Someone
) -> None:
    for database in (settings.warehouse_path, settings.published_path):
        spilled = database.with_name(f"{database.name}.tmp") / "duckdb_temp_storage_DEFAULT-0.tmp"
        spilled.parent.mkdir(exist_ok=True)
        spilled.write_text(f"{someone.email} {someone.name}")
    assert (
        len(
            [
                name
                for name in files_with_traces(someone, settings.data_dir)
                if name.startswith("duckdb_temp")
            ]
        )
        == 2
    )
    erase(settings, someone.user_id, dry_run=False)
    assert files_with_traces(someone, settings.data_dir) == []


def test_a_dry_run_reports_the_same_counts_and_changes_nothing(
    settings: Settings, someone: Someone
) -> None:
    before = content(settings)
    told = erase(settings, someone.user_id, dry_run=True)
    assert content(settings) == before
    assert not settings.published_path.exists()
    assert not (settings.data_dir / "receipts").exists()
    done = erase(settings, someone.user_id, dry_run=False)
    assert (told.tables, told.files) == (done.tables, done.files)


@pytest.mark.thorough
def test_the_rows_of_all_others_stay(settings: Settings, someone: Someone) -> None:
    counts = """SELECT (SELECT count(*) FROM raw.lab_sessions), (SELECT count(*) FROM raw.grades),
                       (SELECT count(*) FROM raw.aws_cost),
                         (SELECT sum(cost) FROM raw.aws_cost WHERE user_id <> ?)"""
    [before] = rows_of(settings, counts, someone.user_id)
    tables = erase(settings, someone.user_id, dry_run=False).tables
    [after] = rows_of(settings, counts, someone.user_id)
    removed = [tables[f"raw.{name}"].rows for name in ("lab_sessions", "grades", "aws_cost")]
    assert [*after[:3]] == [old - gone for old, gone in zip(before[:3], removed, strict=True)]
    assert after[3] == before[3], "other people's money is what it was"


def test_the_receipt_holds_counts_and_no_personal_data_but_the_id(
    settings: Settings, someone: Someone
) -> None:
    receipt = erase(settings, someone.user_id, dry_run=False)
    path = receipt_path(settings, receipt)
    assert path.read_text() == receipt.as_json()
    assert str(someone.user_id) in receipt.as_json()
    assert someone.email not in receipt.as_json()
    told = json.loads(path.read_text())
    assert {"raw.enrollment", "history.enrollment", "quarantine.rejects", "landing/grades"} <= set(
        told["searched"]
    )
    assert set(told["tables"]) <= set(told["searched"]), (
        "something was removed from a table that is not listed"
    )
    assert any("backups" in text for text in told["not_reached"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_quarantined_records_of_the_person_go_by_id_or_email_and_are_counted(
    settings: Settings, someone: Someone
) -> None:
    [(key, etag)] = rows_of(
        settings,
        "SELECT source_key, etag FROM ops.loaded_files WHERE dataset = 'enrollment' LIMIT 1",
    )
    raws = [
        f"{someone.user_id}, x, y",
        f"x, 5, {someone.email.upper()}",
        f"{someone.user_id}1, x, y",
    ]
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(
            "UPDATE ops.loaded_files SET records = records + 3, rejects = rejects + 3 WHERE"
            " source_key = ?",
            [key],
        )
        connection.executemany(
            "INSERT INTO quarantine.rejects (dataset, source_key, etag, raw) VALUES ('enrollment',"
            " ?, ?, ?)",
            [[key, etag, raw] for raw in raws],
        )
    assert erase(settings, someone.user_id, dry_run=False).tables["quarantine.rejects"].rows >= 2
    left = [
        raw
        for (raw,) in rows_of(
            settings, "SELECT raw FROM quarantine.rejects WHERE source_key = ?", key
        )
    ]
    assert not {raws[0], raws[1]} & set(left), "both are about the person"
    assert raws[2] in left, "another id that begins with the same digits is somebody else"
    assert_every_record_accounted_for(settings)
