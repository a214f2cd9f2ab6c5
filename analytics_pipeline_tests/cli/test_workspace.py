"""`analytics-pipeline workspace`: several organisations in one Dagster, each with an env file."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.code_location import load_code_location
from analytics_pipeline.orchestration.daemon import DaemonRunning, hold_daemon_lock
from analytics_pipeline.orchestration.instance import project_file
from analytics_pipeline.orchestration.workspace import WorkspaceError, served, workspace_file
from analytics_pipeline.settings import Settings, SettingsError, load_settings
from analytics_pipeline_tests.support.organisations import deliver, write_env_file

TOKENS = {"9417": "t0ken-of-9417", "9418": "t0ken-of-9418"}


@pytest.fixture(scope="module")
def servers() -> Iterator[list[DemoVocareum]]:
    """Two simulations. They take a second each to stop."""
    with ExitStack() as stack:
        yield [stack.enter_context(DemoVocareum(org, token=token)) for org, token in TOKENS.items()]


@pytest.fixture
def organisations(
    servers: list[DemoVocareum], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[DemoVocareum]:
    """Two simulated organisations; the settings of this process are those of no organisation."""
    for field in Settings.model_fields.values():
        monkeypatch.setenv(str(field.validation_alias), "")
    monkeypatch.setenv("ANALYTICS_DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.chdir(tmp_path)
    for server in servers:
        server.clear()
    return servers


@pytest.fixture
def files(organisations: list[DemoVocareum], tmp_path: Path) -> list[Path]:
    """Their env files, in the workspace."""
    files = [write_env_file(tmp_path, vocareum) for vocareum in organisations]
    for file in files:
        assert run("workspace", "add", file.name).exit_code == 0
    return files


def run(*arguments: str) -> Result:
    """Run the command line; undo what it does to the environment."""
    with pytest.MonkeyPatch.context() as undone:
        for name in [*os.environ]:
            undone.setenv(name, os.environ[name])
        return CliRunner().invoke(app, arguments)


def test_each_organisation_becomes_a_code_location_and_no_secret_is_written(
    files: list[Path], tmp_path: Path
) -> None:
    home = tmp_path / "dagster"
    written = yaml.safe_load((home / "workspace.yaml").read_text())
    assert [entry["python_file"]["location_name"] for entry in written["load_from"]] == [
        "org9417",
        "org9418",
    ]
    texts = [path.read_text() for path in home.rglob("*") if path.is_file()]
    assert len(texts) == 3
    assert not any(token in text for token in TOKENS.values() for text in texts)
    assert {path.stat().st_mode & 0o777 for path in home.rglob("*") if path.is_file()} == {0o600}
    assert workspace_file(load_settings()) == home / "workspace.yaml"
    listed = json.loads(run("workspace", "list", "--json").stdout)["workspace"]
    assert [(row["organisation"], row["env_file"]) for row in listed] == [
        ("org9417", str(files[0])),
        ("org9418", str(files[1])),
    ]


def test_the_last_organisation_that_is_removed_leaves_the_packages_workspace(
    files: list[Path], tmp_path: Path
) -> None:
    assert run("workspace", "remove", "org9418").exit_code == 0
    assert run("workspace", "remove", "org9418").exit_code == 2
    assert "org9418" not in (tmp_path / "dagster" / "workspace.yaml").read_text()
    assert run("workspace", "remove", "org9417").exit_code == 0
    assert workspace_file(load_settings()) == project_file("workspace.yaml")
    assert files[0].exists(), "its settings are kept"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ANALYTICS_KEY_PREFIX": ""}, "ANALYTICS_KEY_PREFIX=true"),
        ({"ANALYTICS_DAGSTER_HOME": ""}, "ANALYTICS_DAGSTER_HOME"),
        ({"VOCAREUM_ORG_ID": ""}, "VOCAREUM_ORG_ID is not set"),
        ({"VOCAREUM_API_TOKEN": ""}, "VOCAREUM_API_TOKEN is not set"),
        ({"ANALYTICS_DATA_DIR": "data"}, "ANALYTICS_DATA_DIR"),
        ({"ANALYTICS_DATA_DIR": "{folder}/org9418"}, "org9418 already uses {folder}/org9418"),
        ({"ANALYTICS_DATA_DIR": "{folder}/dagster/../org9418"}, "Set ANALYTICS_DATA_DIR"),
        ({"ANALYTICS_PUBLISHED_DIR": "{folder}/org9418"}, "Set ANALYTICS_PUBLISHED_DIR"),
        (
            {"ANALYTICS_DATA_DIR": "{folder}/pages", "ANALYTICS_PUBLISHED_DIR": "{folder}/own"},
            "Set ANALYTICS_DATA_DIR",
        ),
        (
            {
                "ANALYTICS_WAREHOUSE": "ducklake:postgres:dbname=lake",
                "ANALYTICS_WAREHOUSE_DATA": "lake",
            },
            "give ANALYTICS_WAREHOUSE_DATA as an absolute path",
        ),
    ],
)
def test_an_organisation_that_is_not_apart_from_others_is_refused(
    organisations: list[DemoVocareum], tmp_path: Path, change: dict[str, str], says: str
) -> None:
    other = write_env_file(
        tmp_path, organisations[1], ANALYTICS_PUBLISHED_DIR=str(tmp_path / "pages")
    )
    assert run("workspace", "add", str(other)).exit_code == 0
    before = (tmp_path / "dagster" / "workspace.yaml").read_text()
    changes = {name: value.format(folder=tmp_path) for name, value in change.items()}
    refused = run("workspace", "add", str(write_env_file(tmp_path, organisations[0], **changes)))
    assert refused.exit_code == 2
    assert says.format(folder=tmp_path) in refused.stderr
    assert str(tmp_path / "org9417.env") in refused.stderr, "the message names the file"
    assert (tmp_path / "dagster" / "workspace.yaml").read_text() == before


def test_a_removal_that_is_interrupted_names_no_missing_file_and_can_be_repeated(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", interrupted)
        assert run("workspace", "remove", "org9418").exit_code == 2
    assert "org9418" not in (tmp_path / "dagster" / "workspace.yaml").read_text()
    assert run("workspace", "remove", "org9418").exit_code == 0
    assert not (tmp_path / "dagster" / "locations" / "org9418.py").exists()


@pytest.mark.parametrize("who", ["another user", "anybody"])
def test_an_env_file_that_another_user_could_have_written_is_refused(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    if who == "anybody":
        files[0].chmod(0o666)
    else:
        somebody = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: somebody)
        os.chown(files[0], 54_321, -1) if os.getuid() == 0 else None
    refused = run("workspace", "add", str(files[0]))
    assert refused.exit_code == 2
    assert str(files[0]) in refused.stderr
    with pytest.raises(SettingsError, match="could send the API token"):
        load_code_location(files[0])


def test_an_operators_workspace_is_kept(organisations: list[DemoVocareum], tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    theirs = tmp_path / "dagster" / "workspace.yaml"
    theirs.write_text("load_from: []\n")
    refused = run("workspace", "add", str(write_env_file(tmp_path, organisations[0])))
    assert (refused.exit_code, theirs.read_text()) == (2, "load_from: []\n")
    assert "was not written by `analytics-pipeline workspace`" in refused.stderr


def test_a_location_has_the_settings_of_its_file_alone(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "VOCAREUM_ORG_ID": "1",
        "BUDGETS_FILE": "/another/organisations.csv",
        "PUBLISH_PII": "true",
    }.items():
        monkeypatch.setenv(name, value)
    definitions = load_code_location(files[0])
    keys = definitions.get_repository_def().asset_graph.get_all_asset_keys()
    assert {key.path[0] for key in keys} == {"org9417"}
    settings = load_settings()
    assert (settings.org_id, settings.budgets_file, settings.publish_pii) == ("9417", None, False)


def test_a_location_whose_file_lost_its_prefix_does_not_load(
    files: list[Path], organisations: list[DemoVocareum], tmp_path: Path
) -> None:
    write_env_file(tmp_path, organisations[0], ANALYTICS_KEY_PREFIX="")
    with pytest.raises(WorkspaceError, match="ANALYTICS_KEY_PREFIX"):
        load_code_location(files[0])
    problems: list[str] = []
    assert [settings.org_id for settings in served(load_settings(), problems.append)] == ["9418"]
    assert len(problems) == 1 and str(files[0]) in problems[0]
    listed = run("workspace", "list")
    assert listed.exit_code == 2 and "org9418" in listed.stdout


def test_one_daemon_holds_the_data_folders_of_all_organisations(
    files: list[Path], tmp_path: Path
) -> None:
    alone = Settings(ANALYTICS_DATA_DIR=str(tmp_path / "org9418"), ANALYTICS_DAGSTER_HOME="")
    with hold_daemon_lock(load_settings()):
        with pytest.raises(DaemonRunning, match=str(tmp_path / "org9418")), hold_daemon_lock(alone):
            pass
        with pytest.raises(DaemonRunning), hold_daemon_lock(load_settings()):
            pass
    with hold_daemon_lock(alone):
        pass


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of an organisation's data folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_erasing_a_person_in_one_organisation_leaves_every_byte_of_the_other(
    organisations: list[DemoVocareum], files: list[Path], tmp_path: Path
) -> None:
    for vocareum, file in zip(organisations, files, strict=True):
        deliver(vocareum, "2026-11-01", rows=3)
        synced = run("--env-file", str(file), "sync")
        assert "Published: " in synced.stdout, synced.output
    folders = [tmp_path / f"org{vocareum.org_id}" for vocareum in organisations]
    before = [digests(folder) for folder in folders]
    assert {"warehouse.duckdb", "analytics.duckdb"} <= before[1].keys()
    erased = run("--env-file", str(files[0]), "erase", "--user-id", "2", "--yes")
    assert erased.exit_code == 0, erased.output
    assert digests(folders[0])["warehouse.duckdb"] != before[0]["warehouse.duckdb"]
    assert digests(folders[0])["analytics.duckdb"] != before[0]["analytics.duckdb"]
    assert digests(folders[1]) == before[1]


@pytest.mark.thorough
def test_another_organisations_data_folder_is_refused(
    organisations: list[DemoVocareum], files: list[Path], tmp_path: Path
) -> None:
    deliver(organisations[0], "2026-11-01")
    assert "Published: " in run("--env-file", str(files[0]), "sync").stdout
    deliver(organisations[1], "2026-11-01")
    wrong = write_env_file(tmp_path, organisations[1], ANALYTICS_DATA_DIR=str(tmp_path / "org9417"))
    before = digests(tmp_path / "org9417")["analytics.duckdb"]
    refused = run("--env-file", str(wrong), "sync")
    assert refused.exit_code == 2
    assert "org9417" in refused.stderr and "org9418" in refused.stderr
    assert digests(tmp_path / "org9417")["analytics.duckdb"] == before
