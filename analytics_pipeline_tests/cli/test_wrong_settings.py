"""A wrong setting or option is named with its value and what is allowed."""

from pathlib import Path

import pytest

from analytics_pipeline_tests.cli.conftest import Run


@pytest.mark.parametrize(
    "command",
    [
        *(
            "publish",
            "report",
            "findings",
            "status",
            "doctor",
            "sync",
            "quarantine list",
            "quarantine replay",
        ),
        *(
            "erase --user-id 1 --yes",
            "close --dataset grades --partition 1",
            "query SELECT",
            "backup b",
            "restore b",
        ),
    ],
)
@pytest.mark.parametrize("variable", ["ANALYTICS_DATA_DIR", "ANALYTICS_PUBLISHED_DIR"])
def test_a_file_in_the_place_of_a_folder_is_named_with_its_setting(
    run: Run, tmp_path: Path, command: str, variable: str
):
    (tmp_path / "file").write_text("a file")
    for folder in ("file", "file/below"):
        result = run(*command.split(), **{variable: str(tmp_path / folder)})
        told = (
            f"The folder {tmp_path / folder} can't be used: {tmp_path / 'file'} is a file. Set"
            f" {variable}"
        )
        assert (result.exit_code, told in result.output) == (2, True), result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"VOCAREUM_START_DATE": "tomorrow"},
            "VOCAREUM_START_DATE is 'tomorrow': give a calendar day as YYYY-MM-DD",
        ),
        ({"PUBLISH_PII": "maybe"}, "PUBLISH_PII is 'maybe': give true or false"),
        (
            {"DAGSTER_RUNS_KEPT_DAYS": "0"},
            "DAGSTER_RUNS_KEPT_DAYS is '0': give a whole number, 1 or more",
        ),
    ],
)
def test_a_setting_of_the_wrong_form_is_named_with_its_value_and_what_is_allowed(
    run: Run, changes: dict[str, str], says: str
):
    result = run("status", **changes)
    assert (result.exit_code, says in result.output) == (2, True), result.output


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("demo --days 3", "'3' is not allowed: give a whole number from 12 to 1500"),
        ("findings --limit x", "'x' is not allowed: give a whole number, 1 or more"),
        ("erase --user-id 0", "'0' is not allowed: give a whole number, 1 or more"),
    ],
)
def test_a_number_out_of_range_is_named_with_what_is_allowed(run: Run, command: str, says: str):
    result = run(*command.split())
    told = " ".join(result.output.replace("│", " ").split())
    assert (result.exit_code, says in told) == (2, True), result.output
