"""`quarantine`: list rejected records, and reload their files after a fix."""

from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.failing_check import FAILING, SUBJECT, add_failing_check

COURSES = "org9001/course-asn_mapping/course_mapping.csv"
HEADER = "org_id, org_name, course_id, course_name, create_method, parent_course_id\n"


def test_quarantine_lists_rejects_by_dataset_reason_and_file(
    run: Run, synced: Path, organisation: Organisation
):
    everything = run("quarantine", "list", "--limit", "500")
    assert everything.exit_code == 0
    for planted in organisation.truth.planted:
        assert planted.key.rsplit("/", 1)[1] in everything.output, planted
    assert "course" in everything.output, "that it is a grades.csv does not say which"
    few = run("quarantine", "list", "--limit", "2")
    assert "more than 2 lines" in few.output and "more than" not in everything.output
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        rejects = connection.execute(
            "SELECT dataset, reasons[1].reason, source_key, line FROM quarantine.rejects"
            " ORDER BY ALL"
        ).fetchall()
    dataset, reason = rejects[0][:2]
    some = run("quarantine", "list", "--dataset", dataset, "--reason", reason, "--records")
    rows = [line.split("\t")[:2] for line in some.output.splitlines() if ".csv\t" in line]
    assert rows == [[key, str(line)] for *about, key, line in rejects if about == [dataset, reason]]


@pytest.mark.parametrize("command", ["list", "replay"])
def test_a_name_that_no_file_has_is_said_instead_of_an_empty_answer(
    run: Run, synced: Path, command: str
):
    answer = run("quarantine", command, "--file", "no such file")
    assert answer.output.startswith("No loaded file has 'no such file' in its key. See the keys:")
    assert answer.exit_code == 0


@pytest.mark.slow
def test_a_replay_after_a_fixed_rule_loads_the_rejected_records(
    run: Run,
    synced: Path,
    demo: DemoVocareum,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
):
    """The planted negative cost becomes valid; without a fix, a replay changes nothing."""
    before = costs(synced)
    assert run("quarantine", "replay", "--dataset", "aws_cost").exit_code == 0
    assert costs(synced) == before
    cost = DATASETS["aws_cost"].schema.columns["cost"]
    monkeypatch.setattr(cost, "checks", [])
    result = run("quarantine", "replay", "--dataset", "aws_cost")
    assert result.exit_code == 0, result.output
    assert costs(synced) == (before[0] + 1, before[1] - 1)
    with duckdb.connect(str(synced / "analytics.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM raw.aws_cost").fetchone() == (
            before[0] + 1,
        ), "not published"
    assert demo.count("GET") == 0, "it reads the landing folder"


def costs(data: Path) -> tuple[int, int]:
    """Return the rows and rejects of aws_cost."""
    with open_warehouse(data / "warehouse.duckdb") as connection:
        sql = (
            "SELECT (SELECT count(*) FROM raw.aws_cost), (SELECT count(*) FROM quarantine.rejects"
            " WHERE dataset = 'aws_cost')"
        )
        found = connection.execute(sql).fetchone()
    assert found is not None
    return found


@pytest.mark.slow
def test_a_replay_of_a_missing_file_keeps_its_rows_and_names_the_remedy(run: Run, synced: Path):
    before = costs(synced)
    for path in (synced / "landing" / "aws_cost").iterdir():
        path.unlink()
    result = run("quarantine", "replay", "--dataset", "aws_cost")
    assert result.exit_code == 1, result.output
    assert "sync --full" in result.output
    assert costs(synced) == before
    assert run("quarantine", "replay", "--dataset", "asn_mapping").exit_code == 0


def test_a_quiet_replay_still_names_a_file_that_it_cannot_load(run: Run, synced: Path) -> None:
    for path in (synced / "landing" / "aws_cost").iterdir():
        path.unlink()
    result = run("quarantine", "replay", "--dataset", "aws_cost", "--quiet")
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert "aws_cost" in result.stderr and "sync --full" in result.stderr, result.output


def test_a_replay_tells_each_failing_check_and_what_it_withholds(
    run: Run, synced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_failing_check(tmp_path / "models", monkeypatch)
    result = run("quarantine", "replay", "--dataset", "aws_cost", "--quiet")
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert f"{SUBJECT}, check {FAILING} (since " in result.stderr, result.output
    assert "Ask whoever wrote this test." in result.stderr, "the remedy"
    [kept] = [line for line in result.stderr.splitlines() if line.startswith("Kept as published")]
    assert SUBJECT in kept


def test_a_replay_with_nothing_to_do_reports_it(run: Run, demo: DemoVocareum, data: Path):
    with open_warehouse(data / "warehouse.duckdb"):
        pass  # one that holds nothing
    result = run("quarantine", "replay")
    assert (result.exit_code, "Nothing to replay" in result.output) == (0, True), result.output


def test_an_unknown_dataset_is_refused_everywhere(run: Run, demo: DemoVocareum):
    for command in (("quarantine", "list"), ("quarantine", "replay")):
        result = run(*command, "--dataset", "grade")
        assert result.exit_code == 2, result.output
        assert "lab_sessions" in result.output


def test_the_published_file_has_no_quarantine(synced: Path):
    with duckdb.connect(str(synced / "analytics.duckdb"), read_only=True) as connection:
        names = {
            row[0]
            for row in connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
            ).fetchall()
        }
    assert "quarantine.rejects" not in names
    assert names
