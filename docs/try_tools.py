"""Run every block of docs/analysts.md in a separate environment, and print the versions:
`python docs/try_tools.py FILE EXPORTS`.

FILE is the published file, EXPORTS the folder of Parquet files. `--environment DIR` keeps the
environment for later runs.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).with_name("analysts.md")
# dbt-core 1.12 depends on a package that is built from a download outside of PyPI.
TOOLS = [
    "duckdb==1.5.5",
    "duckdb-cli==1.5.5",
    "pandas",
    "polars",
    "pyarrow",
    "ibis-framework[duckdb]",
    "marimo",
    "openpyxl",
]
TOOLS += ["dbt-duckdb", "dbt-core<1.12", "duckdb-engine", "sqlalchemy<2.1"]
SHOWN = re.compile(
    r"(duckdb|pandas|polars|pyarrow|ibis-framework|marimo|openpyxl|dbt-duckdb|dbt-core|sqlalchemy)\b",
    re.IGNORECASE,
)
RUN = ("sh", "python")
FILE = re.compile(r"(?:#|--) file: (.+)")


def say(text: str) -> None:
    """Print a line unbuffered, so that it precedes the block's output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def blocks(page: str) -> list[tuple[str, str]]:
    """Return language and text of each block."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [(language, text) for language, text in found if language in RUN or FILE.match(text)]


def environment(folder: Path) -> Path:
    """Create the tools' environment if it is missing; return its folder of programs."""
    programs = folder / "bin"
    if not (programs / "dbt").exists():
        uv = (
            shutil.which(
                "uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
            )
            or "uv"
        )
        subprocess.run(  # noqa: S603
            [uv, "venv", "-q", "--allow-existing", "--python", sys.executable, str(folder)],
            check=True,
        )
        install = [uv, "pip", "install", "-q", "--python", str(programs / "python"), *TOOLS]
        subprocess.run(install, check=True)  # noqa: S603
        listed = subprocess.run(  # noqa: S603
            [uv, "pip", "freeze", "--python", str(programs / "python")],
            check=True,
            capture_output=True,
            text=True,
        )
        (folder / "versions").write_text(listed.stdout)
    say(
        "\n".join(
            line for line in (folder / "versions").read_text().splitlines() if SHOWN.match(line)
        )
    )
    return programs


def run(language: str, text: str, folder: Path, programs: Path) -> None:
    """Run a block in a folder, or write the file that its first line names."""
    first, _, rest = text.partition("\n")
    if named := FILE.match(first):
        (folder / named[1]).write_text(rest)
        return
    command = (
        [str(programs / "python"), "-c", text] if language == "python" else ["sh", "-ec", text]
    )
    path = os.pathsep.join(
        [str(programs), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )
    subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True)  # noqa: S603


def main() -> None:
    """Run all blocks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("exports", type=Path)
    parser.add_argument("--environment", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "work")
        (folder / "data").mkdir(parents=True)
        shutil.copy(given.file, folder / "data" / "analytics.duckdb")
        shutil.copytree(given.exports, folder / "exports")
        programs = environment((given.environment or Path(temporary, "environment")).absolute())
        for language, text in blocks(PAGE.read_text("utf-8")):
            say(f"--- {text.splitlines()[0]}")
            run(language, text, folder, programs)
    say("Every block ran.")


if __name__ == "__main__":
    main()
