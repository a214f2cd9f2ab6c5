"""A full disk at any moment of every writing command: a message about it, nothing damaged, and with
free space the same command completes like an uninterrupted one."""

import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from analytics_pipeline_tests.soak.conftest import Made
from analytics_pipeline_tests.soak.disks import fill, free, small_disk
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.soak.trials import BALLAST, DATA, Round, Trial, phase

COMMANDS = {"first": 8, "night": 12, "models": 6, "publishing": 12, "erasing": 12, "reporting": 4}
"""How often each command's disk is full in the long suite."""


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("command", "times"), COMMANDS.items())
def test_a_disk_that_is_full_at_any_moment_breaks_nothing(
    command: str, times: int, made: Made, tmp_path: Path, request: pytest.FixtureRequest
):
    trial = request.getfixturevalue(command)
    phases = fill_and_run_again(trial, made, tmp_path, times)
    assert phases, "the disk was never full: the suite tries nothing"
    counts = ", ".join(f"{count} {phase}" for phase, count in phases.most_common())
    doing = f"`{' '.join(trial.arguments[:1])}` ({command})"
    note(
        f"A disk that is full in the middle of {doing}",
        f"{phases.total()} times ({counts}): each reported, nothing damaged,"
        " the next run continued",
    )


def fill_and_run_again(trial: Trial, made: Made, folder: Path, times: int) -> Counter[str]:
    """Run a command with too little space, `times` times between none and almost enough; check its
    output and result.

    Returns:
        How often it broke in which phase.
    """
    made.deliver()
    need = _room_needed(trial, folder / "need")
    dice = random.Random(trial.arguments[0])
    rooms = [int(need * (at + dice.random()) / times) for at in range(times)]
    found = [_one_round(trial, folder / f"{at}", room) for at, room in enumerate(rooms)]
    return Counter(filter(None, found))


def _room_needed(trial: Trial, folder: Path) -> int:
    """Return how many more bytes an uninterrupted run uses at its peak than before it."""
    with small_disk(folder):
        attempt = Round(trial, folder)
        attempt.start()
        least = most = free(folder)
        while attempt.process.runs:
            least = min(least, free(folder))
            time.sleep(0.01)
        assert attempt.process.wait() == 0, attempt.output
        return most - least


def _one_round(trial: Trial, folder: Path, room: int) -> str | None:
    with small_disk(folder):
        attempt = Round(trial, folder)
        attempt.copy()
        fill(folder / BALLAST, room)
        attempt.go()
        code = attempt.process.wait()
        said = attempt.output
        try:
            found = attempt.nothing_is_half_done()
            broken_in = phase(trial.before, found, said) if code else None
            if code:
                _says_what_is_wrong(code, said, folder / DATA)
            (folder / BALLAST).unlink()
            attempt.run_again()
            attempt.equals_an_unbroken_run()
        except AssertionError as error:
            raise AssertionError(
                f"with {room:,} bytes of room, exit code {code}, it said:\n{said}\n{error}"
            ) from None
        return broken_in


def _says_what_is_wrong(code: int, said: str, data: Path) -> None:
    assert code in (1, 2), "not an exit code of ours"
    assert "Traceback" not in said, "a traceback is for developers"
    assert re.search(r"[Dd]isk .*is full", said), "it must say that the disk is full"
    assert re.search(r"[Ff]ree some space", said), "it must say what to do"
    assert str(data) in said, "it must say which disk"
