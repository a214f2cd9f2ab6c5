"""`make package`: test the wheel as a user installs it, with the highest and the lowest versions
that its ranges allow.

Each time: plain pip into a fresh environment, `analytics-pipeline demo --days 12` in an empty
folder, and checks of the result.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")

CHECKS = """
import sys
from pathlib import Path
import duckdb
import analytics_pipeline
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.sql_models import load_project

assert Path(analytics_pipeline.__file__).is_relative_to(sys.prefix), (
    f"not the installed one: {analytics_pipeline.__file__}"
)
with duckdb.connect("data/analytics.duckdb", read_only=True) as connection:
    datasets = connection.execute("SELECT DISTINCT dataset FROM ops.loaded_files").fetchall()
    loaded = {name for (name,) in datasets}
    assert loaded == set(DATASETS), f"not loaded: {set(DATASETS) - loaded}"
    marts = [name for name, model in load_project().models.items() if not model.is_view]
    rows = {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in marts
    }
for name in ("marts.course_summary", "marts.daily_cloud_spend", "marts.lab_launches_daily"):
    assert rows[name], f"{name} is empty"
assert Path("data/report.html").stat().st_size > 100_000, "the report is empty"
print(f"duckdb {duckdb.__version__}: {len(marts)} marts, {sum(rows.values()):,} rows")
"""
"""Checks, run in the fresh environment, in the folder of the demo."""


def main() -> int:
    """Build, install, run and check, with both ends of the ranges."""
    with tempfile.TemporaryDirectory(prefix="package-") as name:
        folder = Path(name)
        run([UV, "build", "--quiet", "--wheel", "--out-dir", folder / "dist", ROOT], folder)
        (wheel,) = (folder / "dist").glob("*.whl")
        attempt(folder / "highest", wheel, [])
        attempt(folder / "lowest", wheel, ["--constraint", lowest(folder)])
    return 0


def lowest(folder: Path) -> Path:
    """Write a constraints file with the lowest version of each direct dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct, constraints = folder / "direct.in", folder / "lowest.txt"
    direct.write_text(
        "\n".join([*project["dependencies"], *project["optional-dependencies"]["demo"]])
    )
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    resolve = [
        "--resolution",
        "lowest-direct",
        "--python-version",
        version,
        "--no-annotate",
        "--no-header",
    ]
    run([UV, "pip", "compile", "--quiet", *resolve, direct, "--output-file", constraints], folder)
    # Constraints have no extras.
    constraints.write_text(
        "\n".join(line.replace("[c]", "") for line in constraints.read_text().splitlines())
    )
    return constraints


def attempt(folder: Path, wheel: Path, options: Sequence[str | Path]) -> None:
    """Install the wheel into its own environment, and run the demo there, in an empty folder."""
    python, home = folder / "venv" / "bin" / "python", folder / "home"
    home.mkdir(parents=True)
    run([sys.executable, "-m", "venv", folder / "venv"], folder)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--no-compile", *options, f"{wheel}[demo]"], folder)
    run([*pip, "check"], folder)
    command = python.with_name("analytics-pipeline")
    run([command, "demo", "--days", "12"], home)
    run([command, "report"], home)
    sys.stdout.write(f"{folder.name}: {run([python, '-c', CHECKS], home)}")
    sys.stdout.flush()


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Run a command without this project's settings; show its output only if it fails.

    Raises:
        SystemExit: the command failed.
    """
    ours = ("VOCAREUM_", "ANALYTICS_", "DAGSTER_", "AWS_", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        sys.exit(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-10_000:]}"
        )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
