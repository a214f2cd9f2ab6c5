"""`ops.checks`: the latest verdict of every check, in the warehouse itself, where every door reads it.

What is checked is decided in `sql_models/checks.py` and `orchestration/`; what a failing check keeps from being published,
in `withhold.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

import duckdb

from analytics_pipeline.warehouse.transactions import transaction


class Severity(StrEnum):
    """How much a failing check means; a test declares it in its leading comment, as `-- severity: warn`."""

    ERROR = "error"
    """The numbers can't be trusted, or data is missing: exit code 1, an alert, and nothing of it is published. The default."""
    WARN = "warn"
    """The numbers rest on a guess, or something deserves a look."""


class Kind(StrEnum):
    """Who evaluates a check."""

    MODEL = "model"
    """A build of SQL models: the tests of `dbt_like_sql/tests/`."""
    LOAD = "load"
    """A load of a dataset."""
    FEED = "feed"
    """A comparison with the bucket."""


@dataclass(frozen=True)
class Check:
    """A row of `ops.checks`.

    Attributes:
        name: of the check; unique with its subject.
        subject: qualified table that it is about.
        kind: who evaluates it.
        severity: how bad it is when it fails.
        passed: the latest verdict.
        violations: rows that break it; None where it counts nothing or could not run.
        text: what was found.
        remedy: what a person should do; empty where it passed.
        withholds: qualified tables that are not published anew while it fails.
        since: since when the verdict is what it is (UTC); None until it is recorded.
        evaluated_at: UTC; None once a model that it reads was rebuilt and it was not evaluated after that.
    """

    name: str
    subject: str
    kind: Kind
    severity: Severity
    passed: bool
    violations: int | None
    text: str
    remedy: str = ""
    withholds: tuple[str, ...] = ()
    since: datetime | None = None
    evaluated_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it failed, or its verdict is about rows that are no longer there."""
        return not self.passed or self.evaluated_at is None

    def __str__(self) -> str:
        """The line that people are told, with the remedy."""
        since = f" (since {self.since:%Y-%m-%d %H:%M} UTC)" if self.since and not self.passed else ""
        text = self.text if self.evaluated_at or not self.passed else "Not evaluated since its models were rebuilt."
        remedy = self.remedy or ("" if self.evaluated_at else "Run `analytics-pipeline sync`.")
        return f"{self.subject}, check {self.name}{since}: {text} {remedy}".rstrip()


_COLUMNS = ", ".join(field.name for field in fields(Check))


def record(
    connection: duckdb.DuckDBPyConnection,
    kind: Kind,
    checks: Sequence[Check],
    now: datetime,
    subject: str | None = None,
) -> list[Check]:
    """Replace the verdicts of a kind, of one subject or of all, in one transaction; a verdict that lasts keeps its `since`.

    Args:
        connection: the live warehouse, with no transaction open.
        kind: of all the checks given.
        checks: every check of this kind (and subject); one that is not among them is forgotten, one that was read from the
            table stays as it is.
        now: UTC, naive.
        subject: replace the verdicts about this table alone.

    Returns:
        The checks as recorded.
    """
    before = {(check.name, check.subject): check for check in read(connection) if check.kind is kind}
    recorded = [dated(check, before.get((check.name, check.subject)), now) for check in checks]
    marks = ", ".join("?" * len(fields(Check)))
    with transaction(connection):
        connection.execute("DELETE FROM ops.checks WHERE kind = $1 AND (subject = $2 OR $2 IS NULL)", [kind, subject])
        for check in recorded:
            connection.execute(f"INSERT INTO ops.checks ({_COLUMNS}) VALUES ({marks})", _values(check))
    return recorded


def outdate(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Say of tests that what they read is being rebuilt: until they are evaluated again, their verdict counts for nothing."""
    connection.execute(
        "UPDATE ops.checks SET evaluated_at = NULL WHERE kind = 'model' AND list_contains($1, name)", [list(names)]
    )


def read(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Every check, by subject and name; none in a database that has no such table yet."""
    try:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM ops.checks ORDER BY subject, name").fetchall()
    except duckdb.CatalogException:  # written by an earlier release
        return []
    return [_check(*row) for row in rows]


def errors(checks: Iterable[Check]) -> list[Check]:
    """Those that make a warehouse not well: of severity ERROR, failing or outdated."""
    return [check for check in checks if check.severity is Severity.ERROR and check.is_open]


def _check(
    name: str, subject: str, kind: str, severity: str, passed: bool, violations: int | None, text: str, remedy: str,
    withholds: list[str], since: datetime, evaluated_at: datetime | None,
) -> Check:  # fmt: skip
    found = (name, subject, Kind(kind), Severity[severity], passed, violations, text, remedy)
    return Check(*found, withholds=tuple(withholds or ()), since=since, evaluated_at=evaluated_at)


def dated(check: Check, before: Check | None, now: datetime) -> Check:
    """Return a fresh verdict with its times (UTC); one that lasts keeps its `since`."""
    if check.since:  # recorded before
        return check
    since = before.since if before and before.passed == check.passed else now
    return replace(check, since=since, evaluated_at=now)


def _values(check: Check) -> list[object]:
    """In the order of the columns, as DuckDB takes them."""
    stored = {"severity": check.severity.name, "withholds": list(check.withholds)}
    return [stored.get(field.name, getattr(check, field.name)) for field in fields(check)]
