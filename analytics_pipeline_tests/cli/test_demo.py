"""`analytics-pipeline demo`: it reaches nothing of a real organisation, its next steps can be
pasted, and the other commands know its folder afterwards.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from analytics_pipeline.cli.demo import NEXT_STEPS
from analytics_pipeline.cli.demo_settings import KEPT, SIMULATED, use_simulation, write_env_file
from analytics_pipeline.cli.env_file import read_env_file
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.env_file import read_values, settings_of
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.settings.simulated import mark_simulated
from analytics_pipeline_tests.cli.conftest import COMMAND, Run

LEADING_ELSEWHERE = {
    "ANALYTICS_WAREHOUSE": "ducklake:postgres:host=db.example.org dbname=lake",
    "ANALYTICS_WAREHOUSE_DATA": "s3://lake/data",
    "ANALYTICS_PUBLISHED_DIR": "/srv/analysts",
    "ANALYTICS_PUBLISHED_STORE": "s3://my-bucket/published",
    "ANALYTICS_DAGSTER_HOME": "/srv/dagster",
    "ALERT_URLS": "slack://TokenA/TokenB/TokenC",
    "ALERT_WEBHOOK_URL": "https://hooks.example.org/T0",
}
"""Settings that lead to the data or the people of an organisation."""


@pytest.mark.parametrize(("variable", "value"), LEADING_ELSEWHERE.items())
def test_the_demo_refuses_each_setting_that_leads_to_a_real_organisation(
    run: Run, data: Path, variable: str, value: str
) -> None:
    result = run("demo", "--days", "12", **{variable: value})
    assert (result.exit_code, variable in result.output) == (2, True), result.output
    assert "must not reach the data and people of your organisation" in result.output
    assert "--env-file demo.env demo" in result.output
    assert not data.exists()


def test_the_demo_refuses_such_settings_of_env_files(run: Run, tmp_path: Path, data: Path) -> None:
    (tmp_path / ".env").write_text("alert_urls=slack://TokenA/TokenB/TokenC\n")
    said = run("demo", "--days", "12").output
    assert "its settings are in force: ALERT_URLS." in said
    (tmp_path / "real.env").write_text("ANALYTICS_PUBLISHED_STORE=s3://my-bucket/published\n")
    said = run("--env-file", "real.env", "demo", "--days", "12").output
    assert "its settings are in force: ANALYTICS_PUBLISHED_STORE." in said
    assert not data.exists()


@pytest.mark.parametrize("program", [[str(COMMAND)], [sys.executable, "-m", "analytics_pipeline"]])
def test_the_demo_prints_its_commands_as_it_was_called(tmp_path: Path, program: list[str]) -> None:
    other = {**os.environ, "ALERT_URLS": "slack://TokenA/TokenB/TokenC"}
    said = subprocess.run(
        [*program, "demo"], cwd=tmp_path, env=other, capture_output=True, text=True, check=False
    )
    assert said.stderr.splitlines()[-1] == f"  {shlex.join(program)} --env-file demo.env demo"


def test_a_new_setting_is_refused_until_it_is_known_to_lead_nowhere() -> None:
    variables = {name: field.validation_alias for name, field in Settings.model_fields.items()}
    assert variables.keys() >= SIMULATED | KEPT
    assert not SIMULATED & KEPT
    assert not LEADING_ELSEWHERE.keys() & {variables[name] for name in SIMULATED | KEPT}


def test_the_demo_refuses_a_folder_that_anything_else_wrote(run: Run, data: Path) -> None:
    data.mkdir()
    (data / "analytics.duckdb").write_bytes(b"of my organisation")
    result = run("demo", "--days", "12")
    assert result.exit_code == 2, result.output
    assert f"{data} holds files that no demo wrote" in result.output
    assert "Set ANALYTICS_DATA_DIR to a new folder" in result.output
    assert [path.name for path in data.iterdir()] == ["analytics.duckdb"]


def test_the_ui_of_the_demo_takes_no_setting_from_an_env_file(
    demo: DemoVocareum,
    organisation: Organisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # `demo --live` starts `dev`, which loads `.env`, perhaps for the first time: with --env-file
    # the demo itself does not.
    monkeypatch.chdir(tmp_path)
    lines = {"VOCAREUM_API_TOKEN": "real", "ANALYTICS_DATA_DIR": "/srv/data", **LEADING_ELSEWHERE}
    (tmp_path / ".env").write_text("".join(f"{k}='{v}'\n" for k, v in lines.items()))
    used = use_simulation(demo, organisation, Settings())
    assert read_env_file() == tmp_path / ".env"
    assert load_settings() == used
    assert used.api_token.get_secret_value() == demo.token
    assert not used.model_fields_set - SIMULATED


def test_another_terminal_gets_the_demos_settings_in_an_env_file(
    demo: DemoVocareum, organisation: Organisation, tmp_path: Path
) -> None:
    folder = tmp_path / r"O'Neil \ data"
    used = use_simulation(demo, organisation, Settings(ANALYTICS_DATA_DIR=str(folder)))
    path = write_env_file(used.model_copy(update={"data_dir": folder}))
    assert path.parent == folder
    found = settings_of(path)
    assert found.model_fields_set == SIMULATED | {"data_dir"}
    assert found.data_dir == folder
    assert read_values(path)["BUDGETS_FILE"] == str(folder / "by_hand" / "budgets.csv")
    assert found.api_url == demo.environment["VOCAREUM_API_URL"]


def test_the_next_steps_are_whole_input_of_a_shell(tmp_path: Path) -> None:
    calls, command = tmp_path / "calls", tmp_path / "analytics-pipeline"
    command.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> {calls}\necho >> {calls}\n')
    command.chmod(0o700)
    pasted = NEXT_STEPS.format(command=command, data="data")
    subprocess.run(["bash", "-eu"], input=pasted, text=True, check=True)
    assert calls.read_text().splitlines() == [
        "query|SELECT * FROM marts.course_summary|",
        "quarantine|list|",
        "report|--open|",
        "dev|",
        "demo|--live|",
    ]
    # An interactive zsh knows no comments: such a line must at least be one command.
    comments = [line for line in pasted.splitlines() if line.startswith("#")]
    assert not [line for line in comments if set(line) & set("();&|<>'\"`$*?![]")]


@pytest.mark.parametrize("command", ["status", "doctor", "sync"])
def test_after_the_demo_commands_name_the_one_that_serves_its_organisation(
    run: Run, data: Path, command: str
) -> None:
    mark_simulated(Settings(ANALYTICS_DATA_DIR=str(data)))
    unset = {"VOCAREUM_ORG_ID": None, "VOCAREUM_API_TOKEN": None, "VOCAREUM_API_URL": None}
    result = run(command, **unset)
    assert (result.exit_code, "is not set" in result.output) == (2, False), result.output
    assert f"{data} holds the demo's organisation" in result.output
    assert "simulated Vocareum is not running" in result.output
    assert "`analytics-pipeline demo --live`" in result.output
