"""RESULTS.md: the table, the machine and the releases measured. NOTES.md explains the figures."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.rows import Row

PACKAGES = ("duckdb", "polars", "pandera", "dagster", "obstore", "boto3")


def results(rows: Sequence[Row], repeats: int, quick: bool, load_before: float) -> str:
    """Return the whole text."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        "# Results",
        "",
        (
            "Written by `make bench`; quote the ratios, not the seconds. Every figure is for a"
            " whole process, start and imports"
        ),
        (
            f"included; medians of {repeats} alternating rounds (fewer where a round takes"
            f" minutes). {'Quick sizes. ' if quick else ''}"
        ),
        "",
        (
            f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()},"
            f" Python {platform.python_version()}, {versions}. {datetime.now(UTC):%Y-%m-%d}; load"
            f" average {load_before:.1f} before, {os.getloadavg()[1]:.1f} at the end (well above 0"
            " means that others used the machine: trust CPU ratios more than wall ratios)."
        ),
        "",
        "| work | against | target | measured | met | also | details |",
        "|---|---|---|---|---|---|---|",
        *map(_line, rows),
        "",
        "[NOTES.md](NOTES.md) says where the time goes, what was tried, and how it was measured.",
        "",
    ]
    return "\n".join(lines)


def _line(row: Row) -> str:
    measured = "not measured" if row.measured is None else f"{row.measured:.2f}"
    met = {True: "yes", False: "**no**", None: ""}[row.met]
    also = ", ".join(f"{name} {value:.2f}" for name, value in row.more.items())
    if not row.against:
        return f"| `--only {row.work}` | | | not measured | | | {row.detail} |"
    bound = "at least" if row.at_least else "at most"
    return (
        f"| {row.work} | {row.against} | {bound} {row.target:.3g} | {measured} | {met} | {also} |"
        f" {row.detail} |"
    )
