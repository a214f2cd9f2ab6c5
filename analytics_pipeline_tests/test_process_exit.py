"""How processes end: commands and Dagster's runs without a last collection, and nobody else's by
importing the package.
"""

import subprocess
import sys

import pytest

PRINT_FROZEN = (
    "import atexit, gc, sys; atexit.register(lambda: print('frozen:', gc.get_freeze_count())); "
)


def frozen(code: str) -> int:
    """Return how many objects a process sets aside at its end."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_FROZEN + code], capture_output=True, text=True, check=True
    )
    return int(done.stdout.rpartition("frozen:")[2])


@pytest.mark.parametrize(
    "code",
    [
        (
            "sys.argv = ['analytics-pipeline', '--version']; from analytics_pipeline.__main__"
            " import main; main()"
        ),
        "import analytics_pipeline.definitions",
    ],
    ids=["a command", "a code location"],
)
def test_a_process_ends_without_a_last_garbage_collection(code: str):
    assert frozen(code) > 1_000, "the last look takes a second"


def test_importing_the_package_changes_nothing_about_the_end_of_a_process():
    assert frozen("import analytics_pipeline.datasets") == 0
