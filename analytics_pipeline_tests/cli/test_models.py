"""`models`: a change of a model is tried in memory, on the published file alone, and compared with
what is published.
"""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import Result
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project
from analytics_pipeline.sql_models.keys import grain
from analytics_pipeline.sql_models.project import default_folder
from analytics_pipeline.sql_models.sandbox import open_sandbox
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import publish

READS_LOG = "staging.lab_session_rows"
"""The one model that reads a private column: the log, of which it takes words of a fixed list."""


@pytest.fixture(scope="module")
def published(loaded_organisation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file in a folder where there is nothing else. Not to be changed."""
    target = tmp_path_factory.mktemp("analyst") / "analytics.duckdb"
    with open_warehouse(loaded_organisation / "warehouse.duckdb") as connection:
        publish(connection, target, pii=False)
    return target


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the models, to be changed."""
    shutil.copytree(default_folder(), tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def run(published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a `models` command as somebody who has the published file and nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("ANALYTICS_PUBLISHED_DIR", str(published.parent))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["models", *arguments])

    return invoke


def change(folder: Path, model: str, before: str, after: str) -> None:
    file = folder / f"{model}.sql"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def built(result: Result) -> dict[str, dict]:
    return {row["model"]: row for row in json.loads(result.stdout)["built"]}


def test_every_model_is_built_from_the_published_file_as_it_is_published(
    run, published: Path
) -> None:
    before = published.read_bytes()
    done = run("build", "--json")
    assert done.exit_code == 0, done.output
    rows, found = built(done), json.loads(done.stdout)
    assert set(rows) == load_project().models.keys()
    for name, row in rows.items():
        told = (row["added"], row["removed"], row["changed"] or 0, row["columns_that_differ"])
        assert (row["rows"], told) == (row["published"], (0, 0, 0, "")), name
    assert not [note for note in found["notes"] if "private" in note]
    assert published.read_bytes() == before
    assert list(published.parent.iterdir()) == [published], "nothing is written beside the file"


def test_a_change_is_shown_by_rows_and_columns_in_the_model_and_in_all_that_read_it(
    run, folder: Path
) -> None:
    change(folder, "marts/daily_cloud_spend", " AS cost, --", " + 1 AS cost, --")
    alone = built(run("build", "--models", str(folder), "--select", "daily_cloud_spend", "--json"))
    assert set(alone) == {"marts.daily_cloud_spend"}
    rows = built(run("build", "--models", str(folder), "--select", "daily_cloud_spend+", "--json"))
    mart = rows["marts.daily_cloud_spend"]
    assert (mart["added"], mart["removed"], mart["changed"]) == (0, 0, mart["rows"])
    assert mart["columns_that_differ"] == f"cost: {mart['rows']:,}"
    assert "spend: " in rows["marts.course_summary"]["columns_that_differ"]
    assert "marts.lab_sessions" not in rows


def test_rows_are_added_and_removed_by_their_key(run, folder: Path) -> None:
    (folder / "marts" / "course_lineage.sql").write_text(
        (folder / "marts" / "course_lineage.sql").read_text().rstrip().removesuffix(";")
    )
    change(
        folder,
        "staging/courses",
        "WHERE place = 1",
        "WHERE place = 1 AND course_id <> (SELECT min(course_id) FROM raw.course_mapping)",
    )
    rows = built(run("build", "--models", str(folder), "--select", "staging.courses+", "--json"))
    assert (rows["staging.courses"]["removed"], rows["staging.courses"]["added"]) == (1, 0)
    assert rows["marts.course_lineage"]["removed"] == 1


def test_changed_rows_are_shown_before_and_after(run, folder: Path) -> None:
    change(folder, "marts/daily_cloud_spend", " AS cost, --", " + 1 AS cost, --")
    done = run(
        "build",
        "--models",
        str(folder),
        "--select",
        "daily_cloud_spend",
        "--changes",
        "4",
        "--rows",
        "1",
        "--json",
    )
    found = json.loads(done.stdout)
    first, second, *_ = found["changes_of_marts_daily_cloud_spend"]
    assert (first.pop("change"), second.pop("change")) == ("-", "+")
    assert float(second.pop("cost")) == float(first.pop("cost")) + 1
    assert first == second and set(first) == {
        "spend_date",
        "provider",
        "aws_account_id",
        "user_id",
        "part_id",
    }
    assert len(found["rows_of_marts_daily_cloud_spend"]) == 1


def test_a_new_model_with_a_new_one_that_it_reads_is_built(run, folder: Path) -> None:
    (folder / "marts" / "first.sql").write_text(
        "-- One.\nSELECT\n    count(*) AS n -- How many.\nFROM staging.courses\n"
    )
    (folder / "marts" / "second.sql").write_text(
        "-- Two.\nSELECT\n    n * 2 AS twice -- Twice.\nFROM marts.first\n"
    )
    rows = built(run("build", "--models", str(folder), "--select", "second", "--json"))
    assert {name: (row["rows"], row["published"]) for name, row in rows.items()} == {
        "marts.first": (1, None),
        "marts.second": (1, None),
    }


def test_what_can_not_be_built_without_private_data_is_named_with_the_reason(
    run, folder: Path
) -> None:
    change(folder, "staging/lab_session_rows", "    end_reason, --", "    log AS end_reason, --")
    done = run("build", "--models", str(folder), "--select", "staging.lab_session_rows")
    assert (done.exit_code, "raw.lab_sessions.log, which is private" in done.output) == (
        1,
        True,
    ), done.output
    change(
        folder, "staging/enrollment", "    client_key, --", "    name, -- Name.\n    client_key, --"
    )
    done = run("build", "--models", str(folder), "--select", "staging.enrollment")
    assert (done.exit_code, "it reads raw.enrollment.name, which is private" in done.output) == (
        1,
        True,
    ), done.output


def test_wrong_sql_is_answered_with_file_and_line_and_what_reads_it_is_not_built(
    run, folder: Path
) -> None:
    change(
        folder,
        "marts/lab_sessions",
        "FROM staging.lab_sessions",
        "FROM staging.lab_sessions WHERE nonsense",
    )
    done = run("build", "--models", str(folder), "--select", "marts.lab_sessions+")
    assert done.exit_code == 1, done.output
    assert 'column "nonsense" not found' in done.output and "lab_sessions.sql" in done.output
    assert (
        "marts.lab_launches_daily was not built: not built, as it reads marts.lab_sessions"
        in done.output
    )
    assert "Traceback" not in done.output


def test_the_tests_of_the_published_models_hold_and_those_of_private_data_are_named(run) -> None:
    done = run("test", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["problems"]) == (0, []), done.output
    assert {row["verdict"] for row in found["tests"]} <= {"passes", "warns"}
    assert len(found["tests"]) > 30


def test_a_test_that_fails_names_itself_and_the_rows_that_break_it(run, folder: Path) -> None:
    change(folder, "marts/daily_cloud_spend", " AS cost, --", " * 2 AS cost, --")
    done = run(
        "test", "--models", str(folder), "--select", "daily_cloud_spend", "--rows", "1", "--json"
    )
    found = json.loads(done.stdout)
    name = "daily_spend_adds_up_to_what_was_reported"
    assert (done.exit_code, {row["test"]: row["verdict"] for row in found["tests"]}[name]) == (
        1,
        "fails",
    )
    assert any(problem.startswith(name) for problem in found["problems"])
    assert len(found[name]) == 1 and {"user_id", "cost"} <= set(found[name][0])


def test_list_and_show_need_no_data(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANALYTICS_PUBLISHED_DIR", str(tmp_path))
    listed = json.loads(run("list", "--json").stdout)["models"]
    assert [row["model"] for row in listed] == list(load_project().models)
    shown = json.loads(run("show", "course_summary", "--json").stdout)
    assert "Grain: course_id." in shown["notes"]
    assert {row["column"] for row in shown["columns"]} >= {"spend", "students"}
    assert "grain_of_course_summary" in {row["test"] for row in shown["tests"]}
    lineage = {(row["direction"], row["table"]) for row in shown["lineage"]}
    assert ("reads", "marts.spend_days") in lineage
    missing = run("build")
    assert (missing.exit_code, "There is no published file" in missing.output) == (
        2,
        True,
    ), missing.output


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nonsense", "There is no model 'nonsense'"),
        ("lab_sessions", "Use staging.lab_sessions or marts."),
    ],
)
def test_an_unknown_or_ambiguous_model_name_is_refused(run, name: str, says: str) -> None:
    for command in (("show", name), ("build", "--select", f"{name}+")):
        done = run(*command)
        assert (done.exit_code, says in done.output) == (2, True), done.output


def test_a_model_reaches_no_other_file(published: Path, tmp_path: Path) -> None:
    other = tmp_path / "secret.csv"
    other.write_text("a\n1\n")
    with open_sandbox(published, load_project()) as sandbox:
        for sql in (f"FROM read_csv('{other}')", f"FROM '{other}'", "SELECT getenv('HOME')"):
            with pytest.raises(duckdb.Error) as refused:
                sandbox.rows(sql, 1)
            assert "disabled" in str(refused.value) or "does not exist" in str(refused.value), sql
        with pytest.raises(duckdb.Error, match="read-only"):
            sandbox.connection.execute("DELETE FROM published.marts.course_summary")


def test_every_mart_declares_the_key_that_its_rows_are_compared_by() -> None:
    project = load_project()
    assert {
        m.name for m in project.models.values() if not m.is_view and not grain(m, project.tests)
    } == set()


def test_a_file_with_personal_data_builds_every_model(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "with names" / "analytics.duckdb"
    with open_warehouse(settings.warehouse_path) as connection:
        publish(connection, target, pii=True)
    done = CliRunner().invoke(
        app, ["models", "build", "--from", str(target), "--select", READS_LOG, "--json"]
    )
    assert (done.exit_code, set(built(done))) == (0, {READS_LOG}), done.output


@pytest.mark.parametrize("command", ["list", "build", "test"])
def test_a_folder_of_models_that_does_not_exist_is_named(command: str) -> None:
    done = CliRunner().invoke(app, ["models", command, "--models", "nosuch"])
    assert done.exit_code == 2, done.output
    assert "'nosuch' does not exist" in done.stderr
