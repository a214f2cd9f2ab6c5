"""How commands print: drawn on a terminal, tab-separated in a pipe, one JSON document on demand,
quiet and verbose.
"""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from analytics_pipeline.cli import app, console
from analytics_pipeline.cli.console import print_error, print_hint, print_info, table, tabular
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import Run

COURSES = "org9001/course-asn_mapping/course_mapping.csv"
ODD = "a tab\there, a line\nbreak, \x1b[31m"

trial = typer.Typer()


@trial.command()
@tabular
def speak() -> None:
    """Print one of everything."""
    table("Loaded files", ["file name", "rows", "note"], [("a.csv", 12_345, None), (ODD, 1, "x")])
    print_info("A note.")
    print_hint("There is more.")
    print_error("A problem.")
    logging.getLogger("analytics_pipeline.trial").info("a log line")


def said(*arguments: str) -> tuple[str, str]:
    done = CliRunner().invoke(trial, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_a_pipe_gets_tab_separated_lines_that_are_neither_cut_nor_drawn() -> None:
    stdout, stderr = said()
    assert stdout.splitlines() == [
        "file name\trows\tnote",
        "a.csv\t12345\t",
        "a tab\\there, a line\\nbreak, \\x1b[31m\t1\tx",
        "A note.",
    ]
    assert stderr.splitlines() == [
        "Loaded files",
        "There is more.",
        "A problem.",
    ], "a heading is no row"


def test_json_is_one_document_with_every_table_note_and_problem() -> None:
    stdout, stderr = said("--json")
    assert json.loads(stdout) == {
        "loaded_files": [
            {"file_name": "a.csv", "rows": 12_345, "note": None},
            {"file_name": ODD, "rows": 1, "note": "x"},
        ],
        "notes": ["A note."],
        "problems": ["A problem."],
    }
    assert stderr == "A problem.\n"


def test_quiet_leaves_the_answer_and_the_problems() -> None:
    stdout, stderr = said("--quiet")
    assert ("A note." in stdout, "12345" in stdout) == (False, True)
    assert stderr == "A problem.\n"


def test_verbose_shows_the_log_on_stderr_for_that_command_alone() -> None:
    assert "a log line" in said("--verbose")[1]
    assert "a log line" not in said()[1]


def test_json_of_a_command_that_fails_says_why(run: Run, data: Path) -> None:
    done = run("sync", "--json", VOCAREUM_API_TOKEN=None)
    (problem,) = json.loads(done.stdout)["problems"]
    assert (done.exit_code, "VOCAREUM_API_TOKEN is not set" in problem) == (2, True), done.output


def test_the_tables_of_sync_and_quarantine_have_stable_names(
    run: Run, synced: Path, demo: DemoVocareum
) -> None:
    demo.put(COURSES, demo_courses(synced))
    found = json.loads(run("sync", "--json").stdout)
    (loaded,) = found["loaded"]
    assert set(loaded) == {"dataset", "files", "failed", "rows", "quarantined", "warnings"}
    assert (loaded["dataset"], loaded["files"], found["problems"]) == ("course_mapping", 1, [])
    rejects = json.loads(run("quarantine", "list", "--json").stdout)["quarantine"]
    assert {"dataset", "column", "reason", "records", "file", "first_line"} == set(rejects[0])


def demo_courses(data: Path) -> bytes:
    """The course mapping as it landed, with one more empty line: another version of the same
    rows.
    """
    (landed,) = (data / "landing" / "course_mapping").iterdir()
    return landed.read_bytes() + b"\n"


def test_a_terminal_of_100_columns_shows_every_figure_of_status_in_one_line(
    run: Run, synced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "out", Console(force_terminal=True, no_color=True, width=100))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", run("status").stdout).splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("dataset"))
    assert lines[head].split() == [
        "dataset",
        "delivered",
        "loaded",
        "missing",
        "changed",
        "failed",
        "rows",
        "rejects",
        "newest",
        "age",
    ]
    figures = [line for line in lines[head:] if line.startswith("service_spend")]
    assert len(figures) == 1 and max(map(len, lines[head : head + 9])) <= 100, lines


def all_commands() -> dict[str, Any]:
    """Every command and subcommand by its name, groups included."""
    commands = dict(get_command(app).commands)  # type: ignore[attr-defined]
    for name, group in list(commands.items()):
        for part, command in getattr(group, "commands", {}).items():
            commands[f"{name} {part}"] = command
    return commands


def test_the_help_names_arguments_and_values_by_words() -> None:
    for name, command in {"": get_command(app), **all_commands()}.items():
        shown = CliRunner().invoke(app, [*name.split(), "--help"]).output
        assert not re.search(r"\[\[|\.\.\.\]", shown), shown
        # Listed choices are words, a type such as <str> is not.
        assert [text for text in re.findall(r"<[^<>]*>", shown) if "|" not in text] == [], shown
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                assert re.search(rf"^  {parameter.metavar}  \S", shown, re.MULTILINE), shown
                assert parameter.metavar.isupper(), name


def test_every_command_takes_quiet_and_verbose_and_every_one_with_tables_json() -> None:
    for name, command in all_commands().items():
        if not hasattr(command, "commands"):
            options = {option for parameter in command.params for option in parameter.opts}
            assert {"--quiet", "--verbose"} <= options, name
    texts = {file.stem: file.read_text() for file in Path(console.__file__).parent.glob("*.py")}
    for name, text in texts.items():
        if re.search(r"(?<![\w.])table\(", text) and name not in ("console", "tables"):
            imported = f"from analytics_pipeline.cli.{name} import"
            own = [text] if "@tabular" in text else []
            commands_of = own or [other for other in texts.values() if imported in other]
            assert commands_of and all("@tabular" in other for other in commands_of), (
                f"{name}.py prints a table and takes no --json"
            )


def test_completion_can_be_installed_and_names_datasets(tmp_path: Path) -> None:
    shown = CliRunner().invoke(
        app,
        [],
        prog_name="analytics-pipeline",
        env={
            "_ANALYTICS_PIPELINE_COMPLETE": "complete_bash",
            "COMP_WORDS": "analytics-pipeline sync --dataset la",
            "COMP_CWORD": "3",
        },
    )
    assert shown.stdout.split() == ["lab_sessions"], shown.output
