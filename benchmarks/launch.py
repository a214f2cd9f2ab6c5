"""Run a command and write its wall time, CPU seconds, peak memory and exit code to a file:
`launch.py FILE COMMAND`.

This is a small process of its own, because Linux counts the starting process's memory towards the
started one's peak, and the benchmark itself has created large files.
"""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    began = time.monotonic()
    process = subprocess.Popen(sys.argv[2:])  # noqa: S603  # the benchmark's own commands
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    with open(sys.argv[1], "w") as file:  # noqa: PTH123  # pathlib is no small import
        code = os.waitstatus_to_exitcode(status)
        json.dump([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, code], file)
