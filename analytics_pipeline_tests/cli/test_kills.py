"""SIGKILL during a sync, several times: one more run, and everything equals an uninterrupted
sync.
"""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.loaded_warehouse import contents, difference

FINISHED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
WHEN_SEEN = ["first_seen"]
"""Columns of marts that say when this warehouse first saw a file. A killed load is rolled back
completely, so the next run sees its files later than an uninterrupted one does."""


@pytest.mark.slow
def test_a_sync_killed_at_several_moments_then_run_again_equals_one_clean_run(
    run: Run,
    spawn: Callable,
    demo: DemoVocareum,
    organisation: Organisation,
    data: Path,
    tmp_path: Path,
):
    names = ("azure_cost", "course_mapping", "enrollment")
    demo.put_many(
        {
            key: body
            for key, body in organisation.files().items()
            if any(name in key for name in names)
        }
    )
    clean = tmp_path / "clean"
    assert run("sync", ANALYTICS_DATA_DIR=str(clean)).exit_code == 0
    for moment in (r"Loading: 2 of", r"Rebuilding"):
        process = spawn("sync")
        said = kill_at(process, moment)
        assert re.search(moment, said), f"it ended before it could be killed at {moment!r}: {said}"
    result = run("sync")
    assert result.exit_code == 0, result.output
    as_after_an_unbroken_run(data, clean)


def kill_at(process, moment: str) -> str:
    """Kill a process when it has printed this."""
    said = ""
    for line in process.stdout:
        said += line
        if re.search(moment, line):
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.read()
    process.wait()
    return said


def as_after_an_unbroken_run(data: Path, clean: Path) -> None:
    """Assert that a data folder equals another one, without leftovers of a dead process."""
    assert (
        difference(contents(clean / "warehouse.duckdb"), contents(data / "warehouse.duckdb")) == {}
    )
    assert marts(data) == marts(clean), "the models differ"
    assert left_over(data) == []
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DAGSTER_HOME", "")
        patched.setenv("ANALYTICS_DATA_DIR", str(data))
        with open_instance(Settings()) as instance:
            assert {run.status for run in instance.get_runs()} <= FINISHED, (
                "a dead run counts as running"
            )


def marts(data: Path) -> dict[str, list]:
    """Return the rows of each mart, without the columns of `WHEN_SEEN`."""
    with open_warehouse(data / "warehouse.duckdb") as connection:
        columns = connection.execute(
            """SELECT schema_name || '.' || table_name,
               list('"' || column_name || '"' ORDER BY column_index)
               FROM duckdb_columns() WHERE schema_name = 'marts'
               AND NOT list_contains(?, column_name)
               GROUP BY ALL ORDER BY ALL""",
            [WHEN_SEEN],
        ).fetchall()
        return {
            mart: (
                connection.execute(
                    f"SELECT {', '.join(compared)} FROM {mart} ORDER BY ALL"
                ).fetchall()
            )
            for mart, compared in columns
        }


def left_over(data: Path) -> list[str]:
    """Return temporary files and folders, and locks that are still held."""
    strange = (".part-", ".new", ".tmp", ".wal")
    return [
        str(path)
        for path in data.rglob("*")
        if "dagster" not in path.parts
        and any(name in str(path.relative_to(data)) for name in strange)
    ]
