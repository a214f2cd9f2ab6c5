"""Measure a command as a whole process: wall time, CPU seconds and peak memory, according to the
operating system.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Figures:
    """One run of one command."""

    wall: float
    cpu: float
    peak_mb: float
    output: str = ""


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Figures:
    """Run a command to its end. Python may keep its bytecode, as on most machines.

    Raises:
        RuntimeError: it failed; the text ends with its last output.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        figures, printed = Path(folder, "figures"), Path(folder, "printed")
        with printed.open("w") as out:
            subprocess.run(  # noqa: S603  # the benchmark's own commands
                [sys.executable, "-S", str(_LAUNCH), str(figures), *command],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**kept, **(environment or {})},
                check=True,
            )
        output = printed.read_text(errors="replace")
        wall, cpu, peak_mb, code = json.loads(figures.read_text())
    if code:
        raise RuntimeError(f"{' '.join(command[:6])} ended with {code}:\n{output[-2000:]}")
    return Figures(wall, cpu, peak_mb, output)


def alternate(repeats: int, *subjects: Callable[[], Figures]) -> list[list[Figures]]:
    """Run the subjects in turn, so that a slowing machine slows all of them."""
    rounds = [[subject() for subject in subjects] for _ in range(repeats)]
    return [list(column) for column in zip(*rounds, strict=True)]


def median(runs: Sequence[Figures], figure: str = "wall") -> float:
    """Return the median of one figure."""
    return statistics.median(getattr(run, figure) for run in runs)


def ratio(ours: Sequence[Figures], theirs: Sequence[Figures], figure: str = "wall") -> float:
    """Return the median of the ratios of neighbouring runs."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(getattr(our, figure) / getattr(their, figure) for our, their in pairs)
