"""`analytics-pipeline erase`: asks first, shows the counts, and leaves a receipt."""

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.operations import erase_person
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import project
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.failing_check import FAILING, SUBJECT, add_failing_check
from analytics_pipeline_tests.support.left_log import leave_log


@pytest.fixture
def user_id(settings: Settings) -> int:
    """Return a person with sessions."""
    with open_warehouse(settings.warehouse_path) as connection:
        [(found,)] = connection.execute("SELECT min(user_id) FROM raw.lab_sessions").fetchall()
    return int(found)


def _sessions(settings: Settings, user_id: int) -> int:
    with open_warehouse(settings.warehouse_path) as connection:
        [(count,)] = connection.execute(
            "SELECT count(*) FROM raw.lab_sessions WHERE user_id = ?", [user_id]
        ).fetchall()
    return int(count)


def _models_with(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Use a copy of the models in which one file holds this text."""
    shutil.copytree(project.default_folder(), folder)
    (folder / "marts" / "daily_spend.sql").write_text(text)
    monkeypatch.setattr(project, "default_folder", lambda: folder)


MARTS = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'"


def _published(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with closing(duckdb.connect(str(settings.published_path), read_only=True)) as connection:
        return connection.execute(query).fetchall()


def test_an_invalid_model_file_keeps_nobody_in_the_published_file(
    settings: Settings, user_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = f"SELECT count(*) FROM raw.lab_sessions WHERE user_id = {user_id}"
    assert CliRunner().invoke(app, ["publish"]).exit_code == 0
    assert _published(settings, theirs) > [(0,)]
    published_before = {f"marts.{name}" for (name,) in _published(settings, MARTS)}
    with monkeypatch.context() as broken:
        _models_with(tmp_path / "models", broken, "SELEC nonsense FRO nowhere(")
        done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--yes"])
    assert done.exit_code == 1, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "daily_spend" in done.stderr
    assert "run the same command again" in done.stderr
    assert _published(settings, theirs) == [(0,)]
    broken_and_readers = {
        model.qualified for model in project.load_project().affected({"marts.daily_spend"})
    }
    there = {f"marts.{name}" for (name,) in _published(settings, MARTS)}
    assert there == published_before - broken_and_readers
    assert len(there) > 5, "one broken file takes no more with it than what reads it"
    [receipt] = (settings.data_dir / "receipts").iterdir()
    assert "daily_spend" in json.loads(receipt.read_text())["invalid_models"]
    again = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--yes"])
    assert again.exit_code == 0, again.output
    assert {f"marts.{name}" for (name,) in _published(settings, MARTS)} == published_before


def test_nobody_stays_readable_through_another_programs_log(
    settings: Settings, user_id: int
) -> None:
    assert CliRunner().invoke(app, ["publish"]).exit_code == 0
    log = leave_log(settings.published_path, "CREATE TABLE main.mine AS FROM raw.lab_sessions")
    theirs = f"SELECT count(*) FROM main.mine WHERE user_id = {user_id}"
    assert _published(settings, theirs) > [(0,)]
    done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--yes"])
    assert (done.exit_code, log.exists()) == (0, False), done.output
    assert _published(settings, "FROM duckdb_tables() WHERE table_name = 'mine'") == []


def test_the_log_that_a_program_begins_during_an_erasure_is_removed(
    settings: Settings, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the previous file open, so it can copy the person from it."""
    log = settings.published_path.with_name("analytics.duckdb.wal")
    real = erase_person._publish

    def publish(*arguments: Any) -> Any:
        done = real(*arguments)
        log.write_bytes(b"the person")
        return done

    monkeypatch.setattr(erase_person, "_publish", publish)
    done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--yes"])
    assert (done.exit_code, log.exists()) == (0, False), done.output


def test_an_erasure_tells_each_failing_check_and_what_it_withholds(
    settings: Settings, user_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in the receipt, too. The person is erased all the same."""
    assert CliRunner().invoke(app, ["publish"]).exit_code == 0
    add_failing_check(tmp_path / "models", monkeypatch)
    done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--yes", "--quiet"])
    assert done.exit_code == 1, done.output
    assert f"{SUBJECT}, check {FAILING} (since " in done.stderr, done.output
    assert "Ask whoever wrote this test." in done.stderr, "the remedy"
    [left_out] = [line for line in done.stderr.splitlines() if line.startswith("Left out, ")]
    assert SUBJECT in left_out
    assert (SUBJECT,) not in _published(
        settings, "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
    )
    assert _sessions(settings, user_id) == 0
    [path] = (settings.data_dir / "receipts").iterdir()
    receipt = json.loads(path.read_text())
    assert receipt["withheld"] == [left_out]
    [check] = receipt["failing_checks"]
    assert check.startswith(f"{SUBJECT}, check {FAILING} (since ")


def test_nothing_is_erased_if_the_receipt_cannot_be_written(
    settings: Settings, user_id: int
) -> None:
    before = _sessions(settings, user_id)
    (settings.data_dir / "receipts").write_text("a file in the way of the folder")
    done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--yes"])
    assert done.exit_code == 2, done.output
    assert "receipts" in done.stderr
    assert _sessions(settings, user_id) == before > 0
    with open_warehouse(settings.warehouse_path) as connection:
        assert connection.execute("FROM ops.erased").fetchall() == []


def test_a_dry_run_shows_counts_and_asks_nothing(settings: Settings, user_id: int) -> None:
    before = _sessions(settings, user_id)
    done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "raw.lab_sessions" in done.stdout
    assert "would be removed" in done.stderr, "the heading says that nothing is removed yet"
    assert _sessions(settings, user_id) == before > 0


def test_with_json_nothing_is_asked_and_nothing_erased_without_a_yes(
    settings: Settings, user_id: int
) -> None:
    command = ["erase", "--user-id", str(user_id), "--json"]
    done = CliRunner().invoke(app, command, input="y\n")
    assert done.exit_code == 2, done.output
    (problem,) = json.loads(done.stdout)["problems"]
    assert "add --yes to erase, or --dry-run to count" in problem
    assert _sessions(settings, user_id) > 0
    counted = json.loads(CliRunner().invoke(app, [*command, "--dry-run"]).stdout)
    assert "raw.lab_sessions" in {row["table"] for row in counted["tables"]}


def test_answering_no_changes_nothing(settings: Settings, user_id: int) -> None:
    done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id)], input="n\n")
    assert done.exit_code == 1
    assert "permanently" in done.stderr and "permanently" not in done.stdout, "no row is a question"
    assert _sessions(settings, user_id) > 0
    assert not (settings.data_dir / "receipts").exists()


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("options", "typed"), [(["--yes"], None), ([], "y\n")], ids=["--yes", "a typed yes"]
)
def test_a_yes_erases_and_leaves_a_receipt(
    settings: Settings, user_id: int, options: list[str], typed: str | None
) -> None:
    done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), *options], input=typed)
    assert done.exit_code == 0, done.output
    assert _sessions(settings, user_id) == 0
    [receipt] = (settings.data_dir / "receipts").iterdir()
    assert json.loads(receipt.read_text())["tables"]["raw.lab_sessions"]["rows"] > 0
    assert receipt.name in done.stdout.replace("\n", "")


def test_without_a_warehouse_erase_says_that_nothing_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(app, ["erase", "--user-id", "1", "--yes"])
    assert done.exit_code == 2
    assert "nothing is stored" in done.output
    assert list(tmp_path.iterdir()) == []
