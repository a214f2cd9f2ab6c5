"""Missing files, versions that lost their rows, and copies: reported everywhere, and kept until
`close` ends them.
"""

from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import Run, status_json
from analytics_pipeline_tests.support.failing_check import FAILING, SUBJECT, add_failing_check


def published(data: Path, sql: str, *parameters: object) -> list[tuple]:
    with duckdb.connect(str(data / "analytics.duckdb"), read_only=True) as connection:
        return connection.execute(sql, list(parameters)).fetchall()


def lost(run: Run) -> tuple[int, list[dict]]:
    """Return the exit code of `status`, and what is missing by it.

    On one day in three, the organisation's last days have files that equal one another.
    """
    code, found = status_json(run)
    return code, [event for event in found["absent"] if event["kind"] != "repeated"]


@pytest.fixture
def course(organisation: Organisation) -> str:
    """Return the key of an enrollment file."""
    return max(key for key in organisation.files() if "/enrollment/" in key)


@pytest.mark.thorough
def test_a_course_deleted_upstream_is_reported_everywhere_and_its_students_leave_on_close(
    run: Run, synced: Path, demo: DemoVocareum, course: str
):
    number = course.split("/course")[1].split("/")[0]
    sql = "SELECT count(*) FROM raw.enrollment WHERE _source_key = ?"
    ((students,),) = published(synced, sql, course)
    demo.delete(course)

    result = run("sync")
    assert result.exit_code == 1, result.output
    assert (
        f"{course}: it is no longer delivered; the warehouse keeps its {students} rows"
        in result.output
    )
    assert f"analytics-pipeline close --dataset enrollment --partition {number}" in result.output
    assert published(synced, sql, course) == [(students,)], "the rows stay"
    assert published(
        synced, "SELECT partition, kind FROM ops.absences WHERE kind <> 'repeated'"
    ) == [(number, "gone")], "not published"
    code, (event,) = lost(run)
    assert (code, event["dataset"], event["partition"], event["kind"]) == (
        1,
        "enrollment",
        number,
        "gone",
    )
    assert run("report").exit_code == 0
    assert f"enrollment {number}: it is no longer delivered" in (synced / "report.html").read_text()

    close = ("close", "--dataset", "enrollment", "--partition", number)
    dry = run(*close, "--dry-run")
    assert (dry.exit_code, f"{students} rows" in dry.output) == (0, True), dry.output
    assert lost(run)[0] == 1, "a dry run changes nothing"
    done = run(*close)
    assert done.exit_code == 0, done.output
    assert published(synced, sql, course) == [(0,)]
    assert published(synced, "SELECT older_files FROM ops.published") == [(0,)]
    assert "from an older warehouse" not in done.output + (synced / "report.html").read_text()
    left = (
        "SELECT count(DISTINCT user_id) FROM marts.roster_changes WHERE course_id = ? AND change ="
        " 'left'"
    )
    assert published(synced, left, int(number))[0][0] > 0, "the models are not rebuilt"
    assert lost(run) == (0, [])
    assert run("sync").exit_code == 0
    assert run(*close).exit_code == 2, "there is nothing to close any more"


def test_a_close_tells_what_a_failing_check_withholds(
    run: Run,
    synced: Path,
    demo: DemoVocareum,
    organisation: Organisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = sorted(key for key in organisation.files() if "/enrollment/" in key)[:2]
    closes = [
        ("close", "--dataset", "enrollment", "--partition", key.split("/course")[1].split("/")[0])
        for key in (first, second)
    ]
    demo.delete(first)
    demo.delete(second)
    assert run("sync").exit_code == 1
    one_left = run(*closes[0], "--quiet")
    assert (one_left.exit_code, one_left.stderr) == (0, ""), "the other file withholds nothing"

    add_failing_check(tmp_path / "models", monkeypatch)
    withheld = run(*closes[1], "--quiet")
    assert withheld.exit_code == 1, withheld.output
    assert f"{SUBJECT}, check {FAILING} (since " in withheld.stderr, withheld.output
    assert "Ask whoever wrote this test." in withheld.stderr, "the remedy"
    [kept] = [line for line in withheld.stderr.splitlines() if line.startswith("Kept as pub")]
    assert SUBJECT in kept


@pytest.mark.slow
def test_header_only_grades_keep_the_previous_scores_until_accepted(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
):
    key = max(key for key in organisation.files() if "/grades/" in key)
    number = key.split("/course")[1].split("/")[0]
    demo.put(key, organisation.files()[key].split(b"\n")[0] + b"\n")
    result = run("sync")
    assert result.exit_code == 1, result.output
    assert f"{key}: the new version has no rows to load" in result.output
    code, (event,) = lost(run)
    assert (code, event["kind"], event["held"]) == (1, "shrunk", True)
    assert "the new version has no rows" in run("findings", "--dataset", "grades").output
    sql = "SELECT count(*) > 0 FROM raw.grades WHERE _source_key = ?"
    assert published(synced, sql, key) == [(True,)]
    assert run("close", "--dataset", "grades", "--partition", number).exit_code == 0
    assert published(synced, sql, key) == [(False,)]
    assert (lost(run), run("sync").exit_code) == ((0, []), 0)


@pytest.mark.thorough
def test_close_leaves_a_file_that_is_delivered_again_and_says_if_nobody_can_tell(
    run: Run,
    synced: Path,
    demo: DemoVocareum,
    organisation: Organisation,
    course: str,
    monkeypatch: pytest.MonkeyPatch,
):
    number = course.split("/course")[1].split("/")[0]
    demo.delete(course)
    assert run("sync").exit_code == 1
    demo.put(course, organisation.files()[course])
    close = ("close", "--dataset", "enrollment", "--partition", number)
    for arguments in (close, (*close, "--dry-run")):
        refused = run(*arguments)
        assert refused.exit_code == 2, refused.output
        assert f"{course} is delivered again, so nothing was removed" in refused.output
    assert run("sync").exit_code == 0
    changes = "SELECT count(*) FROM marts.roster_changes WHERE course_id = ? AND change = 'left'"
    assert published(synced, changes, int(number)) == [(0,)], "nobody left"

    demo.delete(course)
    assert run("sync").exit_code == 1
    monkeypatch.setenv("VOCAREUM_API_TOKEN", "")
    unasked = run(*close, "--dry-run")
    assert unasked.exit_code == 0, unasked.output
    assert "is delivered again could not be checked" in unasked.output


def test_close_reports_that_nothing_is_missing(run: Run, synced: Path):
    result = run("close", "--dataset", "grades", "--partition", "1")
    assert (result.exit_code, "analytics-pipeline status" in result.output) == (
        2,
        True,
    ), result.output


@pytest.mark.thorough
def test_a_sync_of_one_dataset_reports_others_absences_and_does_not_fail(
    run: Run, synced: Path, demo: DemoVocareum, course: str
):
    demo.delete(course)
    other = run("sync", "--dataset", "aws_cost")
    assert other.exit_code == 0, other.output
    assert (
        "Not selected, so not part of the exit code: raw.enrollment, check nothing_lost"
        in other.output
    )
    assert f"{course}: it is no longer delivered" in other.output
    for asked in (
        ("--dataset", "enrollment"),
        ("--dataset", "aws_cost", "--dataset", "enrollment"),
        (),
    ):
        result = run("sync", *asked)
        assert (result.exit_code, f"{course}: it is no longer delivered" in result.output) == (
            1,
            True,
        ), result.output
        assert "Not selected" not in result.output


def test_a_sync_of_some_days_ignores_a_missing_file_of_another_day(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation
):
    first, second = sorted(key for key in organisation.truth.records if "azure_cost_" in key)[:2]
    days = [key.split("azure_cost_")[1].removesuffix(".csv") for key in (first, second)]
    demo.delete(first)
    since = run("sync", "--dataset", "azure_cost", "--since", days[1])
    assert (since.exit_code, f"{first}: it is no longer delivered" in since.output) == (
        0,
        True,
    ), since.output
    result = run("sync", "--dataset", "azure_cost", "--since", days[0])
    assert (result.exit_code, "Not selected" in result.output) == (1, False), result.output


def test_status_reports_a_missing_file_before_any_sync_and_writes_nothing(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation, course: str
):
    demo.delete(course)
    before = (synced / "warehouse.duckdb").read_bytes()
    code, (event,) = lost(run)
    assert (code, event["key"], event["kind"]) == (1, course, "gone")
    text = run("status")
    assert (text.exit_code, f"{course}: gone since" in text.output) == (1, True), text.output
    assert "raw.enrollment, check nothing_lost" in text.output
    assert (synced / "warehouse.duckdb").read_bytes() == before
    assert run("sync").exit_code == 1
    assert len(lost(run)[1]) == 1, "an event that is noted is not found a second time"
    demo.put(course, organisation.files()[course])
    assert lost(run) == (0, []), "it is delivered again, which no sync has seen yet"
