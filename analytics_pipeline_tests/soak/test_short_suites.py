"""Short versions of the suites that start from the same folders, in one file so that these are made
once.

The long suites next to it define what is tried and what must hold.
"""

from pathlib import Path

import pytest

from analytics_pipeline_tests.soak.conftest import Made
from analytics_pipeline_tests.soak.test_building_by_day import kill_builds
from analytics_pipeline_tests.soak.test_full_disk import fill_and_run_again
from analytics_pipeline_tests.soak.test_kills import kill_and_run_again
from analytics_pipeline_tests.soak.test_load import WRITERS, together
from analytics_pipeline_tests.soak.trials import Trial

pytestmark = pytest.mark.thorough

FEW = WRITERS[:3]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["publishing", "erasing"])
def test_a_command_killed_at_a_few_moments_leaves_one_of_two_whole_states(
    command: str, made: Made, tmp_path: Path, request: pytest.FixtureRequest
):
    kill_and_run_again(request.getfixturevalue(command), made, tmp_path, kills=2)


def test_builds_killed_at_a_few_moments_leave_the_marts_of_a_whole_build(tmp_path: Path):
    kill_builds(tmp_path, kills=4)


@pytest.mark.slow
def test_a_disk_that_is_full_at_a_few_moments_breaks_nothing(
    erasing: Trial, made: Made, tmp_path: Path
):
    assert fill_and_run_again(erasing, made, tmp_path, times=2), (
        "the disk was never full: the test tries nothing"
    )


@pytest.mark.slow
def test_runs_a_publisher_and_readers_work_together(made: Made, night: Trial, tmp_path: Path):
    turns, reads = together(made, night.after, tmp_path, seconds=1, writers=FEW)
    assert {turn.arguments[-1] for turn in turns} == {
        "publish",
        *FEW,
    }, f"not every turn ran: {turns}"
    assert reads > 20, reads
