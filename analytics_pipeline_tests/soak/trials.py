"""Commands that are interrupted: their starting point, the result of an uninterrupted run, and what
must hold right after the interruption and after the next normal run.

The suites define the interruption (a kill, or a full disk).
"""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from analytics_pipeline_tests.soak import states
from analytics_pipeline_tests.soak.processes import Forked, command_line

DATA, EXPORT, REPORT = "data", "parquet", "report.html"
BALLAST = "ballast"
"""A file next to the data folder that fills the disk."""


@dataclass(frozen=True)
class State:
    """Content of a folder: a data folder, and its exports."""

    folder: Path

    @cached_property
    def warehouse(self) -> states.Rows:
        return states.rows(self.folder / DATA / "warehouse.duckdb")

    @cached_property
    def published(self) -> states.Rows:
        return states.rows(self.folder / DATA / "analytics.duckdb")

    @cached_property
    def landed(self) -> dict[str, str]:
        return states.landed(self.folder / DATA)

    @cached_property
    def exported(self) -> dict[str, object]:
        return {**states.exported(self.folder / EXPORT), **states.page(self.folder / DATA / REPORT)}

    @cached_property
    def files(self) -> set[str]:
        return states.files(self.folder) - {BALLAST}


@dataclass(frozen=True)
class Trial:
    """A command, the state it starts from, and the state after an uninterrupted run.

    Attributes:
        arguments: arguments of the command line.
        environment: the settings; each round has its own data folder.
        before: the folder it starts from, never changed.
        after: the folder after an uninterrupted run, never changed.
        seconds: duration of an uninterrupted run, from the line on.
        line: output at which interruptions become interesting; "" means from the start.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    before: State
    after: State
    seconds: float
    line: str = ""


def unbroken(
    before: Path,
    after: Path,
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    line: str = "",
) -> Trial:
    """Run a command on a copy of a folder, from start to end."""
    whole = Round(Trial(arguments, environment, State(before), State(after), 0, line), after)
    whole.start()
    began = time.monotonic()
    assert whole.process.wait() == 0, f"the unbroken run failed: {whole.output}"
    return Trial(
        arguments, environment, State(before), State(after), time.monotonic() - began, line
    )


@dataclass
class Round:
    """One copy of a trial's starting folder, and the command in it."""

    trial: Trial
    folder: Path
    process: Forked = field(init=False)

    def start(self) -> None:
        """Start the command in a new copy; return when it has printed the trial's line, or has
        ended.
        """
        self.copy()
        self.go()

    def copy(self) -> None:
        """Reset the folder to the trial's starting point."""
        shutil.copytree(self.trial.before.folder, self.folder, dirs_exist_ok=True)

    def go(self) -> None:
        """Start the command in the folder as it is; return when it has printed the trial's line, or
        has ended.
        """
        self._run()
        while self.trial.line not in self.output and self.process.runs:
            time.sleep(0.005)

    def run_again(self) -> None:
        """Run the normal command afterwards; it must succeed."""
        self._run()
        assert self.process.wait() == 0, f"the run after it failed:\n{self.output}"

    @property
    def output(self) -> str:
        """Return the command's output so far."""
        return self._said.read_text() if self._said.exists() else ""

    @property
    def _said(self) -> Path:
        """Return a path next to the folder, whose disk may be full."""
        return self.folder.with_name(f"{self.folder.name}.output")

    def _run(self) -> None:
        self._said.unlink(missing_ok=True)
        settings = {**self.trial.environment, "ANALYTICS_DATA_DIR": DATA}
        self.process = Forked(command_line, self.trial.arguments, settings, self.folder, self._said)

    def nothing_is_half_done(self) -> State:
        """Assert what must hold at any moment: each file is loaded completely or not at all, the
        published file opens and is complete, and nobody else may read anything. Return what was
        found."""
        before, found, after = self.trial.before, State(self.folder), self.trial.after
        for source in before.warehouse.keys() | found.warehouse.keys() | after.warehouse.keys():
            old, now, new = (state.warehouse.get(source, {}) for state in (before, found, after))
            if source:
                assert now in (
                    old,
                    new,
                ), f"half of {source} is in the warehouse: {_differing(now, old, new)}"
            for table in now.keys() - states.IN_STEPS:
                assert now[table] in (
                    old.get(table),
                    new.get(table),
                ), f"half of {table} is in the warehouse"
        assert found.published in (
            before.published,
            after.published,
        ), "the published file is neither the old nor the new"
        whole = (
            before.landed.items()
            | after.landed.items()
            | states.as_delivered(self.folder / DATA).items()
        )
        assert found.landed.items() <= whole, (
            f"landed files are not whole: {found.landed.items() - whole}"
        )
        assert found.exported.items() <= before.exported.items() | after.exported.items(), (
            "half a Parquet file"
        )
        assert states.open_to_others(self.folder / DATA) == {}, "others can read it"
        return found

    def equals_an_unbroken_run(self) -> None:
        """Assert that after the normal run nothing distinguishes an interrupted command from an
        uninterrupted one.
        """
        found, after = State(self.folder), self.trial.after
        assert found.files == after.files, f"left behind or missing: {found.files ^ after.files}"
        for what in ("warehouse", "published", "landed", "exported"):
            now, right = getattr(found, what), getattr(after, what)
            assert now == right, f"{what} differs: {_differing(now, right)}"
        assert states.unfinished_runs(self.folder / DATA) == [], "a dead run counts as running"
        assert states.open_to_others(self.folder / DATA) == {}, "others can read it"
        assert states.open_to_others(self.folder / EXPORT) == {}, (
            "others can read what was exported"
        )
        with FileLock(self.folder / DATA / "warehouse.duckdb.lock", timeout=0, mode=0o600):
            pass  # nobody holds it, or this would raise


def phase(before: State, found: State, output: str) -> str:
    """Return how far an interrupted command got, by its output and leftovers."""
    data = found.folder / DATA
    marts, marts_before = (
        {
            name: rows
            for name, rows in state.warehouse.get("", {}).items()
            if name.startswith("marts.")
        }
        for state in (found, before)
    )
    signs = {
        "while compacting": (data / "warehouse.duckdb.new").exists(),
        "while exporting": (
            any((found.folder / EXPORT).glob("*.new")) or found.exported != before.exported
        ),
        "while publishing": (data / "analytics.duckdb.new").exists(),
        "after publishing": found.published != before.published,
        "while building models": "Rebuilding" in output or marts != marts_before,
        "between two transactions": found.warehouse != before.warehouse,
        "in the first transaction": (data / "warehouse.duckdb.wal").exists(),
        "while landing": found.landed != before.landed or any(data.rglob(".part-*")),
    }
    return next((phase for phase, seen in signs.items() if seen), "with everything as it was")


def _differing(now: Mapping[str, object], *others: Mapping[str, object]) -> list[str]:
    keys = set(now).union(*others)
    return [
        f"{key}: {[state.get(key) for state in (now, *others)]}"
        for key in sorted(keys)
        if now.get(key) not in [state.get(key) for state in others]
    ][:5]
