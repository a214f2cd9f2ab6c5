"""SIGKILL at random moments of every writing command, each followed by a normal run: nothing is
lost, doubled, half done, left over or open to others. The leftovers of the dead process show when
the kill hit."""

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
COMMANDS = {
    "first": 10,
    "night": 35,
    "returning": 35,
    "models": 40,
    "publishing": 40,
    "erasing": 40,
}
"""How often each command is killed in the long suite."""


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("command", "kills"), COMMANDS.items())
def test_a_command_killed_at_any_moment_leaves_one_of_two_whole_states(
    command: str, kills: int, made: Made, tmp_path: Path, request: pytest.FixtureRequest
):
    trial = request.getfixturevalue(command)
    phases = kill_and_run_again(trial, made, tmp_path, kills)
    assert len(phases) >= min(3, kills // 5), (
        f"the kills fell into too few phases to show anything: {phases}"
    )
    counts = ", ".join(f"{count} {phase}" for phase, count in phases.most_common())
    doing = f"`{' '.join(trial.arguments[:1])}` ({command})"
    note(
        f"SIGKILL at a random moment of {doing}",
        f"{kills} kills ({counts}), {kills} next runs ended like an uninterrupted one",
    )


def kill_and_run_again(trial: Trial, made: Made, folder: Path, kills: int) -> Counter[str]:
    """Interrupt a command `kills` times, each in its own folder, and check the result of each and
    of the next run.

    Returns:
        How many kills hit which phase.
    """
    made.deliver()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(
            pool.map(lambda at: _one_round(trial, folder / f"{at}", at, kills), range(kills))
        )


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
    """Return a random moment in this round's share of the time, plus a margin as the machine may be
    slower now; earlier ones if the command ended before."""
    dice = random.Random(at)
    moment = 1.6 * seconds * (at + dice.random()) / kills
    while True:
        yield moment
        moment *= 0.9
