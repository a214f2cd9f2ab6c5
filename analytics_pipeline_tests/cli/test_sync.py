"""`sync`: everything delivered is loaded, and afterwards only changes are requested."""

import csv
import io
import json
import logging
import shutil
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
from analytics_pipeline.orchestration.models import published_assets
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import project
from analytics_pipeline.sql_models.project import default_folder
from analytics_pipeline.vocareum.connect import open_bucket
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.loaded_warehouse import contents, difference

OTHER_COURSES = (
    b"org_id, org_name, course_id, course_name, create_method, parent_course_id\n"
    + b"".join(b"9001, O, %d, C, New,\n" % course for course in range(1, 8))
)
"""As many courses as the organisation has: a file that lost half of its rows would be held."""


def query(data: Path, sql: str) -> list:
    with open_warehouse(data / "warehouse.duckdb") as connection:
        return connection.execute(sql).fetchall()


def sessions(data: Path) -> dict:
    """Return rows, rejects and findings, without the ledger's time of writing, which the tests' put
    changes.
    """
    found = contents(data / "warehouse.duckdb")
    return {
        name: found[name] for name in ("raw.lab_sessions", "quarantine.rejects", "ops.findings")
    }


def outdated(run: Run) -> str | None:
    """Return why the published file must be published again, as `status` says."""
    found: str | None = json.loads(run("status", "--json").output.splitlines()[0])["outdated"]
    return found


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


def test_a_bad_file_fails_alone_with_its_key_reason_and_remedy(
    run: Run, synced: Path, demo: DemoVocareum
):
    good, bad = (
        "org9001/course-asn_mapping/course_mapping.csv",
        "org9001/course-asn_mapping/asn_mapping.csv",
    )
    rows = query(synced, "SELECT count(*) FROM raw.asn_mapping")
    demo.put(bad, b"<html>503</html>")
    demo.put(good, OTHER_COURSES)
    result = run("sync")
    assert result.exit_code == 1, result.output
    assert (
        f"{bad}: it is not CSV but HTML, XML or JSON, such as an error page. Ask Vocareum"
        in result.output
    )
    assert "Traceback" not in result.output
    assert query(synced, "SELECT count(*) FROM raw.asn_mapping") == rows, "the rows it had stay"
    assert query(synced, "SELECT course_id FROM raw.course_mapping ORDER BY 1") == [
        (n,) for n in range(1, 8)
    ], "the other file goes on"

    demo.clear_requests()
    again = run("sync")
    assert (again.exit_code, demo.count("GET")) == (
        1,
        0,
    ), "what has landed is not fetched again, and it is still red"
    assert bad in again.output


@pytest.mark.slow
def test_a_sync_whose_publication_fails_exits_with_1_and_the_next_one_publishes(
    run: Run,
    synced: Path,
    demo: DemoVocareum,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
):
    key = next(key for key in sorted(organisation.files()) if "lab_sessions_" in key)
    demo.put(key, organisation.files()[key] + b"\n")
    before = (synced / "analytics.duckdb").stat().st_mtime_ns

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "analytics.duckdb")

    with monkeypatch.context() as broken:
        broken.setattr(published_assets, "publish", no_room)
        failed = run("sync")
    assert (failed.exit_code, "analytics.duckdb is full" in failed.output) == (
        1,
        True,
    ), failed.output
    assert (synced / "analytics.duckdb").stat().st_mtime_ns == before
    assert run("sync").exit_code == 0
    assert (synced / "analytics.duckdb").stat().st_mtime_ns > before


def test_a_model_that_invents_money_fails_its_test_in_every_interface(
    run: Run, synced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The published mart stays; `sync`, `publish`, `status` and the report name the test and its
    remedy; then it is fixed.
    """
    name = "daily_spend_adds_up_to_what_was_reported"
    spend = "SELECT sum(cost) FROM marts.daily_cloud_spend"

    def published() -> list:
        with duckdb.connect(str(synced / "analytics.duckdb"), read_only=True) as connection:
            return connection.execute(spend).fetchall()

    before = published()
    models = tmp_path / "models"
    shutil.copytree(default_folder(), models)
    mart = models / "marts" / "daily_cloud_spend.sql"
    good = mart.read_text()
    mart.write_text(good.replace(" AS cost, --", " * 2 AS cost, --"))
    assert mart.read_text() != good, "the model was not broken"
    monkeypatch.setattr(project, "default_folder", lambda: models)
    for command in ("sync", "sync", "publish", "status", "doctor"):
        result = run(command)
        assert result.exit_code == 1, (command, result.output)
        assert name in result.output and "do not publish it" in result.output, (
            command,
            result.output,
        )
    assert published() == before
    assert query(synced, spend) != before
    assert outdated(run) is None, "it keeps the mart back on purpose"
    assert run("report").exit_code == 0
    page = (synced / "report.html").read_text()
    assert 'role="alert"' in page and name in page
    mart.write_text(good)
    result = run("sync")
    assert (result.exit_code, name in result.output) == (0, False), result.output
    assert run("report").exit_code == 0
    assert 'role="alert"' not in (synced / "report.html").read_text()


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


def test_a_model_that_cannot_be_read_ends_in_its_text_and_no_traceback(
    run: Run, synced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    models = tmp_path / "models"
    shutil.copytree(default_folder(), models)
    (models / "marts" / "broken.sql").write_text("SELECT 1 AS x FROM nowhere")
    monkeypatch.setattr(project, "default_folder", lambda: models)
    result = run("sync")
    assert (result.exit_code, "marts/broken.sql: add the schema to nowhere" in result.output) == (
        2,
        True,
    ), result.output


def test_an_empty_bucket_is_not_called_complete(run: Run, demo: DemoVocareum):
    for command, code in (("sync", 2), ("status", 1), ("doctor", 2)):
        result = run(command)
        assert result.exit_code == code, (command, result.output)
        assert "Nothing is delivered under org9001/ in " in result.output, result.output
        assert "delivered is loaded" not in result.output
        assert "Complete" not in result.output
    found = json.loads(run("status", "--json").output.splitlines()[0])
    assert (found["complete"], found["unknown"]) == (False, [])


def test_a_first_sync_in_which_everything_fails_publishes_nothing(
    run: Run, demo: DemoVocareum, data: Path
):
    demo.put("org9001/course-asn_mapping/course_mapping.csv", b"<html>503</html>")
    result = run("sync")
    assert result.exit_code == 1, result.output
    assert "it is not CSV but HTML" in result.output
    assert "Published" not in result.output
    assert not (data / "analytics.duckdb").exists()
    assert outdated(run) is None, "nothing is built, so nothing is to be published"
    refused = run("publish")
    assert (refused.exit_code, "holds no loaded file" in refused.output) == (
        2,
        True,
    ), refused.output
