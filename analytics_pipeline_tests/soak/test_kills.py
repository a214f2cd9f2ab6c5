"""A hundred SIGKILLs at random moments of a sync, each followed by another one: nothing is lost, doubled or left behind."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.cli.test_kills import as_after_an_unbroken_run

KILLS, ROUNDS = 10, 10


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("turn", range(ROUNDS))
def test_killed_at_any_moment(
    run: Run,
    spawn: Callable,
    demo: DemoVocareum,
    organisation: Organisation,
    data: Path,
    tmp_path: Path,
    turn: int,
):
    dice = random.Random(turn)
    demo.put_many(organisation.files())
    clean = tmp_path / "clean"
    start = time.monotonic()
    process = spawn("sync", ANALYTICS_DATA_DIR=str(clean))
    assert process.wait() == 0, process.stdout.read()
    whole = time.monotonic() - start
    for _ in range(KILLS):
        process = spawn("sync")
        time.sleep(dice.uniform(0, whole))
        process.kill()
        process.wait()
    assert run("sync").exit_code == 0
    as_after_an_unbroken_run(data, clean)
