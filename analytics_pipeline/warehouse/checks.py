"""`ops.checks`: the latest verdict of every check.

It is in the warehouse, so that every interface reads the same. `sql_models/checks.py` and
`orchestration/` evaluate the checks. `withhold.py` decides what a failing check keeps from being
published.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

import duckdb

from analytics_pipeline.warehouse.transactions import write

IS_BUILT = "is_built"
"""Name of the check that records a model's last build, and when it was."""


class Severity(StrEnum):
    """How much a failing check matters; a test declares it as `-- severity: warn`."""

    ERROR = "error"
    """The numbers can't be trusted, or data is missing: exit code 1, an alert, nothing affected is
    published. The default."""
    WARN = "warn"
    """The numbers rest on an assumption, or something deserves attention."""


class Kind(StrEnum):
    """Who evaluates a check."""

    MODEL = "model"
    """A build of SQL models: the tests of `dbt_like_sql/tests/`."""
    LOAD = "load"
    """A load of a dataset."""
    FEED = "feed"
    """A comparison with the bucket."""


@dataclass(frozen=True)
class Alarm:
    """A row of a test that declares alarms: it sends a message, and another one when it is gone.

    Attributes:
        alarm: its subject, in ids, days and amounts only; unchanged while the episode lasts.
        message: the finding and the remedy.
    """

    alarm: str
    message: str


@dataclass(frozen=True)
class Check:
    """A row of `ops.checks`.

    Attributes:
        name: name of the check, unique together with its subject.
        subject: qualified name of the checked table.
        kind: who evaluates it.
        severity: how bad a failure is.
        passed: the latest verdict.
        violations: number of violating rows; None if the check counts none or could not run.
        text: the finding.
        remedy: what a person should do; empty if it passed.
        withholds: qualified names of the tables that are not republished while it fails.
        alarms: alarms of the test, if it declares them.
        since: when the verdict last changed (UTC); None until it is recorded.
        evaluated_at: UTC; None if a model that it reads was rebuilt since its evaluation.
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
    alarms: tuple[Alarm, ...] = ()
    since: datetime | None = None
    evaluated_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Return whether it failed, or its verdict is outdated."""
        return not self.passed or self.evaluated_at is None

    def __str__(self) -> str:
        """Return the line for people, with the remedy."""
        since = (
            f" (since {self.since:%Y-%m-%d %H:%M} UTC)" if self.since and not self.passed else ""
        )
        text = (
            self.text
            if self.evaluated_at or not self.passed
            else "Not evaluated since its models were rebuilt."
        )
        remedy = self.remedy or ("" if self.evaluated_at else "Run `analytics-pipeline sync`.")
        return f"{self.subject}, check {self.name}{since}: {text} {remedy}".rstrip()


_COLUMNS = ", ".join(field.name for field in fields(Check))


def record(
    connection: duckdb.DuckDBPyConnection,
    kind: Kind,
    checks: Sequence[Check],
    now: datetime,
    subject: str | None = None,
    names: Collection[str] | None = None,
) -> list[Check]:
    """Replace the verdicts of a kind, for one subject or some names or all, in one transaction.

    An unchanged verdict keeps its `since`.

    Args:
        connection: the live warehouse, with no transaction open.
        kind: the kind of all given checks.
        checks: every check of this kind (and subject, and names). Others are deleted; one that was
            read from the table is kept as is.
        now: UTC, naive.
        subject: replace only the verdicts about this table.
        names: replace only the verdicts with these names.

    Returns:
        The checks as recorded.
    """

    def replace_all() -> list[Check]:
        before = {
            (check.name, check.subject): check for check in read(connection) if check.kind is kind
        }
        recorded = [
            with_times(check, before.get((check.name, check.subject)), now) for check in checks
        ]
        connection.execute(
            "DELETE FROM ops.checks WHERE kind = $1 AND (subject = $2 OR $2 IS NULL)"
            " AND ($3::VARCHAR[] IS NULL OR list_contains($3, name))",
            [kind, subject, None if names is None else list(names)],
        )
        _insert(connection, recorded)
        return recorded

    return write(connection, replace_all)


def record_one(connection: duckdb.DuckDBPyConnection, check: Check, now: datetime) -> None:
    """Replace one verdict, in the caller's transaction, so that it is not lost if the process dies.

    Args:
        connection: the live warehouse, in a transaction.
        check: the new verdict.
        now: UTC, naive.
    """
    before = {(known.name, known.subject): known for known in read(connection)}
    connection.execute(
        "DELETE FROM ops.checks WHERE (name, subject) = ($1, $2)", [check.name, check.subject]
    )
    _insert(connection, [with_times(check, before.get((check.name, check.subject)), now)])


def _insert(connection: duckdb.DuckDBPyConnection, checks: Sequence[Check]) -> None:
    row = f"({', '.join('?' * len(fields(Check)))})"
    rows = ", ".join([row] * len(checks))
    if checks:
        connection.execute(
            f"INSERT INTO ops.checks ({_COLUMNS}) VALUES {rows}",
            [value for check in checks for value in _values(check)],
        )


def mark_outdated(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Mark tests whose models are being rebuilt: their old verdicts don't count."""
    outdated = list(names)

    def mark() -> None:
        connection.execute(
            "UPDATE ops.checks SET evaluated_at = NULL WHERE kind = 'model' AND list_contains($1,"
            " name)",
            [outdated],
        )

    write(connection, mark)


def read(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Return every check, by subject and name; empty if the database has no such table yet."""
    try:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM ops.checks ORDER BY subject, name"
        ).fetchall()
    except duckdb.CatalogException:  # written by an earlier release
        return []
    return [_check(*row) for row in rows]


def builds(connection: duckdb.DuckDBPyConnection) -> dict[str, datetime]:
    """Return when each model was last built (UTC), by qualified name; empty if none is recorded.

    Args:
        connection: the warehouse, or a published file.
    """
    try:
        return dict(
            connection.execute(
                "SELECT subject, evaluated_at FROM ops.checks WHERE passed AND name = $1 AND"
                " evaluated_at IS NOT NULL",
                [IS_BUILT],
            ).fetchall()
        )
    except (duckdb.CatalogException, duckdb.BinderException):  # written by an earlier release
        return {}


def alarms(checks: Iterable[Check]) -> list[Alarm]:
    """Return the open alarms."""
    return [alarm for check in checks for alarm in check.alarms]


def errors(checks: Iterable[Check]) -> list[Check]:
    """Return the checks of severity ERROR that fail or are outdated."""
    return [check for check in checks if check.severity is Severity.ERROR and check.is_open]


def withholding(checks: Iterable[Check]) -> list[Check]:
    """Return the failing checks that withhold tables from the published file."""
    return [check for check in errors(checks) if check.withholds]


def _check(
    name: str, subject: str, kind: str, severity: str, passed: bool, violations: int | None,
    text: str, remedy: str,
    withholds: list[str], alarms: list[dict[str, str]] | None, since: datetime,
    evaluated_at: datetime | None,
) -> Check:  # fmt: skip
    values = (name, subject, Kind(kind), Severity[severity], passed, violations, text, remedy)
    open_alarms = tuple(Alarm(**alarm) for alarm in alarms or ())
    return Check(
        *values,
        withholds=tuple(withholds or ()),
        alarms=open_alarms,
        since=since,
        evaluated_at=evaluated_at,
    )


def with_times(check: Check, before: Check | None, now: datetime) -> Check:
    """Return a new verdict with its times (UTC). An unchanged verdict keeps its `since`."""
    if check.since:  # recorded before
        return check
    since = before.since if before and before.passed == check.passed else now
    return replace(check, since=since, evaluated_at=now)


def with_fresh(
    checks: Iterable[Check], fresh: Iterable[Check], names: Collection[str], now: datetime
) -> list[Check]:
    """Replace recorded verdicts by new ones, as `record` would. Writes nothing.

    Args:
        checks: rows of `ops.checks`.
        fresh: the new verdicts.
        names: names of the checks to replace, on all tables.
        now: UTC, naive.
    """
    checks = list(checks)
    recorded = {(check.name, check.subject): check for check in checks}
    others = [check for check in checks if check.name not in names]
    dated = [with_times(check, recorded.get((check.name, check.subject)), now) for check in fresh]
    return sorted([*others, *dated], key=lambda check: (check.subject, check.name))


def _values(check: Check) -> list[object]:
    """Return the values in column order, as DuckDB takes them."""
    alarms = [asdict(alarm) for alarm in check.alarms]
    stored = {"severity": check.severity.name, "withholds": list(check.withholds), "alarms": alarms}
    return [stored.get(field.name, getattr(check, field.name)) for field in fields(check)]
