"""Many processes on one data folder: runs that write, one that publishes, readers of the published
file; none is disturbed.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import FEED
from analytics_pipeline_tests.soak import states
from analytics_pipeline_tests.soak.conftest import Made
from analytics_pipeline_tests.soak.processes import Forked, command_line
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.soak.trials import DATA, State, Trial

READERS = 4
WRITERS = tuple(FEED)
"""Eight processes, each of which reloads its whole dataset repeatedly."""


@dataclass(frozen=True)
class Turn:
    """One run of a command and its result."""

    arguments: tuple[str, ...]
    code: int
    output: str


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_eight_writers_four_readers_and_a_publisher_work_for_ten_minutes(
    made: Made, night: Trial, tmp_path: Path
):
    turns, reads = together(made, night.after, tmp_path, seconds=600)
    publishes = sum(turn.arguments[0] == "publish" for turn in turns)
    note(
        "eight processes that write, four that read and one that publishes, ten minutes",
        f"{len(turns) - publishes} runs and {publishes} publishes, none failed; {reads:,} reads, no"
        " error, no half state",
    )


def together(
    made: Made, start: State, folder: Path, seconds: float, writers: Sequence[str] = WRITERS
) -> tuple[list[Turn], int]:
    """Let all of them run for a while, each at least once; return every run, and the number of
    reads.

    Raises:
        AssertionError: a run failed, a read failed or saw a torn state, or the loaded data changed.
    """
    made.deliver()
    made.copy_to(start, folder)
    published = folder / DATA / "analytics.duckdb"
    stop, end = folder / "stop", time.monotonic() + seconds
    readers = [
        Forked(read_until, str(stop), str(published), str(folder / f"reader {at}"))
        for at in range(READERS)
    ]
    commands = [("publish",), *(("sync", "--full", "--dataset", name) for name in writers)]
    with ThreadPoolExecutor(len(commands)) as pool:
        loops = [
            pool.submit(_loop, made, folder, command, lambda: time.monotonic() < end)
            for command in commands
        ]
        turns = [turn for loop in loops for turn in loop.result()]
    stop.touch()
    assert [reader.wait(120) for reader in readers] == [0] * READERS, "a reader ended early"
    reports = [json.loads((folder / f"reader {at}").read_text()) for at in range(READERS)]
    failed = [turn for turn in turns if turn.code]
    assert failed == [], f"{len(failed)} of {len(turns)} runs failed, such as {failed[0]}"
    errors = [error for reader in reports for error in reader["errors"]]
    assert errors == [], f"{len(errors)} reads failed, such as: {errors[0]}"
    now, right = states.rows(folder / DATA / "warehouse.duckdb"), start.warehouse
    differing = {
        table
        for key in now.keys() | right.keys()
        for table in _unlike(now.get(key, {}), right.get(key, {}))
    }
    assert not differing, f"what is loaded is not what was loaded before, in {sorted(differing)}"
    assert states.unfinished_runs(folder / DATA) == [], "a run counts as running"
    return turns, sum(reader["reads"] for reader in reports)


def _loop(
    made: Made, folder: Path, command: tuple[str, ...], goes_on: Callable[[], bool]
) -> list[Turn]:
    turns: list[Turn] = []
    output = folder / f"{'-'.join(command)}.output"
    while not turns or goes_on():
        process = Forked(
            command_line, command, {**made.environment, "ANALYTICS_DATA_DIR": DATA}, folder, output
        )
        turns.append(Turn(command, process.wait(600), output.read_text()[-2_000:]))
    return turns


def read_until(stop: str, database: str, reports: str) -> None:
    """Open, query, close, until a file `stop` exists: every table must match the ledger, and the
    marts their sources.
    """
    counted = " AND ".join(
        f"(SELECT count(*) FROM {dataset.table}) = "
        f"(SELECT coalesce(sum(rows), 0) FROM ops.loaded_files WHERE dataset = '{dataset.name}')"
        for dataset in FEED.values()
    )
    spend = (
        "(SELECT sum(cost) FROM marts.daily_cloud_spend) > 0 AND (SELECT count(*) FROM"
        " ops.published) = 1"
    )
    reads, errors = 0, []
    while not Path(stop).exists():
        try:
            with duckdb.connect(database, read_only=True) as connection:
                if connection.execute(f"SELECT {counted} AND {spend}").fetchall() != [(True,)]:
                    errors.append("half a state")
        except duckdb.Error as error:
            errors.append(str(error))
        reads += 1
        time.sleep(0.02)
    Path(reports).write_text(json.dumps({"reads": reads, "errors": errors[:20]}))


def _unlike(left: Mapping[str, states.Digest], right: Mapping[str, states.Digest]) -> set[str]:
    """Return the tables in which two states of a source file differ."""
    return {table for table in left.keys() | right.keys() if left.get(table) != right.get(table)}
