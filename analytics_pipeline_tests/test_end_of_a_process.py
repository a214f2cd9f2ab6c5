"""The end of every process that imported the package."""

import subprocess
import sys

_TELL = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count())); import analytics_pipeline"


def test_a_process_ends_without_a_final_garbage_collection():
    told = subprocess.run([sys.executable, "-c", _TELL], capture_output=True, text=True, check=True)
    assert int(told.stdout) > 1_000, (
        f"{told.stdout.strip()} objects are set aside at the end: the last look takes a second"
    )
