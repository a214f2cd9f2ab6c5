"""Commands that are broken in the middle: what they start from, what an unbroken one makes of it, and what must hold
right after the break and after the normal run that follows.

How a command is broken (killed, or out of disk) belongs in the suites.
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
"""A file beside the data folder that fills the disk."""


@dataclass(frozen=True)
class State:
    """What a folder holds: a data folder, and what was exported from it."""

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
    """A command, the state it starts from, and the one that it makes of it when nothing breaks it.

    Attributes:
        arguments: of the command line.
        environment: settings; the data folder is the one of each round.
        before: the folder it starts from, never changed.
        after: the folder after an unbroken run, never changed.
        seconds: how long an unbroken run takes, from the line on.
        line: what the command says where breaking it becomes interesting; "" is from its beginning.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    before: State
    after: State
    seconds: float
    line: str = ""


def unbroken(
    before: Path, after: Path, arguments: tuple[str, ...], environment: Mapping[str, str], line: str = ""
) -> Trial:
    """Run a command on a copy of a folder, from its beginning to its end."""
    whole = Round(Trial(arguments, environment, State(before), State(after), 0, line), after)
    whole.start()
    began = time.monotonic()
    assert whole.process.wait() == 0, f"the unbroken run failed: {whole.output}"
    return Trial(arguments, environment, State(before), State(after), time.monotonic() - began, line)


@dataclass
class Round:
    """One copy of the folder that a trial starts from, and the command in it."""

    trial: Trial
    folder: Path
    process: Forked = field(init=False)

    def start(self) -> None:
        """Start the command in a new copy; returns when it has said the trial's line, or has ended."""
        self.copy()
        self.go()

    def copy(self) -> None:
        """Make the folder what the trial starts from."""
        shutil.copytree(self.trial.before.folder, self.folder, dirs_exist_ok=True)

    def go(self) -> None:
        """Start the command in the folder as it is; returns when it has said the trial's line, or has ended."""
        self._run()
        while self.trial.line not in self.output and self.process.runs:
            time.sleep(0.005)

    def run_again(self) -> None:
        """The normal run that follows; it must succeed."""
        self._run()
        assert self.process.wait() == 0, f"the run after it failed:\n{self.output}"

    @property
    def output(self) -> str:
        """What the command said so far."""
        return self._said.read_text() if self._said.exists() else ""

    @property
    def _said(self) -> Path:
        """Beside the folder, whose disk may be full."""
        return self.folder.with_name(f"{self.folder.name}.output")

    def _run(self) -> None:
        self._said.unlink(missing_ok=True)
        settings = {**self.trial.environment, "ANALYTICS_DATA_DIR": DATA}
        self.process = Forked(command_line, self.trial.arguments, settings, self.folder, self._said)

    def nothing_is_half_done(self) -> State:
        """Assert what must hold at any moment: each file is loaded whole or not at all, and what is published opens and is
        whole; nobody else may read anything. Returns what was found."""
        before, found, after = self.trial.before, State(self.folder), self.trial.after
        for source in before.warehouse.keys() | found.warehouse.keys() | after.warehouse.keys():
            old, now, new = (state.warehouse.get(source, {}) for state in (before, found, after))
            if source:
                assert now in (old, new), f"half of {source} is in the warehouse: {_differing(now, old, new)}"
            for table in now:
                assert now[table] in (old.get(table), new.get(table)), f"half of {table} is in the warehouse"
        assert found.published in (before.published, after.published), (
            "the published file is neither the old nor the new"
        )
        whole = before.landed.items() | after.landed.items() | states.as_delivered(self.folder / DATA).items()
        assert found.landed.items() <= whole, f"landed files are not whole: {found.landed.items() - whole}"
        assert found.exported.items() <= before.exported.items() | after.exported.items(), "half a Parquet file"
        assert states.open_to_others(self.folder / DATA) == {}, "others can read it"
        return found

    def equals_an_unbroken_run(self) -> None:
        """Assert that after the normal run nothing tells the broken one from an unbroken one."""
        found, after = State(self.folder), self.trial.after
        assert found.files == after.files, f"left behind or missing: {found.files ^ after.files}"
        for what in ("warehouse", "published", "landed", "exported"):
            now, right = getattr(found, what), getattr(after, what)
            assert now == right, f"{what} differs: {_differing(now, right)}"
        assert states.unfinished_runs(self.folder / DATA) == [], "a dead run counts as running"
        assert states.open_to_others(self.folder / DATA) == {}, "others can read it"
        assert states.open_to_others(self.folder / EXPORT) == {}, "others can read what was exported"
        with FileLock(self.folder / DATA / "warehouse.duckdb.lock", timeout=0, mode=0o600):
            pass  # nobody holds it: else this raises


def phase(before: State, found: State, output: str) -> str:
    """How far a broken command was, by what it said and left."""
    data = found.folder / DATA
    marts, marts_before = (
        {name: rows for name, rows in state.warehouse.get("", {}).items() if name.startswith("marts.")}
        for state in (found, before)
    )
    signs = {
        "while compacting": (data / "warehouse.duckdb.new").exists(),
        "while exporting": any((found.folder / EXPORT).glob("*.new")) or found.exported != before.exported,
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
        f"{key}: {[one.get(key) for one in (now, *others)]}"
        for key in sorted(keys)
        if now.get(key) not in [one.get(key) for one in others]
    ][:5]
