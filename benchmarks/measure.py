"""A command measured as a whole process: wall time, CPU seconds and peak memory, as the operating system counts them."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """One run of one command."""

    wall: float
    cpu: float
    peak_mb: float
    output: str = ""

    def times(self, factor: float) -> "Figures":
        """The same extrapolated."""
        return Figures(self.wall * factor, self.cpu * factor, self.peak_mb)


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Figures:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; the text ends with what it printed last.
    """
    with tempfile.TemporaryFile("w+") as out:
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603  # the benchmark's own commands
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:6])} ended with {process.returncode}:\n{output[-2000:]}")
    return Figures(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def alternate(repeats: int, *subjects: Callable[[], Figures]) -> list[list[Figures]]:
    """Run the subjects in turn, so that a machine that slows down slows all of them."""
    rounds = [[subject() for subject in subjects] for _ in range(repeats)]
    return [list(column) for column in zip(*rounds, strict=True)]


def median(runs: Sequence[Figures], figure: str = "wall") -> float:
    """The median of one figure."""
    return statistics.median(getattr(run, figure) for run in runs)


def ratio(ours: Sequence[Figures], theirs: Sequence[Figures], figure: str = "wall") -> float:
    """The median of the ratios of runs that were neighbours."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(getattr(one, figure) / getattr(other, figure) for one, other in pairs)
