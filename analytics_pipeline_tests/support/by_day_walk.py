"""A random walk of an organisation's lab_sessions files: after each build, the models by day are
compared with the same rows made whole by the SQL of before they were built by day, and the verdicts
of the tests by day with those of the same tests run whole.

Files are rows of `raw.lab_sessions` with one `_source_key`; a new version replaces them, as a load
does.
"""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb

from analytics_pipeline.ingest.people import People
from analytics_pipeline.sql_models import Project, SqlTest, build, load_project, run_test
from analytics_pipeline.sql_models.parse import parse_test
from analytics_pipeline.sql_models.project import default_folder
from analytics_pipeline.sql_models.sql_syntax import replace_tables
from analytics_pipeline.sql_models.verdict_by_day import count_by_day
from analytics_pipeline.warehouse.erase import erase_rows
from analytics_pipeline.warehouse.transactions import together, write
from analytics_pipeline_tests.support.model_warehouse import PROJECT, Row
from analytics_pipeline_tests.support.random_rows import fill

Connection = duckdb.DuckDBPyConnection
BY_DAY = [model.qualified for model in PROJECT.models.values() if model.days]
"""The models to compare."""
FIRST, DAYS, PEOPLE = date(2026, 1, 1), 24, 40
CHANGED_TEXT = {"minutes_delivered * 60": "minutes_delivered * 61", ", 0.99)": ", 0.95)"}
"""Another release's SQL, of two models by day."""
RULES = {
    "no_long_lab_in_a_vm": """
-- by day: marts.lab_sessions.session_date
SELECT session_id FROM marts.lab_sessions WHERE minutes >= 240 AND lab_type = 'VM'""",
    "no_file_lists_a_session_of_the_day_before": """
-- by day: marts.lab_sessions.session_date
-- by day: staging.lab_session_rows.file_date
SELECT file_date, sessions, rows
FROM (SELECT file_date, count(*) AS rows FROM staging.lab_session_rows GROUP BY ALL) AS delivered
LEFT JOIN (SELECT session_date, count(*) AS sessions FROM marts.lab_sessions GROUP BY ALL) AS found
    ON session_date = file_date
WHERE rows > coalesce(sessions, 0)""",
    "no_hour_is_full": """
-- by day: marts.lab_concurrency_hourly.hour::DATE
SELECT hour FROM marts.lab_concurrency_hourly GROUP BY hour HAVING max(peak_sessions) > 4""",
}
"""Tests by day that random rows break on some days, as the project's own tests always hold."""
_WHOLE = Path(__file__).parent / "built_whole"
_REASONS = ["User Ended Lab", "Start Failed", "other", None]


def changed_project(folder: Path) -> Project:
    """Return the project with CHANGED_TEXT in its models, copied to a folder."""
    shutil.copytree(default_folder(), folder)
    for file in folder.glob("*/*.sql"):
        file.write_text(_changed(file.read_text()))
    return load_project(folder)


def _changed(sql: str) -> str:
    for old, new in CHANGED_TEXT.items():
        sql = sql.replace(old, new)
    return sql


def rule(name: str, text: str) -> SqlTest:
    """Return a test that no project has."""
    return parse_test(name, text.strip())


def differing(connection: Connection, models: Project, *, changed: bool = False) -> list[str]:
    """Return the models by day whose rows are not those made whole from the raw tables."""

    def text(name: str) -> str:
        sql = (_WHOLE / f"{name}.sql").read_text()
        return _changed(sql) if changed else sql

    staged = {"staging.lab_sessions": f"(\n{text('staging.lab_sessions')}\n)"}
    sessions = replace_tables(text("marts.lab_sessions"), staged)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE made_whole AS {sessions}")
    found = []
    for name in BY_DAY:
        sql = text(name) if (_WHOLE / f"{name}.sql").exists() else models.models[name].sql
        whole = replace_tables(sql, {"marts.lab_sessions": "made_whole"})
        if name == "marts.lab_sessions":
            whole = "FROM made_whole"
        right = connection.execute(f"FROM (\n{whole}\n) ORDER BY ALL").fetchall()
        rows = connection.execute(f"FROM {name} ORDER BY ALL").fetchall()
        if rows != right:
            found.append(
                f"{name}: {[row for row in rows if row not in right][:3]} instead of"
                f" {[row for row in right if row not in rows][:3]}"
            )
    return found


@dataclass
class Walk:
    """An organisation in a warehouse, and its next random step.

    Attributes:
        connection: the warehouse.
        chance: decides everything.
        projects: the models as they are, and as another release has them.
        rules: tests by day to compare besides the project's.
        files: rows by the day of their file.
        release: index of the current project.
        by_day: number of models that were built by day.
        whole: number of models that were built whole.
        broken: number of tests by day that failed.
    """

    connection: Connection
    chance: random.Random
    projects: Sequence[Project] = (PROJECT,)
    rules: Sequence[SqlTest] = tuple(rule(name, text) for name, text in RULES.items())
    files: dict[date, list[dict[str, object]]] = field(default_factory=dict)
    release: int = 0
    by_day: int = 0
    whole: int = 0
    broken: int = 0
    _viewed: int | None = None
    _taken: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Deliver a month and build it."""
        days = [FIRST + timedelta(days=n) for n in range(DAYS)]
        together(self.connection, lambda: [self._deliver(day) for day in days])
        self.build_and_compare()

    def step(self) -> str:
        """Take a random step, and return its name; a build follows most steps.

        The first steps take each kind once.
        """
        likely = {
            **{self.new_day: 8, self._late_day: 2, self._rewrite: 12, self._delete: 6},
            **{self._over_midnight: 4, self._long_session: 2, self._rename: 1, self._erase: 1},
            **{self._same_again: 2, self._upgrade: 1},
        }
        new = [kind for kind in likely if kind.__name__ not in self._taken]
        [taken] = self.chance.choices(new or list(likely), None if new else list(likely.values()))
        self._taken.add(taken.__name__)
        taken()
        if self.chance.random() < 0.8:  # else the rebuild is skipped, or another process takes it
            self.build_and_compare()
        return taken.__name__

    def build_and_compare(self) -> None:
        """Build the models, run the tests by day, and compare.

        Raises:
            AssertionError: rows or verdicts differ.
        """
        models = self.projects[self.release]
        # The views change with the release.
        chosen = {*BY_DAY, *(PROJECT.upstream(BY_DAY) if self.release != self._viewed else ())}
        built = build(self.connection, models.select(chosen))
        self._viewed = self.release
        failures = [str(result.failure) for result in built if result.failure]
        assert failures == [], failures
        self.whole += sum(result.check is not None for result in built)
        self.by_day += sum(
            result.check is None and result.model.qualified in BY_DAY for result in built
        )
        found = differing(self.connection, models, changed=self.release == 1)
        assert found == [], found
        together(self.connection, lambda: self._test_and_compare(models))

    def _test_and_compare(self, project: Project) -> None:
        for test in [*project.tests.values(), *self.rules]:
            if test.days:
                found = count_by_day(self.connection, test, whole=False).rows
                right = run_test(self.connection, test).violations
                assert found == right, f"{test.name}: {found} rows instead of {right}"
                self.broken += found > 0

    def _put(self, day: date) -> None:
        """Replace the rows of a file."""
        key = f"org1/lab_sessions/lab_sessions_{day}.csv"
        rows = [row | {"file_date": day, "_source_key": key} for row in self.files.get(day, [])]

        def replace() -> None:
            self.connection.execute("DELETE FROM raw.lab_sessions WHERE _source_key = ?", [key])
            if rows:
                fill(self.connection, {"raw.lab_sessions": rows})

        write(self.connection, replace)

    def _deliver(self, day: date) -> None:
        self.files[day] = [self._session(day) for _ in range(self.chance.randint(0, 9))]
        self._put(day)

    def _session(self, day: date) -> dict[str, object]:
        chance = self.chance
        start = datetime.combine(day, time(chance.randrange(24), chance.randrange(0, 60, 15)))
        lasts = timedelta(minutes=chance.choice([0, 15, 30, 60, 60, 240, 600]))
        part = chance.randint(1, 6)
        row: Row = {
            **{"user_id": chance.randint(1, PEOPLE), "part_id": part, "course_id": part % 3},
            **{"course_name": f"Course {part % 3}", "assignment_id": part, "part_name": "lab"},
            **{
                "assignment_name": chance.choice(["a", None]),
                "end_reason": chance.choice(_REASONS),
            },
            **{"lab_type": chance.choice(["VM", "Cloud", None]), "duration_min": 5},
            **{"launch_time": start, "start_time": start, "end_time": start + lasts},
            **{"init_time": start + timedelta(seconds=chance.randint(0, 300))},
            **{"launch_to_ready_duration_mins": chance.randint(0, 9), "latency_time_ms": 3},
            **{"concurrent_labs_count": 0, "disconnects": chance.randint(0, 3)},
        }
        missing = chance.choice([(), (), ("end_time",), ("start_time",), ("init_time",)])
        if chance.random() < 0.05:
            missing = ("start_time", "launch_time")
        return dict(row) | dict.fromkeys(missing)

    def _some_day(self) -> date:
        return self.chance.choice(sorted(self.files))

    def new_day(self) -> None:
        """Deliver the day after the newest."""
        self._deliver(max(self.files) + timedelta(days=1))

    def _late_day(self) -> None:
        missing = [day for n in range(60) if (day := FIRST + timedelta(days=n)) not in self.files]
        self._deliver(self.chance.choice(missing or [self._some_day()]))

    def _rewrite(self) -> None:
        """Change a cell, add a row or take one away."""
        day = self._some_day()
        rows, other = self.files[day], self._session(day)
        if rows and self.chance.random() < 0.7:
            cell = self.chance.choice(sorted(other))
            self.chance.choice(rows)[cell] = other[cell]
        elif rows and self.chance.random() < 0.4:
            rows.remove(self.chance.choice(rows))
        else:
            rows.append(other)
        self._put(day)

    def _delete(self) -> None:
        day = self._some_day()
        if len(self.files) > DAYS // 2:
            del self.files[day]
        self._put(day)

    def _over_midnight(self) -> None:
        """List a session in its day's file and, with another end, in the next day's."""
        day = self._some_day()
        start = datetime.combine(day, time(23, self.chance.randrange(60)))
        row = self._session(day) | {"launch_time": start, "start_time": start, "end_time": None}
        self.files[day].append(row)
        self._put(day)
        after = row | {"end_time": start + timedelta(hours=self.chance.choice([1, 2, 30]))}
        self.files.setdefault(day + timedelta(days=1), []).append(after)
        self._put(day + timedelta(days=1))

    def _long_session(self) -> None:
        day = self._some_day()
        start = datetime.combine(day, time(self.chance.randrange(24)))
        lasts = timedelta(
            days=self.chance.choice([2, 30, 31, 40]), hours=self.chance.choice([0, 3])
        )
        self.files[day].append(
            self._session(day) | {"start_time": start, "end_time": start + lasts}
        )
        self._put(day)

    def _rename(self) -> None:
        """Rename a course in a few files, as when its mapping changes."""
        for day in self.chance.sample(sorted(self.files), 3):
            self.files[day] = [row | {"course_name": "renamed"} for row in self.files[day]]
            self._put(day)

    def _erase(self) -> None:
        person = self.chance.randint(1, PEOPLE)
        erase_rows(self.connection, People(frozenset([person])))
        for day, rows in self.files.items():
            self.files[day] = [row for row in rows if row["user_id"] != person]

    def _same_again(self) -> None:
        """Deliver a file again, with its rows in another order."""
        day = self._some_day()
        self.chance.shuffle(self.files[day])
        self._put(day)

    def _upgrade(self) -> None:
        self.release = (self.release + 1) % len(self.projects)
