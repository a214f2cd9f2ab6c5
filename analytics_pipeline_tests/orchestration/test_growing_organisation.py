"""The life of a pipeline: an organisation that grows daily, downtime, rewritten files, a bad file,
a new course.

At the end the tables equal a single clean load. `Pipeline` plays the daemon.
"""

from datetime import date, timedelta

import dagster as dg
import pytest

from analytics_pipeline.datasets import FEED
from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions

BAD = b"<html>502 Bad Gateway</html>"


def contents(pipeline: Pipeline) -> dict[str, list[tuple[object, ...]]]:
    """Return the delivered rows as the tables hold them, without load times."""
    return {
        name: pipeline.rows(f"SELECT * EXCLUDE (_loaded_at) FROM {dataset.table} ORDER BY ALL")
        for name, dataset in FEED.items()
    }


def live_through(
    pipeline: Pipeline, organisation: Organisation, away: range, bad_day: date
) -> None:
    """Tick and run after each night of the organisation, except for the nights of downtime."""
    delivered: dict[str, bytes] = {}
    bad_key, _ = lab_sessions(f"{bad_day}")
    for night, day in enumerate(organisation.spec.all_days()):
        files = organisation.files(day)
        if bad_key in files:
            files[bad_key] = BAD
        pipeline.vocareum.put_many(
            {key: body for key, body in files.items() if delivered.get(key) != body}
        )
        delivered = files
        if night not in away:
            pipeline.clock.move(days=1)
            pipeline.tick_and_run()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("days", "away"),
    [
        pytest.param(12, range(3, 10), id="12 days"),
        pytest.param(
            60, range(20, 30), id="60 days", marks=[pytest.mark.slow, pytest.mark.timeout(1_800)]
        ),
    ],
)
def test_a_pipeline_after_many_faults_equals_a_clean_load(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, days: int, away: range
) -> None:
    organisation = Organisation(OrganisationSpec.small(days=days, last_day=date(2026, 11, 6)))
    first = organisation.spec.first_day
    bad_day = first + timedelta(days=days // 2)
    lived = start_pipeline(f"{first}")
    assert len(organisation.files(first)) < len(organisation.files())
    live_through(lived, organisation, away, bad_day)

    # The bad day was retried and given up: red with its remedy, and nothing else is missing.
    while lived.tick_and_run():
        lived.clock.move(days=1)
    assert "1 not loaded: 1 given up" in summary(lived)
    for name in ("schema", "delivered_is_loaded"):
        check = lived.check("raw.lab_sessions", name)
        assert not check.passed
        assert lab_sessions(f"{bad_day}")[0] in check.description and "HTML" in check.description

    # Vocareum delivers it again, and everything is resolved.
    key, _ = lab_sessions(f"{bad_day}")
    vocareum.put(key, organisation.files()[key])
    lived.clock.move(days=1)
    lived.tick_and_run()
    assert lived.check("raw.lab_sessions", "schema").passed
    assert summary(lived).startswith("All ")

    clean = start_pipeline(f"{first}")
    clean.tick_and_load()
    assert contents(lived) == contents(clean)
    assert lived.rows(
        "SELECT partition FROM ops.loaded_files WHERE dataset = 'grades' ORDER BY 1"
    ) == clean.rows("SELECT partition FROM ops.loaded_files WHERE dataset = 'grades' ORDER BY 1")
    failures = lived.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert failures, "the broken day fails its run"
    assert [
        run.run_id for run in failures if "not_loaded/lab_sessions" not in " ".join(run.tags)
    ] == []


def summary(pipeline: Pipeline) -> str:
    """Return the message of a tick that has nothing to do."""
    result = pipeline.tick()
    assert not result.run_requests
    return result.skip_reason.skip_message
