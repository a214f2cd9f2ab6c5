"""Every command with --json prints one JSON document, even if its options are wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app, status
from analytics_pipeline_tests.cli.test_output import all_commands

WRONG = {
    "sync": ("--dataset", "nosuch"),
    "budgets check": (),
    "query": (),
    "erase": ("--user-id", "abc"),
    "quarantine list": ("--limit", "0"),
    "findings": ("--dataset", "nosuch"),
    "workspace list": ("surplus",),
    "models list": ("--models", "nosuch"),
    "models show": ("nosuch",),
    "models build": ("--rows", "-1"),
    "models test": ("--select", "nosuch"),
    "status": ("surplus",),
}
"""For each command options or settings, none of which exist, that end it with exit code 2."""


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    for name in ("VOCAREUM_ORG_ID", "VOCAREUM_API_TOKEN", "BUDGETS_FILE", "COURSE_LABELS_FILE"):
        monkeypatch.delenv(name, raising=False)


def assert_told(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2, done.output
    document = json.loads(done.stdout)
    assert document.keys() == {"notes", "problems"}, done.stdout
    (problem,) = document["problems"]
    assert problem and problem in done.stderr, done.output


def test_each_command_with_json_is_tried() -> None:
    with_json = {
        name
        for name, command in all_commands().items()
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert with_json == WRONG.keys()


@pytest.mark.parametrize("command", WRONG)
def test_a_command_that_fails_prints_its_problem_as_json(command: str) -> None:
    assert_told((*command.split(), *WRONG[command], "--json"))


@pytest.mark.parametrize("command", WRONG)
def test_an_unknown_option_is_told_as_json(command: str) -> None:
    assert_told((*command.split(), "--json", "--nosuch"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nosuch", "status", "--json"),
        ("--env-file", ".", "status", "--json"),
        ("nosuch", "--json"),
        ("erase", "--json"),
        ("erase", "--user-id", "--json"),
    ],
    ids=" ".join,
)
def test_an_error_before_the_command_is_told_as_json(arguments: tuple[str, ...]) -> None:
    assert_told(arguments)


def test_a_fault_of_the_program_is_told_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault() -> None:
        raise ZeroDivisionError("a cell of somebody")

    monkeypatch.setattr(status, "load_settings", fault)
    done = CliRunner().invoke(app, ["status", "--json"])
    assert (done.exit_code, type(done.exception)) == (1, ZeroDivisionError)
    (problem,) = json.loads(done.stdout)["problems"]
    assert "ZeroDivisionError" in problem and "traceback, which is on stderr" in problem
    assert "somebody" not in problem


def test_without_json_nothing_is_printed_on_stdout() -> None:
    done = CliRunner().invoke(app, ["findings", "--dataset", "nosuch"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "There is no dataset 'nosuch'" in done.stderr
