"""Readers of the published file: undisturbed while it is replaced, and older releases of DuckDB."""

import multiprocessing
import subprocess
import sys
import time
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline_tests.support.published_file import publish_from, relations
from analytics_pipeline_tests.support.readers import half_state, read_while_publishing


def _read_in_a_loop(
    path: str, ready: Barrier, stop: Event, results: "multiprocessing.Queue[tuple[int, list[str]]]"
) -> None:
    """Open, query, close."""
    read, errors = 0, list[str]()
    ready.wait(timeout=120)
    while not stop.is_set():
        try:
            with duckdb.connect(path, read_only=True) as connection:
                errors += half_state(connection)
        except duckdb.Error as error:
            errors.append(str(error))
        read += 1
        time.sleep(0.005)
    results.put((read, errors))


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("readers", "publishes"),
    [(2, 10), pytest.param(4, 100, marks=pytest.mark.slow)],
    ids=["short", "full"],
)
def test_readers_in_a_loop_see_no_error_and_no_half_state(
    tmp_path: Path, readers: int, publishes: int
) -> None:
    target = tmp_path / "analytics.duckdb"

    told = read_while_publishing(
        _read_in_a_loop,
        [(str(target),)] * readers,
        tmp_path / "warehouse.duckdb",
        lambda connection: publish(connection, target, pii=False, without_marts=True),
        publishes,
    )
    errors = [error for _, found in told for error in found]
    assert not errors, (
        f"{len(errors)} of {sum(read for read, _ in told)} reads failed, such as: {errors[0]}"
    )
    assert all(read > 0 for read, _ in told), f"every reader read: {told}"
    print(
        f"{sum(read for read, _ in told)} reads during {publishes} publishes, no error, no half"
        " state"
    )


@pytest.mark.slow
@pytest.mark.parametrize("release", ["1.0.0", "1.1.3"])
def test_an_older_duckdb_opens_it_and_reads_all_of_it(
    settings: Settings, tmp_path: Path, release: str
) -> None:
    """Needs a package index. 1.0.0 is the oldest release promised."""
    publish_from(settings)
    uv = Path(sys.executable).with_name("uv")
    install = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--target",
        tmp_path / release,
        f"duckdb=={release}",
    ]
    subprocess.run([*install, "--python", sys.executable], check=True, cwd=tmp_path)
    script = f"""
import sys; sys.path.insert(0, {str(tmp_path / release)!r})
import duckdb
assert duckdb.__version__ == {release!r}, duckdb.__version__
connection = duckdb.connect({str(settings.published_path)!r}, read_only=True)
for table in {sorted(relations(settings.published_path))!r}:
    print(table, len(connection.execute("FROM " + table).fetchall()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    read = dict(line.split() for line in done.stdout.splitlines())
    with duckdb.connect(str(settings.published_path), read_only=True) as connection:
        now = {table: str(len(connection.execute(f"FROM {table}").fetchall())) for table in read}
    assert read == now
