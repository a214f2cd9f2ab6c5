"""Rows inserted into raw tables, a simulated organisation's files loaded,
and everything built.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from hashlib import md5
from itertools import chain, groupby
from pathlib import Path

import duckdb

from analytics_pipeline.datasets import Dataset, classify
from analytics_pipeline.ingest.batch import LandedFile
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.read_batch import read_batch
from analytics_pipeline.sql_models import Severity, build, load_project, run_test
from analytics_pipeline.warehouse.load import write_batch
from analytics_pipeline.warehouse.schema import compute
from analytics_pipeline.warehouse.tables import tables

PROJECT = load_project()

Row = Mapping[str, object]


def utc(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0
) -> datetime:
    """Return a UTC time, naive as in the warehouse."""
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001


WRITTEN = utc(2026, 11, 23, 3)


def put(connection: duckdb.DuckDBPyConnection, table: str, *rows: Row) -> None:
    """Insert rows by column name; missing columns are NULL, or computed as a load does.

    Rows with the same columns are one statement: in a lake each one is a file and a commit.
    """
    for names, alike in groupby(rows, key=tuple):
        cells = [list(row.values()) for row in alike]
        columns = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join(f"({', '.join('?' for _ in names)})" for _ in cells)
        connection.execute(
            f"INSERT INTO {table} ({columns}) VALUES {marks}", list(chain.from_iterable(cells))
        )
    for declared in tables():
        if declared.name == table:
            compute(connection, declared)


def build_all(connection: duckdb.DuckDBPyConnection, names: Iterable[str] = PROJECT.models) -> None:
    """Build every model, or some; none may fail."""
    for built in build(connection, PROJECT.select(names)):
        assert built.failure is None, f"{built.model.qualified}: {built.failure}"


def broken(connection: duckdb.DuckDBPyConnection, without: Collection[str] = ()) -> list[str]:
    """Return the failing tests with their findings, without warnings."""
    tests = [
        test
        for test in PROJECT.tests.values()
        if test.severity is Severity.ERROR and test.name not in without
    ]
    tested = (run_test(connection, test) for test in tests)
    return [str((t.test.name, t.violations, t.failure)) for t in tested if not t.passed]


def found(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, object]]:
    """Return the rows of a query as dicts."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def land(
    folder: Path, files: Mapping[str, bytes], last_modified: datetime = WRITTEN
) -> list[LandedFile]:
    """Write files to disk like a download; skip unrecognised ones."""
    landed = []
    for key, body in files.items():
        below = key.partition("/")[2]
        if where := classify(below):
            path = folder / below.replace("/", "_")
            path.write_bytes(body)
            landed.append(
                LandedFile(
                    Delivery(*where, key, md5(body).hexdigest(), len(body), last_modified), path
                )
            )
    return landed


def load(
    connection: duckdb.DuckDBPyConnection, landed: Iterable[LandedFile], size: int = 1_000
) -> None:
    """Load landed files, up to `size` of a dataset at once, in their order."""
    waiting: dict[str, tuple[Dataset, list[LandedFile]]] = {}
    for file in landed:
        dataset = file.delivery.dataset
        group = waiting.setdefault(dataset.name, (dataset, []))[1]
        group.append(file)
        if len(group) == size:
            _write(connection, dataset, group)
            waiting.pop(dataset.name)
    for dataset, group in waiting.values():
        _write(connection, dataset, group)


def _write(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, landed: Sequence[LandedFile]
) -> None:
    write_batch(connection, read_batch(dataset, landed), WRITTEN, "run")


def aws(day: date, cost: object, user: int = 1, part: int = 7, account: str = "0012") -> Row:
    """A row of raw.aws_cost."""
    return {
        "file_date": day,
        "aws_account_id": account,
        "user_id": user,
        "part_id": part,
        "cost": cost,
    }


def azure(day: date, cost: object, month: int, user: int = 1, part: int = 7) -> Row:
    """A row of raw.azure_cost, of the file's year."""
    of_month = {"month": month, "year": day.year, "monthly_cost_to_date": cost}
    return {"file_date": day, "user_id": user, "part_id": part, **of_month}
