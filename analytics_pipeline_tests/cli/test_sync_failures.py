"""`sync` when something fails: a file, a model, its publication, all of it."""

import shutil
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.sql_models import project
from analytics_pipeline.sql_models.project import default_folder
from analytics_pipeline_tests.cli.conftest import OTHER_COURSES, Run, query, status_json


def outdated(run: Run) -> str | None:
    """Return why the published file must be published again, as `status` says."""
    found: str | None = status_json(run)[1]["outdated"]
    return found


def test_a_bad_file_fails_alone_with_its_key_reason_and_remedy(
    run: Run, synced: Path, demo: DemoVocareum
):
    good, bad = (
        "org9001/course-asn_mapping/course_mapping.csv",
        "org9001/course-asn_mapping/asn_mapping.csv",
    )
    rows = query(synced, "SELECT count(*) FROM raw.asn_mapping")
    demo.put(bad, b"<html>503</html>")
    demo.put(good, OTHER_COURSES)
    result = run("sync")
    assert result.exit_code == 1, result.output
    assert (
        f"{bad}: it is not CSV but HTML, XML or JSON, such as an error page. Ask Vocareum"
        in result.output
    )
    assert "Traceback" not in result.output
    assert query(synced, "SELECT count(*) FROM raw.asn_mapping") == rows, "the rows it had stay"
    assert query(synced, "SELECT course_id FROM raw.course_mapping ORDER BY 1") == [
        (n,) for n in range(1, 8)
    ], "the other file goes on"

    demo.clear_requests()
    again = run("sync")
    assert (again.exit_code, demo.count("GET")) == (
        1,
        0,
    ), "what has landed is not fetched again, and it is still red"
    assert bad in again.output


def test_a_model_that_invents_money_fails_its_test_in_every_interface(
    run: Run, synced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The published mart stays; `sync`, `publish`, `status` and the report name the test and its
    remedy; then it is fixed.
    """
    name = "daily_spend_adds_up_to_what_was_reported"
    spend = "SELECT sum(cost) FROM marts.daily_cloud_spend"

    def published() -> list:
        with duckdb.connect(str(synced / "analytics.duckdb"), read_only=True) as connection:
            return connection.execute(spend).fetchall()

    before = published()
    models = tmp_path / "models"
    shutil.copytree(default_folder(), models)
    mart = models / "marts" / "daily_cloud_spend.sql"
    good = mart.read_text()
    mart.write_text(good.replace(" AS cost, --", " * 2 AS cost, --"))
    assert mart.read_text() != good, "the model was not broken"
    monkeypatch.setattr(project, "default_folder", lambda: models)
    for command in ("sync", "sync", "publish", "status", "doctor"):
        result = run(command)
        assert result.exit_code == 1, (command, result.output)
        assert name in result.output and "do not publish it" in result.output, (
            command,
            result.output,
        )
    assert published() == before
    assert query(synced, spend) != before
    assert outdated(run) is None, "it keeps the mart back on purpose"
    assert run("report").exit_code == 0
    page = (synced / "report.html").read_text()
    assert 'role="alert"' in page and name in page
    mart.write_text(good)
    result = run("sync")
    assert (result.exit_code, name in result.output) == (0, False), result.output
    assert run("report").exit_code == 0
    assert 'role="alert"' not in (synced / "report.html").read_text()


def test_a_model_that_cannot_be_read_ends_in_its_text_and_no_traceback(
    run: Run, synced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    models = tmp_path / "models"
    shutil.copytree(default_folder(), models)
    (models / "marts" / "broken.sql").write_text("SELECT 1 AS x FROM nowhere")
    monkeypatch.setattr(project, "default_folder", lambda: models)
    result = run("sync")
    assert (result.exit_code, "marts/broken.sql: add the schema to nowhere" in result.output) == (
        2,
        True,
    ), result.output


def test_an_empty_bucket_is_not_called_complete(run: Run, demo: DemoVocareum):
    for command, code in (("sync", 2), ("status", 1), ("doctor", 2)):
        result = run(command)
        assert result.exit_code == code, (command, result.output)
        assert "Nothing is delivered under org9001/ in " in result.output, result.output
        assert "delivered is loaded" not in result.output
        assert "Complete" not in result.output
    found = status_json(run)[1]
    assert (found["complete"], found["unknown"]) == (False, [])


def test_a_bucket_of_which_no_file_is_recognised_is_not_called_complete(
    run: Run, demo: DemoVocareum
) -> None:
    key = "org9001/feeds/v2/lab_sessions/2026-11-18.csv"
    demo.put(key, b"user_id\n1\n")
    for command, code in (("sync", 2), ("status", 1), ("doctor", 2)):
        result = run(command)
        assert result.exit_code == code, (command, result.output)
        assert "Nothing can be loaded: this release recognises none" in result.output, result.output
        assert f"(1 file, such as {key})" in result.output
        assert "delivered is loaded" not in result.output
        assert "Complete" not in result.output
    found = status_json(run)[1]
    assert (found["complete"], found["unknown"]) == (False, [key])


def test_a_test_that_is_added_corrected_or_removed_takes_effect_with_the_next_sync(
    run: Run, synced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    shutil.copytree(default_folder(), models)
    monkeypatch.setattr(project, "default_folder", lambda: models)
    added = models / "tests" / "no_course.sql"
    assert run("status").exit_code == 0
    fails = "-- No course.\nSELECT course_id FROM marts.course_summary"
    steps = ((fails, 1), (f"{fails} WHERE false", 0), (None, 0))
    for sql, code in steps:
        added.write_text(sql) if sql else added.unlink()
        status = run("status")
        assert status.exit_code == 1, "the verdict is of another text"
        assert "Complete" not in status.output
        result = run("sync")
        assert (result.exit_code, "Rebuilding the models" in result.output) == (code, True), (
            result.output
        )
        assert ("check no_course" in result.output) == (code == 1)
        assert run("status").exit_code == code


def test_a_changed_parameter_is_not_complete_until_the_models_are_rebuilt(
    run: Run, synced: Path
) -> None:
    status = run("status", ANOMALY_FLOOR_USD="50")
    assert (status.exit_code, "marts.spend_anomalies" in status.output) == (1, True)
    assert run("sync", ANOMALY_FLOOR_USD="50").exit_code == 0
    assert run("status", ANOMALY_FLOOR_USD="50").exit_code == 0


def test_a_first_sync_in_which_everything_fails_publishes_nothing(
    run: Run, demo: DemoVocareum, data: Path
):
    demo.put("org9001/course-asn_mapping/course_mapping.csv", b"<html>503</html>")
    result = run("sync")
    assert result.exit_code == 1, result.output
    assert "it is not CSV but HTML" in result.output
    assert "Published" not in result.output
    assert not (data / "analytics.duckdb").exists()
    assert outdated(run) is None, "nothing is built, so nothing is to be published"
    refused = run("publish")
    assert (refused.exit_code, "holds no loaded file" in refused.output) == (
        2,
        True,
    ), refused.output
