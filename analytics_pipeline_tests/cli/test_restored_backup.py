"""A restored backup lacks files that Vocareum has deleted since: they stay reported as missing
until they are delivered again, or a person goes on without them.
"""

import shutil
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.backup import COPY
from analytics_pipeline_tests.cli.conftest import Run, status_json

KEY, COURSE = "org9001/enrollment/course987654/enrollment.csv", "987654"
LOADED = f"SELECT rows FROM ops.loaded_files WHERE source_key = '{KEY}'"
OLDER = "SELECT older_files FROM ops.published"


def ask(path: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def reverted(run: Run) -> list[dict]:
    """Return the files that an older warehouse lacks, as `status --json` names them."""
    code, found = status_json(run)
    absent = [absence for absence in found["absent"] if absence["kind"] == "reverted"]
    assert (code, found["complete"]) == ((1, False) if absent else (0, True))
    return absent


def roster(organisation: Organisation) -> bytes:
    """Return the roster of a course that the organisation does not have."""
    key = max(key for key in organisation.files() if "/enrollment/" in key)
    number = key.split("/course")[1].split("/")[0]
    return organisation.files()[key].replace(number.encode(), COURSE.encode())


@pytest.fixture
def folder(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation, tmp_path: Path
) -> Path:
    """A backup from before a course was delivered and loaded, which is deleted upstream now."""
    made = run("backup", str(tmp_path / "copy"))
    assert made.exit_code == 0, made.output
    demo.put(KEY, roster(organisation))
    loaded = run("sync")
    assert loaded.exit_code == 0, loaded.output
    demo.delete(KEY)
    return tmp_path / "copy"


@pytest.mark.thorough
def test_a_file_deleted_since_the_backup_stays_missing_at_every_door_until_it_comes_again(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation, folder: Path
) -> None:
    warehouse, published = synced / "warehouse.duckdb", synced / "analytics.duckdb"
    [(rows,)] = ask(warehouse, LOADED)
    done = run("restore", str(folder))
    [aside] = synced.glob("warehouse.duckdb.replaced-*")
    said = " ".join(done.output.split())
    assert done.exit_code == 0, done.output
    assert "The restored warehouse lacks the replaced one's version of 1 file." in said
    assert f"The rest is only in {aside}" in said.replace("- ", "-")
    assert ask(aside, LOADED) == [(rows,)]
    detail = (
        f"the replaced warehouse ({aside.name}) has {rows} rows of it, and the older one in its"
        " place has none"
    )
    [absence] = reverted(run)
    assert (absence["key"], absence["detail"]) == (KEY, detail)
    assert "put the replaced warehouse back" in absence["remedy"]
    for command in ("sync", "publish", "publish"):
        told = run(command)
        assert (told.exit_code, f"{KEY}: {detail}." in told.output) == (1, True), told.output
        assert ask(published, OLDER) == [(1,)], "it is not solved"
    assert "Published from an older warehouse: for 1 file it holds" in run("status").output
    kept = ask(published, "SELECT text FROM ops.checks WHERE name = 'nothing_lost' AND NOT passed")
    assert kept == [(f"{KEY}: {detail}.",)]

    demo.put(KEY, roster(organisation))
    told = run("sync")
    assert told.exit_code == 0, told.output
    assert (reverted(run), ask(published, OLDER)) == ([], [(0,)])
    assert ask(warehouse, LOADED) == [(rows,)]


@pytest.mark.thorough
def test_a_warehouse_put_back_by_hand_is_told_by_the_published_file_until_a_person_closes_it(
    run: Run, synced: Path, folder: Path
) -> None:
    shutil.copyfile(folder / COPY, synced / "warehouse.duckdb")
    detail = "the replaced warehouse has "
    for command in ("sync", "publish"):
        told = run(command)
        assert (told.exit_code, f"{KEY}: {detail}" in told.output) == (1, True), told.output
        assert ask(synced / "analytics.duckdb", OLDER) == [(1,)]
    assert [absence["key"] for absence in reverted(run)] == [KEY]
    close = ("close", "--dataset", "enrollment", "--partition", COURSE)
    assert "would no longer be reported" in run(*close, "--dry-run").output
    assert run(*close).exit_code == 0
    assert (reverted(run), ask(synced / "analytics.duckdb", OLDER)) == ([], [(0,)])
    assert run("sync").exit_code == 0
