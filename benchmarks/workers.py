"""`python -m benchmarks.workers`: measure several organisations loaded by several workers, into
files and into lakes. Writes WORKERS.md next to itself.

Needs PostgreSQL, which runs on the same machine. `--only` measures some of it, and keeps the rest.
"""

import argparse
import json
import os
import platform
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path

from analytics_pipeline_tests.support.postgres import Postgres, programs, running_postgres
from benchmarks import data
from benchmarks.measure import Figures, measure
from benchmarks.rows import Bench, landing

COUNTS = (1, 2, 4)
TASKS = 4
"""Loads of each organisation; each is a process, as a run of a worker is."""
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = ("file", "lake")
HEADER = (
    "| warehouse | organisations | workers | files a minute | wall | CPU | PostgreSQL | others |",
    "|---|---|---|---|---|---|---|---|",
)


def load_lines(
    bench: Bench, server: Postgres, kind: str, organisations: int, workers: int
) -> list[str]:
    """Measure the loads of some organisations by some workers; return the line below HEADER."""
    count = bench.size(40, 8)
    sessions = data.lab_folder(bench.work / f"lab_workers_{count}", count, 500)
    listing, landed = landing(bench, sessions)
    entries, parts = json.loads(listing.read_text()), []
    for number in range(TASKS):
        parts.append(listing.with_name(f"{listing.stem}_part{number}.json"))
        parts[-1].write_text(json.dumps(entries[number::TASKS]))
    before, machine = postgres_cpu(server), machine_cpu()
    wall, done = _loads(bench, server, kind, organisations, workers, parts, landed)
    machine, cpu = machine_cpu() - machine, sum(figures.cpu for figures in done)
    postgres = postgres_cpu(server) - before
    others = max(machine - cpu - postgres, 0) / (wall * (os.cpu_count() or 1))
    rate = 60 * count * organisations / wall
    return [
        f"| {kind} | {organisations} | {workers} | {rate:,.0f} | {wall:.1f} | {cpu:.1f} |"
        f" {postgres:.1f} | {others:.0%} |"
    ]


def _loads(
    bench: Bench,
    server: Postgres,
    kind: str,
    organisations: int,
    workers: int,
    parts: Sequence[Path],
    landed: Path,
) -> tuple[float, list[Figures]]:
    """Load every part of every organisation; return wall seconds, and the figures of each load."""
    home, database = bench.fresh("workers"), server.new_database()
    tasks: queue.SimpleQueue[tuple[Path, Mapping[str, str]]] = queue.SimpleQueue()
    for part in parts:
        for number in range(organisations):
            settings = {
                "VOCAREUM_ORG_ID": str(9001 + number),
                "ANALYTICS_DATA_DIR": str(home / f"org{9001 + number}"),
            }
            if kind == "lake":
                settings |= lake(server, database, str(home / "lake"))
            tasks.put((part, settings))
    done: list[Figures] = []

    def work() -> None:
        while not tasks.empty():
            part, settings = tasks.get()
            command = [sys.executable, "-m", "benchmarks.subjects", "load_into_settings"]
            done.append(measure([*command, str(part), str(landed)], settings))

    began = time.monotonic()
    with ThreadPoolExecutor(workers) as threads:
        for future in [threads.submit(work) for _ in range(workers)]:
            future.result()
    wall = time.monotonic() - began
    failed = [figures.output for figures in done if not figures.output.endswith(" 0 files failed")]
    if failed or len(done) != len(parts) * organisations:
        raise RuntimeError(f"{len(done)} loads ended: {failed}")
    return wall, done


def lake(server: Postgres, database: str, path: str) -> dict[str, str]:
    """Return the settings of a lake."""
    return {
        "ANALYTICS_WAREHOUSE": f"ducklake:postgres:{server.dsn(database)}",
        "ANALYTICS_WAREHOUSE_DATA": path,
    }


def postgres_cpu(server: Postgres) -> float:
    """Return the CPU seconds of the server and of all sessions that ended."""
    pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def machine_cpu() -> float:
    """Return the CPU seconds that the machine has spent since it started."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / TICKS


MEASURES: dict[str, Callable[[Bench, Postgres], list[str]]] = {
    f"{kind}-{organisations}-{workers}": partial(
        load_lines, kind=kind, organisations=organisations, workers=workers
    )
    for kind, organisations, workers in product(KINDS, COUNTS, COUNTS)
}
"""What is measured, by name: `lake-2-4` is two organisations in lakes by four workers."""


def results(measured: Mapping[str, Sequence[str]], machine: str) -> str:
    """Return the whole text of WORKERS.md."""
    missing = [name for name in MEASURES if name not in measured]
    return "\n".join(
        [
            "# Several organisations, several workers",
            "",
            "Written by `python -m benchmarks.workers`. " + machine,
            "",
            f"Each organisation has 40 files of 500 sessions, loaded by {TASKS} runs, each a"
            " process of its own with its start and imports.",
            "The lake's data files are in a folder. Wall seconds are from the first start to the"
            " last end, CPU seconds those of",
            "the loads, and PostgreSQL's apart. Others: the share of the machine that other"
            " processes took. Where it is large,",
            "trust CPU seconds, and not files a minute.",
            "",
            *HEADER,
            *(line for name in MEASURES for line in measured.get(name, ())),
            "",
            *(
                [f"Not measured: {', '.join(missing)} (organisations, workers).", ""]
                if missing
                else []
            ),
        ]
    )


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=MEASURES, action="append", help="may be given again")
    parser.add_argument("--quick", action="store_true", help="use a tenth of the data")
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "analytics-pipeline-benchmarks"
    )
    given = parser.parse_args()
    if programs() is None:
        raise SystemExit("PostgreSQL is not installed.")
    given.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.work, 1, given.quick)
    kept = given.work / ("workers_quick.json" if given.quick else "workers.json")
    measured = json.loads(kept.read_text()) if kept.exists() else {}
    with running_postgres() as server:
        for name in given.only or MEASURES:
            measured[name] = MEASURES[name](bench, server)
            kept.write_text(json.dumps(measured, indent=1))
            sys.stdout.write("\n".join([*measured[name], ""]))
            sys.stdout.flush()
    machine = (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python"
        f" {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}."
    )
    folder = given.work if given.quick else Path(__file__).parent
    (folder / "WORKERS.md").write_text(results(measured, machine))
    sys.stdout.write(f"{folder / 'WORKERS.md'}\n")


if __name__ == "__main__":
    main()
