"""Random organisations as raw rows, inserted directly into a warehouse, for a recount of the marts
without files.

`fill` knows no dataset: a recount of other marts makes other rows and fills other tables with it.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import polars as pl

Rows = Mapping[str, Sequence[Mapping[str, object]]]
"""Table -> its rows, by column; missing columns are NULL."""


def fill(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    """Insert the rows of each table at once.

    DuckDB casts the values from text, so that money stays exact.
    """
    for table, listed in rows.items():
        columns = sorted({column for row in listed for column in row})
        text = {c: [None if row.get(c) is None else str(row[c]) for row in listed] for c in columns}
        connection.register(
            "random_rows", pl.DataFrame(text, schema=dict.fromkeys(columns, pl.String))
        )
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM random_rows")
        connection.unregister("random_rows")


@dataclass
class MoneyRows:
    """Source rows of the money marts, in the order of creation; `shuffled` gives another order."""

    aws: list[dict[str, object]] = field(default_factory=list)
    azure: list[dict[str, object]] = field(default_factory=list)
    services: list[dict[str, object]] = field(default_factory=list)
    mapping: list[dict[str, object]] = field(default_factory=list)
    sessions: list[dict[str, object]] = field(default_factory=list)
    people: list[dict[str, object]] = field(default_factory=list)
    ledger: list[dict[str, object]] = field(default_factory=list)

    def tables(self) -> dict[str, list[dict[str, object]]]:
        """The rows by table."""
        return {
            "raw.aws_cost": self.aws,
            "raw.azure_cost": self.azure,
            "raw.service_spend": self.services,
            "raw.asn_mapping": self.mapping,
            "raw.lab_sessions": self.sessions,
            "raw.enrollment": self.people,
            "ops.loaded_files": self.ledger,
        }

    def shuffled(self, seed: int) -> dict[str, list[dict[str, object]]]:
        """The rows by table, in another order."""
        chance = random.Random(seed)
        return {
            table: chance.sample(rows, len(rows)) for table, rows in self.tables().items() if rows
        }


def money_rows(seed: int, organisations: int) -> MoneyRows:
    """Return rows of several organisations with disjoint ids that share a feed, its missing days
    and its restarts.
    """
    chance = random.Random(seed)
    start = date(2026, 1, 1) + timedelta(days=chance.randrange(300))
    days = [start + timedelta(days=n) for n in range(chance.randint(1, 45))]
    delivered = [day for day in days if chance.random() > 0.1] or days[:1]
    monthly = chance.random() < 0.3
    rows = MoneyRows()
    for n in range(organisations):
        _organisation(chance, rows, seed * 10_000 + n * 100, delivered, monthly=monthly)
    _sessions_end(random.Random(f"sessions of {seed}"), rows, days)
    _files_without_rows(random.Random(f"files of {seed}"), rows, days)
    _some_drop(random.Random(f"people of {seed}"), rows)
    _some_move(random.Random(f"terms of {seed}"), rows, start)
    _sessions_stay_open(random.Random(f"open sessions of {seed}"), rows)
    return rows


def _some_move(chance: random.Random, rows: MoneyRows, start: date) -> None:
    """Let users use a part in several courses, in the months of its spend, before and after; map
    some shared parts to a third course, and enroll some users there.
    """
    series = sorted({(str(row["user_id"]), row["part_id"]) for row in [*rows.aws, *rows.azure]})
    for user, part in series:
        base = int(user) // 100 * 100
        for _ in range(chance.choice([0, 0, 0, 1, 2, 3])):
            at = f"{start + timedelta(days=chance.randint(-60, 105))} 09:00:00"
            where = base + chance.choice([1, 2, 2, 3])
            lab = {"user_id": int(user), "part_id": part, "course_id": where}
            rows.sessions.append(lab | {"start_time": at, "launch_time": at, "file_date": at[:10]})
        if chance.random() < 0.2:
            third = {"part_id": part, "course_id": base + 3, "assignment_id": (base + 3) * 10}
            rows.mapping.append(third)
        if chance.random() < 0.2:
            rows.people.append({"userid": int(user), "courseid": base + 3, "role": "student"})


def _files_without_rows(chance: random.Random, rows: MoneyRows, days: Sequence[date]) -> None:
    """Load files of aws_cost with only a header, or of which every row is rejected; let some files
    with rows have rejected ones, too.
    """
    for day in sorted({str(row["file_date"]) for row in rows.aws}):
        file = {"dataset": "aws_cost", "partition": day, "period": date.fromisoformat(day)}
        rows.ledger.append(file | {"rows": 1, "rejects": chance.choice([0, 0, 0, 1, 2])})
    for day in sorted(set(days) - {row["file_date"] for row in rows.aws}):
        file = {"dataset": "aws_cost", "partition": str(day), "period": day, "rows": 0}
        rejects = chance.choice([0, 0, 3, None])
        if rejects is not None:
            rows.ledger.append(file | {"rejects": rejects})


def _some_drop(chance: random.Random, rows: MoneyRows) -> None:
    """Let every third person have dropped a course, and list some twice, as dropped and not."""
    for person in list(rows.people):
        person["dropped"] = chance.choice([True, False, None])
        if chance.random() < 0.05:
            rows.people.append(person | {"dropped": not person["dropped"]})


def _sessions_end(chance: random.Random, rows: MoneyRows, days: Sequence[date]) -> None:
    """Give some sessions an end, also days later, and load the files of sessions of most days."""
    for session in rows.sessions:
        lasts = chance.choice(
            [None, timedelta(hours=2), timedelta(hours=15), timedelta(days=2), timedelta(days=90)]
        )
        if lasts is not None:
            session["end_time"] = datetime.fromisoformat(str(session["start_time"])) + lasts
    for day in days:
        if chance.random() < 0.9:
            rows.ledger.append({"dataset": "lab_sessions", "partition": str(day), "period": day})


def _sessions_stay_open(chance: random.Random, rows: MoneyRows) -> None:
    """List some sessions again in a later file, without an end."""
    for session in list(rows.sessions):
        if chance.random() < 0.3:
            later = date.fromisoformat(str(session["file_date"])) + timedelta(
                chance.choice([1, 5, 40])
            )
            rows.sessions.append(session | {"end_time": None, "file_date": later})


def _organisation(
    chance: random.Random, rows: MoneyRows, base: int, days: Sequence[date], *, monthly: bool
) -> None:
    users, parts = (
        [base + n for n in range(1, chance.randint(2, 5))],
        [base + n for n in range(1, chance.randint(2, 4))],
    )
    courses = [base + 1, base + 2]
    for part in parts:
        for course in chance.choice([[], courses[:1], courses[1:], courses]):
            rows.mapping.append(
                {
                    "part_id": part,
                    "course_id": course,
                    "assignment_id": course * 10 + chance.randint(0, 1),
                }
            )
    for user in users:
        for course in chance.choice([[], courses[:1], courses]):
            rows.people.append({"userid": user, "courseid": course, "role": "student"})
        for part in parts:
            if chance.random() < 0.3:
                at = f"{chance.choice(days)} 09:00:00"
                where = chance.choice([*courses, base + 3])
                lab = {
                    "user_id": user,
                    "part_id": part,
                    "course_id": where,
                    "start_time": at,
                    "launch_time": at,
                }
                rows.sessions.append(lab | {"file_date": at[:10]})
            _aws_series(chance, rows, (f"{user % 7:012d}", user, part), days, monthly=monthly)
            if chance.random() < 0.4:
                _azure_series(chance, rows, user, part, days)


def _aws_series(
    chance: random.Random,
    rows: MoneyRows,
    key: tuple[str, int, int],
    days: Sequence[date],
    *,
    monthly: bool,
) -> None:
    """Return an accumulation with restarts, corrections, dips, credits, repeats and days on which
    it is not listed. Some have a refund, which each later file repeats until a restart.
    """
    account, user, part = key
    value, left, spent = Decimal(0), None, dict[date, Decimal]()
    refunds, refund = random.Random(f"refunds of {key}"), Decimal(0)
    refunded_on = refunds.choice(days) if refunds.random() < 0.2 else None
    for n, day in enumerate(days):
        growth = chance.choice([Decimal(0), _amount(chance)])
        event = chance.random()
        if (monthly and n and days[n - 1].month != day.month) or event < 0.04:
            value, refund = Decimal(0), Decimal(0)
            left = day if chance.random() < 0.3 else left
        value += growth
        spent[day.replace(day=1)] = spent.get(day.replace(day=1), Decimal(0)) + growth
        if 0.04 < event < 0.1:
            value = (value * Decimal(chance.choice(["0.999", "0.9", "0.51", "0.5"]))).quantize(
                Decimal("1e-9")
            )
        if 0.1 < event < 0.12:
            value -= _amount(chance)
        if day == refunded_on:
            part_of_it = Decimal(refunds.choice(["0.3", "0.6", "0.9", "1.1"]))
            refund = (max(value, Decimal(0)) * part_of_it).quantize(Decimal("1e-9"))
        if chance.random() < 0.2:
            continue
        delivered = (
            (value * Decimal(chance.choice(["0", "0.4", "0.98"]))).quantize(Decimal("1e-9"))
            if event > 0.93
            else value
        )
        row = {
            "file_date": day,
            "aws_account_id": account,
            "user_id": user,
            "part_id": part,
            "cost": delivered,
        }
        rows.aws.append(row | ({"deactivation_date": left} if left else {}))
        if refund:
            rows.aws.append(row | {"cost": -refund})
        if chance.random() < 0.05:
            rows.aws.append(
                row | {"cost": chance.choice([delivered, delivered - 1, -_amount(chance)])}
            )
    for month, total in spent.items():
        if total and chance.random() < 0.6:
            _bill(chance, rows, key, month, total)


def _bill(
    chance: random.Random, rows: MoneyRows, key: tuple[str, int, int], month: date, total: Decimal
) -> None:
    account, user, part = key
    off = Decimal(chance.choice(["1", "1", "1.05", "0.5"]))
    course = chance.choice([None, user // 100 * 100 + 1, user // 100 * 100 + 2])
    line = {
        "file_month": month,
        "aws_account_id": account,
        "user_id": user,
        "part_id": part,
        "course_id": course,
    }
    amount = (total * off).quantize(Decimal("1e-9"))
    rows.services.append(line | {"service": "EC2", "cost": amount})
    if chance.random() < 0.2:
        rows.services.append(
            line | {"service": chance.choice(["EC2", "S3"]), "cost": -_amount(chance)}
        )
    if chance.random() < 0.1:
        rows.services.append(line | {"service": "EC2", "cost": amount - 1})


def _azure_series(
    chance: random.Random, rows: MoneyRows, user: int, part: int, days: Sequence[date]
) -> None:
    value, month = Decimal(0), 0
    for day in days:
        value, month = (Decimal(0) if day.month != month else value), day.month
        value += chance.choice([Decimal(0), _amount(chance), -_amount(chance) / 8])
        if chance.random() < 0.7:
            delivered = value.quantize(Decimal("1e-9"))
            row = {
                "file_date": day,
                "user_id": user,
                "part_id": part,
                "month": day.month,
                "year": day.year,
            }
            rows.azure.append(row | {"monthly_cost_to_date": delivered})


def _amount(chance: random.Random) -> Decimal:
    """Return dollars from a billionth to millions, as exact as the feed's."""
    return (
        Decimal(chance.randint(1, 10**9)) * Decimal(10) ** chance.choice([-9, -7, -7, -7, -3])
    ).quantize(Decimal("1e-9"))
