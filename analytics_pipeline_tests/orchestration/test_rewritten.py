"""The check `every_course_is_rewritten` in the UI, which the sensor tells."""

from datetime import UTC, datetime, timedelta

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline_tests.orchestration.conftest import DAY, Pipeline

TABLE, CHECK = "raw.grades", "every_course_is_rewritten"


def test_the_sensor_tells_which_course_is_left_behind(loaded: Pipeline) -> None:
    files = Organisation(OrganisationSpec.small(last_day=DAY, flaws=False)).files()
    key = next(key for key in files if "/grades/" in key)
    course = key.split("/")[2].replace("course", "course ")
    loaded.tick()
    assert loaded.check(TABLE, CHECK).passed
    loaded.vocareum.put(key, files[key], datetime.now(UTC) - timedelta(days=9))
    assert not loaded.tick().run_requests, "the version is loaded"
    found = loaded.check(TABLE, CHECK)
    assert (found.passed, found.severity.name) == (False, "WARN")
    assert f"newest: {course} on" in found.description
    sql = f"SELECT passed FROM ops.checks WHERE (name, subject) = ('{CHECK}', '{TABLE}')"
    assert loaded.rows(sql) == [(False,)]
