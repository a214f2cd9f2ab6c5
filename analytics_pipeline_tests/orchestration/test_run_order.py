"""The order in which runs ended, read from a Dagster instance that many runs share."""

import dagster as dg

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.runs.run_records import (
    RunState,
    known_runs,
    last_ended_first,
)


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.op
def broken() -> None:
    raise RuntimeError


@dg.job
def succeeding() -> None:
    nothing()


@dg.job
def failing() -> None:
    broken()


def test_a_success_whose_end_is_no_longer_read_is_not_taken_for_earlier_than_a_failure() -> None:
    """Other organisations' good runs push a success out of the newest ones sooner than a failure,
    of which there are few: the alert about it would come back.
    """
    with dg.DagsterInstance.ephemeral() as instance:
        failing.execute_in_process(instance=instance, raise_on_error=False)
        for _ in range(4):
            succeeding.execute_in_process(instance=instance)
        runs = known_runs(instance, Location())
        mended, failed = runs[-2:]
        assert (mended.state, failed.state) == (RunState.SUCCEEDED, RunState.FAILED)
        for most in (3, 4):
            assert last_ended_first(instance, [mended, failed], most) == [mended, failed]


def test_the_order_of_recording_decides_where_it_is_known() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        failing.execute_in_process(instance=instance, raise_on_error=False)
        succeeding.execute_in_process(instance=instance)
        mended, failed = known_runs(instance, Location())
        assert last_ended_first(instance, [failed, mended], 10) == [mended, failed]
