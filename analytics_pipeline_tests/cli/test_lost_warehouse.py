"""A warehouse whose file was lost: it is told, and the published file that it left stays."""

from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.gone import BEGUN_ANEW, NotReplaced, gone
from analytics_pipeline.warehouse.sidecar import REPLACED, sidecar_path
from analytics_pipeline_tests.cli.conftest import Run, status_json

COURSES = "org9001/course-asn_mapping/course_mapping.csv"
CLOSED = "SELECT * FROM history.course_mapping WHERE valid_to IS NOT NULL ORDER BY ALL"


def closed(published: Path) -> list[tuple]:
    """Return the history that no delivery holds any more."""
    with duckdb.connect(str(published), read_only=True) as connection:
        return connection.execute(CLOSED).fetchall()


def lost(run: Run) -> tuple[str | None, str | None]:
    """Return what `status --json` says of a lost warehouse and of the published file."""
    code, found = status_json(run)
    assert (code, found["complete"]) == ((1, False) if found["lost"] else (0, True))
    return found["lost"], found["outdated"]


@pytest.fixture
def changed(run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation) -> Path:
    """A data folder with a course that was renamed, so that only history has its old name."""
    header, first, *others = organisation.files()[COURSES].splitlines(keepends=True)
    columns = first.split(b",")
    columns[3] = b"Renamed"
    demo.put(COURSES, header + b",".join(columns) + b"".join(others))
    result = run("sync")
    assert result.exit_code == 0, result.output
    assert len(closed(synced / "analytics.duckdb")) == 1
    return synced


@pytest.mark.thorough
def test_a_lost_warehouse_is_told_and_its_published_file_stays_until_it_is_moved(
    run: Run, changed: Path
):
    warehouse, published = changed / "warehouse.duckdb", changed / "analytics.duckdb"
    before = published.read_bytes()
    warehouse.unlink()
    assert str(gone(Settings())) == (
        f"The warehouse is gone: {warehouse} is missing, and {sidecar_path(warehouse)} and"
        f" {published} are left of it. The history of mappings, grades and enrollment, and files"
        " that were deleted in the bucket can't be loaded again. Put it back from a backup with"
        " `analytics-pipeline restore DIR`. Or run `analytics-pipeline sync`, which builds a new"
        f" one from what is still delivered and leaves {published} as it is."
    )
    for command in ("status", "doctor"):
        told = run(command)
        assert (told.exit_code, str(gone(Settings())) in told.output) == (1, True), told.output
        assert "no warehouse yet" not in told.output
        assert "Complete." not in told.output
    assert lost(run) == (str(gone(Settings())), None)
    for refused in (("publish",), ("findings",), ("erase", "--user-id", "1")):
        told = run(*refused)
        assert (told.exit_code, "The warehouse is gone: " in told.output) == (2, True), told.output
    assert not warehouse.exists()
    kept = str(NotReplaced(published))
    for number in range(2):
        told = run("sync")
        assert (told.exit_code, kept in told.output) == (1, True), told.output
        assert ("The warehouse is gone: " in told.output) == (number == 0), told.output
        assert (BEGUN_ANEW in told.output) == (number == 0), told.output
        assert REPLACED not in told.output
        assert "Published: " not in told.output
        assert published.read_bytes() == before
    assert lost(run) == (kept, None)
    for command, code in (("status", 1), ("doctor", 1), ("publish", 2)):
        told = run(command)
        assert (told.exit_code, kept in told.output) == (code, True), (command, told.output)
    aside = changed / "kept.duckdb"
    aside.write_bytes(before)
    told = run("publish", "--replace")
    assert told.exit_code == 0, told.output
    told = run("sync")
    assert told.exit_code == 0, told.output
    assert "Published: " in told.output
    assert (len(closed(aside)), closed(published)) == (1, [])
    assert lost(run) == (None, None)
    assert run("doctor").exit_code == 0


@pytest.mark.parametrize("left", ["the state", "the published file"])
def test_one_of_the_two_files_proves_that_there_was_a_warehouse(run: Run, synced: Path, left: str):
    state = sidecar_path(synced / "warehouse.duckdb")
    (synced / "warehouse.duckdb").unlink()
    (state if left == "the published file" else synced / "analytics.duckdb").unlink()
    for command in ("status", "doctor"):
        told = run(command)
        assert told.exit_code == 1, told.output
        assert f"{state if state.exists() else synced / 'analytics.duckdb'} is left" in told.output
        assert ("leaves" in told.output) == (left == "the published file")


def test_a_lost_warehouse_is_noticed_though_a_wrong_clock_dated_its_last_loads_ahead(
    run: Run, synced: Path
):
    warehouse, published = synced / "warehouse.duckdb", synced / "analytics.duckdb"
    with open_warehouse(warehouse) as connection:
        connection.execute(
            """UPDATE ops.loaded_files SET loaded_at = loaded_at + INTERVAL 1 YEAR
               WHERE (dataset, partition) = (
                   SELECT (dataset, partition) FROM ops.loaded_files ORDER BY ALL LIMIT 1)"""
        )
    assert run("publish").exit_code == 0
    before = published.read_bytes()
    warehouse.unlink()
    told = run("sync")
    assert (told.exit_code, str(NotReplaced(published)) in told.output) == (1, True), told.output
    assert published.read_bytes() == before
    assert lost(run) == (str(NotReplaced(published)), None)


@pytest.mark.thorough
def test_a_warehouse_that_loaded_everything_again_still_replaces_its_own_file(
    run: Run, synced: Path
):
    """Such as after a move, when the warehouse was made later than the file."""
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        connection.execute("UPDATE ops.schema_version SET applied_at = $1", [warehouse_now()])
    told = run("sync", "--full")
    assert told.exit_code == 0, told.output
    assert lost(run) == (None, None)


@pytest.mark.thorough
def test_a_backup_that_is_restored_after_a_new_beginning_publishes_its_history(
    run: Run, changed: Path, tmp_path: Path
):
    published = changed / "analytics.duckdb"
    before = closed(published)
    assert run("backup", str(tmp_path / "copy")).exit_code == 0
    (changed / "warehouse.duckdb").unlink()
    sidecar_path(changed / "warehouse.duckdb").unlink()
    assert run("sync").exit_code == 1
    assert run("restore", str(tmp_path / "copy")).exit_code == 0
    told = run("sync")
    assert told.exit_code == 0, told.output
    assert lost(run) == (None, None)
    assert run("publish").exit_code == 0
    assert closed(published) == before


@pytest.mark.thorough
def test_a_person_who_is_erased_after_a_new_beginning_leaves_the_published_file(
    run: Run, synced: Path
):
    published = synced / "analytics.duckdb"
    with duckdb.connect(str(published), read_only=True) as connection:
        rows = "SELECT count(*) FROM raw.lab_sessions WHERE user_id = {}"
        [(user_id,)] = connection.execute("SELECT min(user_id) FROM raw.lab_sessions").fetchall()
        assert connection.execute(rows.format(user_id)).fetchall() != [(0,)]
    (synced / "warehouse.duckdb").unlink()
    assert run("sync").exit_code == 1
    told = run("erase", "--user-id", str(user_id), "--yes")
    assert told.exit_code == 0, told.output
    with duckdb.connect(str(published), read_only=True) as connection:
        assert connection.execute(rows.format(user_id)).fetchall() == [(0,)]
    assert lost(run) == (None, None)
