"""Output that nobody reads, that is closed, or whose disk is full."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analytics_pipeline_tests.cli.conftest import COMMAND, query

Shell = subprocess.CompletedProcess[str]


def shell(tail: str, folder: Path, environment: dict[str, str]) -> Shell:
    """Run the command with redirections; its exit code is that of the pipe's first command."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"'{COMMAND}' {tail}"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_a_reader_that_goes_away_stops_no_load(
    synced: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    newest = "SELECT max(loaded_at) FROM ops.loaded_files"
    before = query(synced, newest)
    # the reader ends before the first line, and errors go there, too
    done = shell("sync --full --dataset course_mapping 2>&1 | true", tmp_path, environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert query(synced, newest) > before


@pytest.mark.parametrize(
    ("tail", "code", "said"),
    [
        ("status | head -1", 0, "org9001"),
        ("publish >&-", 0, ""),
        ("publish >&- 2>&-", 0, ""),
        ("status --json > /dev/full", 2, "The disk that holds the output is full."),
        ("query 'SELECT 1' > /dev/full", 2, "The disk that holds the output is full."),
        ("--help > /dev/full", 2, "The disk that holds the output is full."),
    ],
)
def test_output_that_is_closed_or_full_is_no_fault_of_the_data(
    synced: Path, environment: dict[str, str], tmp_path: Path, tail: str, code: int, said: str
) -> None:
    done = shell(tail, tmp_path, environment)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not any(word in done.stderr for word in ("Broken pipe", "Traceback", "ignored"))


ELSEWHERE = """
import os, sys
from analytics_pipeline.cli.standard_output import tolerate_lost_output

tolerate_lost_output()
before = os.dup({descriptor})
os.dup2(os.open("/dev/full", os.O_WRONLY), {descriptor})
for text in ("raises the first error", "is discarded", "is discarded"):
    try:
        print(text, file=sys.{name}, flush=True)
    except OSError as error:
        raised = f"{{text}}: {{error}}"
os.dup2(before, {descriptor})
print(raised, file=sys.{name}, flush=True)
"""


@pytest.mark.parametrize(("descriptor", "name"), [(1, "stdout"), (2, "stderr")])
def test_a_stream_that_was_on_a_full_disk_shows_what_is_printed_once_it_points_elsewhere(
    descriptor: int, name: str
) -> None:
    """Dagster points the streams to files during a step, and back."""
    command = ELSEWHERE.format(descriptor=descriptor, name=name)
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    said = {"stdout": run.stdout, "stderr": run.stderr}[name]
    shown = "raises the first error: [Errno 28] No space left on device: 'the output'"
    assert (run.returncode, said.splitlines()[-1:]) == (0, [shown]), run
