"""A program that wrote into a DuckDB file and died with it open: its changes are in the log."""

import subprocess
import sys
from pathlib import Path

_WRITE_AND_DIE = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
for statement in sys.argv[2:]:
    connection.execute(statement)
os._exit(0)
"""


def leave_log(file: Path, *statements: str) -> Path:
    """Run statements in a file from a process that then dies; return the log beside the file."""
    subprocess.run([sys.executable, "-c", _WRITE_AND_DIE, str(file), *statements], check=True)
    log = file.with_name(f"{file.name}.wal")
    assert log.exists(), "everybody who opens the file now reads these changes"
    return log
