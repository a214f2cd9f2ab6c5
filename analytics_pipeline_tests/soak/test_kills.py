"""SIGKILL at random moments of every command that writes, each followed by a normal run: nothing is lost, doubled,
half done, left behind or open to others. When a kill fell is told from what the dead process left."""

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analytics_pipeline_tests.soak.conftest import Made
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.soak.trials import Round, Trial, phase

AT_ONCE = os.cpu_count() or 1
COMMANDS = {"first": 10, "night": 35, "returning": 35, "models": 40, "publishing": 40, "erasing": 40}
"""How often each is killed in the long suite."""


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("command", "kills"), COMMANDS.items())
def test_a_command_killed_at_any_moment(
    command: str, kills: int, made: Made, tmp_path: Path, request: pytest.FixtureRequest
):
    trial = request.getfixturevalue(command)
    phases = kill_and_run_again(trial, made, tmp_path, kills)
    assert len(phases) >= min(3, kills // 5), f"the kills fell into too few phases to show anything: {phases}"
    told = ", ".join(f"{count} {phase}" for phase, count in phases.most_common())
    doing = f"`{' '.join(trial.arguments[:1])}` ({command})"
    note(
        f"SIGKILL at a random moment of {doing}",
        f"{kills} kills ({told}), {kills} runs after them like an unbroken one",
    )


def kill_and_run_again(trial: Trial, made: Made, folder: Path, kills: int) -> Counter[str]:
    """Break a command `kills` times, each in a folder of its own, and check what each and the run after it leave.

    Returns:
        How many kills fell into which phase.
    """
    made.deliver()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(lambda at: _one_round(trial, folder / f"{at}", at, kills), range(kills)))


def _one_round(trial: Trial, folder: Path, at: int, kills: int) -> str:
    for moment in _moments(trial.seconds, at, kills):
        attempt = Round(trial, folder)
        attempt.start()
        time.sleep(moment)
        if attempt.process.kill():
            break
        shutil.rmtree(folder)
    where = f"killed {moment:.2f} s in, saying {attempt.output!r}"
    try:
        phase_of_kill = phase(trial.before, attempt.nothing_is_half_done(), attempt.output)
        attempt.run_again()
        attempt.equals_an_unbroken_run()
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from None
    shutil.rmtree(folder)
    return phase_of_kill


def _moments(seconds: float, at: int, kills: int) -> Iterator[float]:
    """A random moment in this round's share of the time, and of some more as a machine can be slower than it was; sooner
    ones where the command has ended before."""
    dice = random.Random(at)
    moment = 1.3 * seconds * (at + dice.random()) / kills
    while True:
        yield moment
        moment *= 0.9
