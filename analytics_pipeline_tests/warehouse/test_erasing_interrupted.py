"""An erasure that is interrupted at any step is completed by the next run."""

import random
import signal
import subprocess
import sys
import time

import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.erase import erase_in_file
from analytics_pipeline.ingest.landing import clean_landing, landing_path
from analytics_pipeline.ingest.people import People
from analytics_pipeline.operations import erase_person as erasing
from analytics_pipeline.operations import load_files as loading
from analytics_pipeline.operations.erase_person import erase
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse import file
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.erase import erased_people, unfinished
from analytics_pipeline_tests.support.erased_person import (
    Someone,
    assert_every_record_accounted_for,
    assert_gone,
    redelivered,
)
from analytics_pipeline_tests.support.new_process import environment


def test_a_load_that_dies_before_the_landed_files_are_cleared_is_completed_before_the_next(
    settings: Settings, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase(settings, someone.user_id, dry_run=False)
    loader = Loader(
        None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), "dies"
    )
    delivered = [
        delivery for delivery in redelivered(settings) if delivery.dataset.name == "grades"
    ]

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(loading, "clean_landing", dies)
        with pytest.raises(KeyboardInterrupt):
            list(loader.load(delivered[0].dataset, delivered))
    grades, person = settings.landing_dir / "grades", People(frozenset([someone.user_id]))

    def files_with_them() -> list[str]:
        return [
            path.name
            for path in grades.iterdir()
            if erase_in_file(path, DATASETS["grades"], person, dry_run=True)
        ]

    assert files_with_them(), "the dead process left them in the file as delivered"
    clean_landing(settings.landing_dir, delivered)
    assert files_with_them() == []
    kept = {landing_path(settings.landing_dir, delivery).name for delivery in delivered}
    assert {path.name for path in grades.iterdir()} == kept, (
        "and nothing else is left beside the file"
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    "step",
    [
        "erase_rows",
        "publish",
        *(
            pytest.param(step, marks=pytest.mark.slow)
            for step in ("erase_in_file", "build_and_test", "compact", "private_file")
        ),
    ],
)
def test_a_run_that_breaks_at_any_step_is_completed_by_the_next(
    settings: Settings, someone: Someone, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    calls = 0
    module = file if step == "compact" else erasing
    whole = getattr(module, step)

    def breaks(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3 or step != "erase_in_file":
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(module, step, breaks)
        with pytest.raises(KeyboardInterrupt):
            erase(settings, someone.user_id, dry_run=False)
    with open_warehouse(settings.warehouse_path) as connection:
        assert someone.user_id in erased_people(connection).ids, (
            "they are kept out from the first step on"
        )
        assert unfinished(connection) == [someone.user_id]
    erase(settings, someone.user_id, dry_run=False)
    assert_gone(someone, settings)
    assert_every_record_accounted_for(settings)
    with open_warehouse(settings.warehouse_path) as connection:
        assert unfinished(connection) == []


@pytest.mark.slow
def test_a_run_killed_at_random_moments_is_completed_by_the_next(
    settings: Settings, someone: Someone
) -> None:
    script = f"""
from analytics_pipeline.operations.erase_person import erase
from analytics_pipeline.settings import Settings
print("begin", flush=True)
erase(Settings(), {someone.user_id}, dry_run=False)
"""
    dice, variables = random.Random(1), environment(settings)
    for _ in range(15):
        process = subprocess.Popen(
            [sys.executable, "-c", script], env=variables, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(dice.uniform(0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    erase(settings, someone.user_id, dry_run=False)
    assert_gone(someone, settings)
    assert_every_record_accounted_for(settings)
