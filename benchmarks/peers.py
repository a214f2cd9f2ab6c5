"""The peers, in a virtual environment of their own: nothing here is a dependency of the project."""

import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("dlt[duckdb,filesystem]", "awscli", "pyarrow")

DLT_LOAD = """
import sys
import dlt
from dlt.sources.filesystem import filesystem, read_csv_duckdb
folder, work, arrow = sys.argv[1:]
pipeline = dlt.pipeline("bench", pipelines_dir=work + "/state", dataset_name="raw",
                        destination=dlt.destinations.duckdb(work + "/dlt.duckdb"))
rows = filesystem(bucket_url="file://" + folder, file_glob="*.csv") | read_csv_duckdb(
    chunk_size=50_000, use_pyarrow=arrow == "arrow", header=True, delimiter=",", quotechar='"', escapechar='"', all_varchar=True)
pipeline.run(rows.with_name("lab_sessions"))
with pipeline.sql_client() as client:
    print(client.execute_sql("SELECT count(*) FROM lab_sessions"))
"""


def environment(work: Path) -> Path:
    """The `bin` folder of the peers' environment, made at the first call."""
    home = work / "peers"
    if not (home / "bin" / "aws").exists():
        shutil.rmtree(home, ignore_errors=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(home)], check=True)  # noqa: S603
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(home / "bin/python"), *PACKAGES], check=True)  # noqa: S603
    return home / "bin"
