"""`make flaky`: run the tests ten times, each under a condition that has broken correct code
before.

Usage: `python .ci/flaky.py [--only WORD] [pytest's arguments]`; without arguments, the tests of
`make test`. `--only` selects the conditions whose name contains the word. The output of each run is
in `.artifacts/flaky/`.

libfaketime (`apt install faketime`) shifts the clock. Child processes inherit it: servers and
Dagster's subprocesses live in the same time. Only Chromium keeps the real one, as it busy-waits
under libfaketime. File times and the monotonic clock stay real.

Exit codes: 0 all ten passed, 1 a run failed, 2 libfaketime is missing or does not reach child
processes.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

LOGS = Path(".artifacts/flaky")
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
SLEEP = Path(__file__).parent / "moved_clock"
BUSY = "while True: pass"
SHOW = "import time; time.sleep(0); print(time.time())"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{SHOW}'], check=True)"


@dataclass(frozen=True)
class Condition:
    """How one run of the tests differs from the others.

    Attributes:
        name: name in the table.
        workers: number of parallel test processes; 0 for only pytest's own.
        dist: how pytest-xdist distributes the tests.
        busy: whether a busy loop occupies each core.
        at: start of the run by its own clock (UTC), later than the dates that tests deliver; None
            for the real time.
    """

    name: str
    workers: int = 4
    dist: tuple[str, ...] = BY_FILE
    busy: bool = False
    at: datetime | None = None


CONDITIONS = (
    Condition("alone"),
    Condition("a busy loop on each core", busy=True),
    Condition("one worker", workers=1),
    Condition("six workers", workers=6),
    Condition("six workers and busy loops", workers=6, busy=True),
    Condition("tests of a file on several workers", workers=4, dist=("--dist", "load")),
    Condition("shortly before midnight", at=datetime(2027, 3, 16, 23, 58, 30, tzinfo=UTC)),
    Condition("shortly before a month's end", at=datetime(2027, 4, 30, 23, 58, 30, tzinfo=UTC)),
    Condition("shortly before a year's end", at=datetime(2027, 12, 31, 23, 58, 30, tzinfo=UTC)),
    Condition("29 February", at=datetime(2028, 2, 29, 23, 58, 30, tzinfo=UTC)),
)


@dataclass(frozen=True)
class Result:
    """Result of a run: pytest's exit code and last line."""

    condition: Condition
    exit_code: int
    seconds: float
    summary: str

    @property
    def green(self) -> bool:
        """Return whether every test that ran passed, and some ran."""
        return self.exit_code == 0


def in_time(at: datetime | None) -> tuple[list[str], dict[str, str]]:
    """Return a command prefix and environment with which a command's clock shows `at` now."""
    if at is None:
        return [], {**os.environ}
    ahead = round((at - datetime.now(UTC)) / timedelta(seconds=1))
    path = os.pathsep.join(filter(None, (str(SLEEP), os.environ.get("PYTHONPATH"))))
    settings = {
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",  # else DuckDB would see shifted times of files, and Python real ones
        "TZ": "UTC",
        "PYTHONPATH": path,
    }
    return ["faketime", "-m", "-f", f"{ahead:+d}s"], {**os.environ, **settings}


def reaches_children(at: datetime) -> bool:
    """Return whether a child of a process with a shifted clock sees the same time."""
    before, environment = in_time(at)
    command = [*before, sys.executable, "-c", CHILD]
    seen = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    ).stdout
    return (
        bool(seen.strip())
        and abs(float(seen) - at.timestamp()) < timedelta(hours=1).total_seconds()
    )


@contextmanager
def load(*, busy: bool) -> Iterator[None]:
    """Keep every core busy inside the block, if `busy`."""
    count = len(os.sched_getaffinity(0)) if busy else 0
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def run(condition: Condition, arguments: Sequence[str]) -> Result:
    """Run the tests under this condition; write their output to a file of its own."""
    before, environment = in_time(condition.at)
    command = [
        *before,
        sys.executable,
        "-m",
        "pytest",
        "-n",
        str(condition.workers),
        *condition.dist,
        *arguments,
    ]
    log = LOGS / f"{condition.name.replace(' ', '-')}.log"
    began = time.monotonic()
    with log.open("w") as output, load(busy=condition.busy):
        done = subprocess.run(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    lines = log.read_text(errors="replace").strip().splitlines()
    summary = re.sub(r"^=+ | =+$", "", lines[-1]) if lines else "nothing printed"
    return Result(condition, done.returncode, time.monotonic() - began, summary)


def table(results: Sequence[Result]) -> str:
    """Return the results, one per line."""
    width = max(len(condition.name) for condition in CONDITIONS)
    return "\n".join(
        f"{result.condition.name:{width}}  {'green' if result.green else 'RED  '} "
        f" {result.seconds:6.0f} s  {result.summary}"
        for result in results
    )


def main() -> int:
    """Run all conditions, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description="Run the tests in ten conditions.")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="conditions whose name contains this word"
    )
    options, arguments = parser.parse_known_args()
    conditions = [condition for condition in CONDITIONS if options.only in condition.name]
    moved = [condition.at for condition in conditions if condition.at]
    if moved and not (shutil.which("faketime") and reaches_children(moved[0])):
        print(
            "libfaketime is missing, or does not reach child processes: `apt install faketime`.",
            file=sys.stderr,
        )
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    results = []
    for condition in conditions:
        results.append(run(condition, arguments))
        print(table(results[-1:]), flush=True)
    print(f"\n{table(results)}\n\nOutput of the runs: {LOGS}/")
    return 0 if results and all(result.green for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
