"""Runs in the process of a command."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from analytics_pipeline.orchestration.runs.step_failures import report_step_errors

COMMAND = """
import io, sys
import dagster as dg
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.runs.in_process import execute

class Stream(io.TextIOWrapper):
    on_a_full_disk = False

    def flush(self):
        if self.on_a_full_disk:
            raise OSError(28, "the disk is full")
        super().flush()

sys.{name} = Stream(open({number}, "wb", closefd=False))

@dg.asset
def written():
    sys.{name}.on_a_full_disk = True

with dg.instance_for_test(temp_dir=sys.argv[1]) as instance:
    execute(dg.Definitions([written]), instance, Location(), [written.key], {{}}, {{}})
    sys.{name}.on_a_full_disk = False
    print("the command's message", file=sys.{name}, flush=True)
"""


@pytest.mark.parametrize(("number", "name"), [(1, "stdout"), (2, "stderr")])
def test_a_command_shows_its_message_if_the_file_of_a_steps_output_is_on_a_full_disk(
    tmp_path: Path, number: int, name: str
) -> None:
    """Dagster has then left stdout or stderr in that file."""
    run = subprocess.run(
        [sys.executable, "-c", COMMAND.format(number=number, name=name), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    said = {"stdout": run.stdout, "stderr": run.stderr}[name]
    assert "the command's message" in said, run


def test_a_step_that_may_not_write_a_file_names_it_with_the_remedy_and_no_traceback() -> None:
    with pytest.raises(dg.Failure) as failed, report_step_errors():
        raise PermissionError(13, "Permission denied", "published/analytics.duckdb")
    assert failed.value.description == (
        "Permission denied: published/analytics.duckdb. Check the disk and the permissions."
    )


def test_an_error_of_the_system_that_concerns_no_file_stays_as_it_is() -> None:
    with pytest.raises(ConnectionResetError), report_step_errors():
        raise ConnectionResetError(104, "Connection reset by peer")
