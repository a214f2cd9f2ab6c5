"""Start-up time of commands: what their modules import."""

import subprocess
import sys

import pytest

HEAVY = ("boto3", "dagster", "pandera", "polars", "sqlglot")
SHOW = (
    "import sys; from analytics_pipeline.cli import {module}; print(*{heavy} & sys.modules.keys())"
)


def _imports(module: str) -> str:
    code = SHOW.format(module=module, heavy=set(HEAVY))
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_query_does_not_import_heavy_modules() -> None:
    assert _imports("query") == ""


@pytest.mark.first_forms(3)
@pytest.mark.parametrize("module", ["status", "doctor", "findings", "publish", "erase"])
def test_commands_that_start_no_run_do_not_import_dagster(module: str) -> None:
    assert "dagster" not in _imports(module).split()
