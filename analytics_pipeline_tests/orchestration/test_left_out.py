"""The check `nothing_left_out` in the UI: `sync` and the sensor, which list everything, tell it."""

from datetime import UTC, datetime, timedelta

from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.orchestration import sync as engine
from analytics_pipeline_tests.orchestration.conftest import Pipeline, lab_sessions

TABLE, CHECK = "raw.lab_sessions", "nothing_left_out"
AHEAD = "org9001/lab_sessions/lab_sessions_2062-01-09.csv"
UNPADDED = "org9001/lab_sessions/lab_sessions_2026-11-1.csv"


def verdict(pipeline: Pipeline) -> tuple[bool, str]:
    """Return the last result in Dagster, which the warehouse agrees with."""
    last = pipeline.check(TABLE, CHECK)
    sql = (
        "SELECT passed, text, remedy FROM ops.checks"
        f" WHERE name = '{CHECK}' AND subject = '{TABLE}'"
    )
    ((passed, text, remedy),) = pipeline.rows(sql)
    separator = "\n" if "\n" in text or "\n" in remedy else " "
    assert (last.passed, last.description) == (passed, f"{text}{separator}{remedy}".strip())
    assert last.severity.name == "WARN"
    return last.passed, last.description


def evaluations(pipeline: Pipeline) -> int:
    storage = pipeline.instance.event_log_storage
    checks = pipeline.definitions.get_repository_def().asset_graph.asset_check_keys
    (key,) = [
        key for key in checks if (key.name, key.asset_key.path[-1]) == (CHECK, "lab_sessions")
    ]
    return len(storage.get_asset_check_execution_history(key, limit=99))


def test_the_sensor_tells_what_a_run_cannot_list(pipeline: Pipeline) -> None:
    """A run lists its own year; the file of 2062 is in no listing but the sensor's."""
    pipeline.vocareum.put(*lab_sessions("2026-11-01"))
    pipeline.tick_and_load()
    assert pipeline.check(TABLE, CHECK).description == "The whole bucket has not been listed yet."
    pipeline.tick()
    assert verdict(pipeline) == (True, "No delivered file is left out.")

    pipeline.vocareum.put(AHEAD, b"x")
    pipeline.vocareum.put(UNPADDED, b"other", datetime.now(UTC) - timedelta(hours=9))
    said = pipeline.tick().skip_reason.skip_message or ""
    assert "2 files left out (see the checks nothing_left_out)." in said, said
    passed, text = verdict(pipeline)
    assert not passed
    assert f"{AHEAD}: not loaded, outside the partitions" in text
    assert f"{UNPADDED}: not loaded, a newer file of the same day has other bytes" in text
    told = evaluations(pipeline)
    pipeline.tick()
    assert evaluations(pipeline) == told, "what did not change is not told again"

    pipeline.vocareum.put(*lab_sessions("2026-11-02"))
    pipeline.tick_and_load()
    assert not verdict(pipeline)[0], "a run repeats the verdict of the last whole listing"
    pipeline.vocareum.delete(AHEAD)
    pipeline.vocareum.delete(UNPADDED)
    pipeline.tick()
    assert verdict(pipeline) == (True, "No delivered file is left out.")


def test_a_sync_tells_it_with_and_without_a_run(pipeline: Pipeline) -> None:
    pipeline.vocareum.put(*lab_sessions("2026-11-01"))
    pipeline.vocareum.put(AHEAD, b"x")
    for at_all in (True, False):
        todo = engine.make_plan(pipeline.settings, Selection(datasets=frozenset({"lab_sessions"})))
        done = engine.sync(pipeline.settings, pipeline.definitions, pipeline.instance, todo)
        assert bool(done.results) == at_all
        passed, text = verdict(pipeline)
        assert (passed, AHEAD in text) == ((False, True) if at_all else (True, False))
        pipeline.vocareum.delete(AHEAD)
