"""Run the tests of `dbt_like_sql/tests/`; record the verdicts, never a value.

The `.sql` files state what must hold. `orchestration/` shows the verdicts as Dagster's asset
checks.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from analytics_pipeline.sql_models.build import Built, Failure, build, explain, reads_private
from analytics_pipeline.sql_models.by_day import EQUALS_WHOLE
from analytics_pipeline.sql_models.model import Model, SqlTest
from analytics_pipeline.sql_models.model_loads import present_inputs, record_inputs, recorded_inputs
from analytics_pipeline.sql_models.private_reads import private_reads
from analytics_pipeline.sql_models.project import Project
from analytics_pipeline.sql_models.verdict_by_day import count_by_day
from analytics_pipeline.storage.disk import is_full
from analytics_pipeline.warehouse.checks import (
    IS_BUILT,
    Alarm,
    Check,
    Kind,
    Severity,
    mark_outdated,
    read,
    record,
)
from analytics_pipeline.warehouse.emails import masked
from analytics_pipeline.warehouse.parameters import Parameters, are_set
from analytics_pipeline.warehouse.transactions import together
from analytics_pipeline.words import counted, named

ALARMS_SHOWN = 20
"""Maximum number of alarms in the text of a check."""


@dataclass(frozen=True)
class Tested:
    """Result of a test.

    Attributes:
        test: the test. Its `columns` describe a violating row; its `sql` shows those rows in
            DuckDB.
        violations: number of returned rows; None if it did not run.
        seconds: duration.
        failure: why it did not run.
        alarms: rows of a test that declares alarms.
        by_day: number of rows that it returned by day, if it was also run whole to compare.
    """

    test: SqlTest
    violations: int | None
    seconds: float
    failure: Failure | None = None
    alarms: tuple[Alarm, ...] = ()
    by_day: int | None = None

    @property
    def passed(self) -> bool:
        """Return whether it ran and returned no row."""
        return self.violations == 0 and not self.differs

    @property
    def differs(self) -> bool:
        """Return whether its days together don't say what the whole test says."""
        return self.by_day not in (None, self.violations)


def build_and_test(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    models: Iterable[Model],
    now: datetime,
    also: Collection[str] = (),
) -> tuple[list[Built], list[Check]]:
    """Build models, run the tests that read any of them, and record the verdicts.

    If the process dies in between, those tests have no verdict, so that nothing untested is
    published.

    Args:
        connection: the live warehouse, with no transaction open.
        project: all models and tests.
        models: the models to build, in build order.
        now: UTC, naive.
        also: names of additional tests to run.

    Returns:
        The result of each model, and the checks: of the tests that ran, and of every model by day.

    Raises:
        duckdb.Error: the disk is full.
    """
    chosen = list(models)
    return together(connection, lambda: _build_and_test(connection, project, chosen, now, also))


def _build_and_test(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    chosen: Sequence[Model],
    now: datetime,
    also: Collection[str],
) -> tuple[list[Built], list[Check]]:
    tests = project.tests_of([model.qualified for model in chosen])
    tests += [test for test in project.tests.values() if test.name in also and test not in tests]
    mark_outdated(connection, [test.name for test in tests])
    inputs = present_inputs(connection, project)
    built = build(connection, chosen, now)
    record_inputs(
        connection, inputs, [result.model.qualified for result in built if not result.failure]
    )
    whole = {result.model.qualified for result in built if result.check}
    ran = (_run(connection, test, whole=bool(test.days.keys() & whole)) for test in tests)
    verdicts = [_check(project, tested) for tested in ran]
    verdicts += [_built(result) for result in built]
    verdicts += [result.check for result in built if result.check]
    known = {(check.name, check.subject) for check in verdicts}
    earlier = [
        check for check in _earlier(connection, project) if (check.name, check.subject) not in known
    ]
    recorded = record(connection, Kind.MODEL, [*verdicts, *earlier], now)
    return built, [
        check
        for check in recorded
        if (check.name, check.subject) in known or check.name == EQUALS_WHOLE
    ]


def _earlier(connection: duckdb.DuckDBPyConnection, project: Project) -> Iterator[Check]:
    """Yield the recorded checks of existing models and tests.

    What a test withholds is recomputed: a new model may read the tables that it tests.
    """
    for check in read(connection):
        if check.kind is Kind.MODEL and _is_current(project, check):
            test = project.tests.get(check.name)
            withholds = _withheld(project, test, check.severity) if test else check.withholds
            yield replace(check, withholds=withholds)


def stale_models(
    connection: duckdb.DuckDBPyConnection, project: Project, parameters: Parameters
) -> list[str]:
    """Return the models that were never built, failed, or were built from other loads, SQL or
    parameters than the present ones; in build order.

    Empty for a warehouse of an earlier release that recorded no builds, as nothing is known about
    them.
    """
    built = {check.subject: check for check in read(connection) if check.name == IS_BUILT}
    if not built:
        return []
    recorded, present = recorded_inputs(connection), present_inputs(connection, project)
    changed = () if are_set(connection, parameters) else project.affected({"ops.parameters"})
    outdated = {model.qualified for model in changed}
    return [
        name
        for name in project.models
        if name not in built
        or built[name].is_open
        or name in outdated
        or recorded.get(name, present.get(name)) != present.get(name)
    ]


def _is_current(project: Project, check: Check) -> bool:
    """Return whether the check's model or test still has its file."""
    if check.name in (IS_BUILT, EQUALS_WHOLE):
        model = project.models.get(check.subject)
        return model is not None and (check.name == IS_BUILT or model.days is not None)
    return check.name in project.tests and check.subject == project.home_of(
        project.tests[check.name]
    )


def _built(result: Built) -> Check:
    """Return the result of a build as a check."""
    failure = result.failure
    where = f" (line {failure.line})" if failure and failure.line else ""
    text, remedy = (f"{failure.reason}{where}.", failure.remedy) if failure else ("Built.", "")
    return Check(
        IS_BUILT,
        result.model.qualified,
        Kind.MODEL,
        Severity.ERROR,
        failure is None,
        None,
        text,
        remedy,
    )


def _check(project: Project, tested: Tested) -> Check:
    """Return the result of a test as a check."""
    test = tested.test
    file = f"dbt_like_sql/tests/{test.name}.sql"
    text, remedy = "Passed.", ""
    if tested.failure:
        where = f" (line {tested.failure.line})" if tested.failure.line else ""
        text, remedy = f"It could not run: {tested.failure.reason}{where}.", tested.failure.remedy
    elif tested.differs:
        text = (
            f"Whole, it finds {counted(tested.violations or 0, 'row')}; by day, {tested.by_day:,}."
        )
        remedy = (
            f"Treat earlier verdicts of this test as unknown. Remove `by day:` from {file}, or"
            " correct it: a row that it returns must rest on the rows of one day."
        )
    elif tested.violations:
        columns = ", ".join(test.columns)
        verdict = "Broken by" if test.severity is Severity.ERROR else "To look at:"
        text = f"{verdict} {counted(tested.violations, 'row')} ({columns})."
        remedy = f"{test.description} To see the rows, paste {file} into DuckDB."
    if tested.alarms:
        alarms = (f"{alarm.alarm}: {alarm.message}" for alarm in tested.alarms)
        text, remedy = named(alarms, ALARMS_SHOWN, "\n"), test.description
    # Such a test says nothing about the numbers, whatever severity it declares.
    severity = Severity.ERROR if tested.failure or tested.differs else test.severity
    withholds = _withheld(project, test, severity)
    kept = (tested.passed, tested.violations, text, remedy, withholds)
    subject = project.home_of(test)
    return Check(test.name, subject, Kind.MODEL, severity, *kept, alarms=tested.alarms)


def _withheld(project: Project, test: SqlTest, severity: Severity) -> tuple[str, ...]:
    """Return what a failure of a test withholds; a warning withholds nothing."""
    return project.withheld_by(test) if severity is Severity.ERROR else ()


def _run(connection: duckdb.DuckDBPyConnection, test: SqlTest, *, whole: bool) -> Tested:
    """Run a test, by day if it declares that; `whole` also runs it whole, to compare."""
    if not test.days:
        return run_test(connection, test)
    began = time.monotonic()
    try:
        found = count_by_day(connection, test, whole=whole)
    except duckdb.Error as error:
        alone = run_test(connection, test)
        file = f"dbt_like_sql/tests/{test.name}.sql"
        reason = explain(error, file, lines_before=0).reason
        failure = alone.failure or Failure(reason, f"Correct `by day:` in {file}.")
        return replace(alone, violations=None, failure=failure)
    seconds = time.monotonic() - began
    return Tested(test, found.rows, seconds, by_day=found.by_day)


def run_test(connection: duckdb.DuckDBPyConnection, test: SqlTest) -> Tested:
    """Run a test. Report a missing table or broken SQL as a failure, and so that a test which sends
    messages reads private columns; raise for a full disk.
    """
    began = time.monotonic()
    try:
        if test.is_alarm:
            if private := private_reads(connection, test.depends_on, test.sql):
                failure = reads_private(f"dbt_like_sql/tests/{test.name}.sql", private)
                return Tested(test, None, time.monotonic() - began, failure)
            rows = connection.execute(
                # Everybody in the UI sees alarms, and a department may be known by an email.
                f"SELECT {masked('alarm')}, {masked('message')} FROM (\n{test.sql}\n) ORDER BY ALL"
            ).fetchall()
            alarms = tuple(Alarm(alarm, message) for alarm, message in rows)
            return Tested(test, len(alarms), time.monotonic() - began, alarms=alarms)
        found = connection.execute(f"SELECT count(*) FROM (\n{test.sql}\n)").fetchone()
    except duckdb.Error as error:
        if is_full(error):
            raise
        failure = explain(error, f"dbt_like_sql/tests/{test.name}.sql", lines_before=1)
        return Tested(test, None, time.monotonic() - began, failure)
    return Tested(test, found[0] if found else None, time.monotonic() - began)
