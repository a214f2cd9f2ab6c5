"""`python -m benchmarks.lake`: measure each step of a small organisation in a file and in a lake,
side by side. Writes LAKE.md next to itself.

Needs PostgreSQL, which runs on the same machine. The lake's data files are in a folder.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from analytics_pipeline.demo.organisation import OrganisationSpec
from analytics_pipeline_tests.support.postgres import Postgres, programs, running_postgres
from benchmarks.measure import measure
from benchmarks.rows import Bench, landed_organisation
from benchmarks.workers import lake, postgres_cpu

STEPS = {
    "open": "open for the first time, with all tables",
    "load": "load",
    "models": "build and test all models",
    "publish": "publish, everything anew",
    "read": "open to read",
}
AIMS = {"load": 2, "models": 4, "publish": 3}
"""The highest ratio of CPU seconds, lake to file, that each step may have."""


def seconds(
    bench: Bench, server: Postgres, kind: str, listing: Path, landed: Path
) -> dict[str, tuple[float, float]]:
    """Take all steps with a new warehouse; return the CPU seconds of each, and PostgreSQL's."""
    home = bench.fresh(f"lake_{kind}")
    settings = {"VOCAREUM_ORG_ID": "9001", "ANALYTICS_DATA_DIR": str(home)}
    if kind == "lake":
        settings |= lake(server, server.new_database(), str(home / "lake"))
    command = [sys.executable, "-m", "benchmarks.subjects", "step", str(listing), str(landed)]
    found = {}
    for step in STEPS:
        before = postgres_cpu(server)
        took = float(measure([*command, step], settings).output.splitlines()[-1])
        found[step] = took, postgres_cpu(server) - before
    return found


def results(rounds: Sequence[dict[str, dict[str, tuple[float, float]]]], machine: str) -> str:
    """Return the whole text of LAKE.md.

    Args:
        rounds: for each round and kind of warehouse, the seconds of each step.
        machine: what they were measured on.
    """
    lines = []
    for step, name in STEPS.items():
        file, in_lake = ([found[kind][step][0] for found in rounds] for kind in ("file", "lake"))
        ratios = sorted(theirs / ours for ours, theirs in zip(file, in_lake, strict=True))
        apart = median(found["lake"][step][1] for found in rounds)
        lines.append(
            f"| {name} | {median(file):.2f} | {median(in_lake):.2f} | {median(ratios):.1f}"
            f" ({ratios[0]:.1f} to {ratios[-1]:.1f}) | {AIMS.get(step, '')} | {apart:.2f} |"
        )
    return "\n".join(
        [
            "# A file and a lake",
            "",
            f"Written by `python -m benchmarks.lake`. {machine}",
            "",
            "CPU seconds of each step of a small organisation, a process of its own, without"
            " Python's start and imports; for a lake",
            "with the start of DuckDB's extensions and the attaching. Medians of"
            f" {len(rounds)} rounds in which file and lake alternate;",
            "ratios are of neighbours. PostgreSQL's CPU is apart.",
            "",
            "| step | file | lake | ratio | at most | PostgreSQL |",
            "|---|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "analytics-pipeline-benchmarks"
    )
    given = parser.parse_args()
    if programs() is None:
        raise SystemExit("PostgreSQL is not installed.")
    given.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.work, given.repeats, False)
    files = landed_organisation(bench, OrganisationSpec.small(), "small")
    with running_postgres() as server:
        rounds = [
            {kind: seconds(bench, server, kind, *files) for kind in ("file", "lake")}
            for _ in range(given.repeats)
        ]
    machine = (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python"
        f" {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}; load average"
        f" {os.getloadavg()[1]:.1f}."
    )
    target = Path(__file__).with_name("LAKE.md")
    target.write_text(results(rounds, machine))
    sys.stdout.write(target.read_text())


if __name__ == "__main__":
    main()
