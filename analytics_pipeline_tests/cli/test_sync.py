"""`sync`: a first, a second and a partial one, and what they leave in the instance."""

import csv
import io
import logging
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from analytics_pipeline.datasets import FEED
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.ingest.plan import classify_listing
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import Settings
from analytics_pipeline.vocareum.connect import open_bucket
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import OTHER_COURSES, Run, query
from analytics_pipeline_tests.support.loaded_warehouse import contents, difference


def sessions(data: Path) -> dict:
    """Return rows, rejects and findings, without the ledger's time of writing, which the tests' put
    changes.
    """
    found = contents(data / "warehouse.duckdb")
    return {
        name: found[name] for name in ("raw.lab_sessions", "quarantine.rejects", "ops.findings")
    }


def ends_of_records(body: bytes) -> list[int]:
    """Return the number of the last line of the header, and of each record."""
    reader = csv.reader(io.StringIO(body.decode(), newline=""))
    return [reader.line_num for _ in reader]


def test_a_first_sync_loads_every_row_of_the_organisation(first_sync, organisation: Organisation):
    data = first_sync.data
    assert first_sync.exit_code == 0, first_sync.output
    truth = organisation.truth
    assert dict(query(data, "SELECT source_key, rows FROM ops.loaded_files")) == truth.rows
    planted = {(flaw.key, flaw.line) for flaw in truth.planted}
    assert {
        tuple(row) for row in query(data, "SELECT source_key, line FROM quarantine.rejects")
    } == planted
    assert first_sync.gets == len(truth.records), (
        "each file is fetched once, and no file that no dataset knows"
    )
    for oddity in truth.oddities:
        if oddity.key not in truth.records:
            assert oddity.key in first_sync.output, "an unknown file must be reported"


def test_a_second_sync_fetches_nothing_and_changes_nothing(
    run: Run, synced: Path, demo: DemoVocareum
):
    before = contents(synced / "warehouse.duckdb")
    loaded_at = query(synced, "SELECT source_key, loaded_at FROM ops.loaded_files ORDER BY ALL")
    published = (synced / "analytics.duckdb").stat().st_mtime_ns
    result = run("sync")
    assert (result.exit_code, demo.count("GET"), demo.count("HEAD")) == (0, 0, 0), result.output
    assert "Nothing to do" in result.output
    assert difference(before, contents(synced / "warehouse.duckdb")) == {}
    assert (
        query(synced, "SELECT source_key, loaded_at FROM ops.loaded_files ORDER BY ALL")
        == loaded_at
    )
    assert (synced / "analytics.duckdb").stat().st_mtime_ns == published


@pytest.mark.slow
def test_only_a_rewritten_file_is_fetched_with_the_result_of_a_full_reload(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
):
    records = organisation.truth.records
    key, ends = next(
        (key, ends)
        for key, body in organisation.files().items()
        if "lab_sessions_" in key and 2 < records[key] == len(ends := ends_of_records(body)) - 1
    )
    lines = organisation.files()[key].splitlines(keepends=True)
    demo.put(key, b"".join(lines[: ends[-2]]))
    result = run("sync", "--dataset", "lab_sessions")
    assert (result.exit_code, demo.count("GET")) == (0, 1), result.output
    assert query(synced, f"SELECT records FROM ops.loaded_files WHERE source_key = '{key}'") == [
        (records[key] - 1,)
    ]
    after_one = sessions(synced)
    demo.clear_requests()
    result = run("sync", "--full", "--dataset", "lab_sessions")
    files = sum("lab_sessions_" in key for key in organisation.truth.records)
    assert (result.exit_code, demo.count("GET")) == (0, files), result.output
    assert difference(after_one, sessions(synced)) == {}


@pytest.mark.slow
def test_the_next_sync_publishes_what_a_dying_process_loaded(
    run: Run, synced: Path, demo: DemoVocareum
):
    """As after a kill between the warehouse's commit and Dagster's event: the ledger is ahead of
    the materializations.
    """
    key = "org9001/course-asn_mapping/course_mapping.csv"
    body = OTHER_COURSES
    demo.put(key, body)
    (listed,) = open_bucket(Settings()).list("course-asn_mapping/course")
    (delivery,) = classify_listing([listed], "org9001/").deliveries
    loader = Loader(
        open_bucket(Settings()),
        synced / "landing",
        lambda: open_warehouse(synced / "warehouse.duckdb"),
        "died",
    )
    assert [result.rows for result in loader.load(delivery.dataset, [delivery])] == [7]
    result = run("sync")
    assert (result.exit_code, "0 new, 0 changed" in result.output) == (0, True), result.output
    with duckdb.connect(str(synced / "analytics.duckdb"), read_only=True) as connection:
        assert connection.execute(
            "SELECT course_id FROM raw.course_mapping ORDER BY 1"
        ).fetchall() == [(n,) for n in range(1, 8)]


def test_runs_and_partitions_appear_in_the_persistent_instance(
    first_sync, monkeypatch: pytest.MonkeyPatch
):
    data = first_sync.data
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(data))
    loaded: dict[str, set[str]] = {}
    for name, partition in query(data, "SELECT dataset, partition FROM ops.loaded_files"):
        loaded.setdefault(name, set()).add(partition)
    with open_instance(Settings()) as instance:
        assert {run.status for run in instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}
        for name, dataset in FEED.items():
            key = dg.AssetKey(["raw", name])
            assert instance.get_latest_materialization_event(key), name
            if dataset.period:
                assert set(instance.get_materialized_partitions(key)) == loaded[name]


@pytest.mark.slow
def test_a_range_and_a_dataset_limit_the_load(
    run: Run, demo: DemoVocareum, organisation: Organisation, data: Path
):
    demo.put_many(organisation.files())
    day = sorted(key for key in organisation.truth.records if "azure_cost_" in key)[1]
    on = day.split("azure_cost_")[1].removesuffix(".csv")
    result = run("sync", "--dataset", "azure_cost", "--since", on, "--until", on)
    assert result.exit_code == 0, result.output
    assert query(data, "SELECT source_key FROM ops.loaded_files") == [(day,)]
    assert demo.count("GET") == 1


@pytest.mark.slow
def test_loaded_files_are_reported_whatever_the_log_settings(
    run: Run, synced: Path, demo: DemoVocareum, monkeypatch: pytest.MonkeyPatch
):
    demo.put(
        "org9001/course-asn_mapping/course_mapping.csv",
        OTHER_COURSES,
    )
    logging.disable(logging.CRITICAL)
    try:
        result = run("sync", "--dataset", "course_mapping")
    finally:
        logging.disable(logging.NOTSET)
    assert result.exit_code == 0, result.output
    assert (
        "Loading: 1 of 1" in result.output
        and "course_mapping" in result.output.split("Loaded", 1)[1]
    ), result.output
