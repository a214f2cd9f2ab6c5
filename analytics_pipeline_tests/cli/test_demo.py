"""`analytics-pipeline demo`: what the other commands say of its folder afterwards."""

from pathlib import Path

import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.settings.simulated import mark_simulated
from analytics_pipeline_tests.cli.conftest import Run


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
