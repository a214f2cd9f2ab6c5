"""`marts.data_completeness` of 500 random ledgers against a recount in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl

from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.model_warehouse import build_all

LEDGERS = 500
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def random_ledger(
    dice: Random, dataset: str
) -> tuple[dict[str, list[dict[str, object]]], list[tuple[object, ...]]]:
    """Return the rows of `ops` of a dataset with up to twelve days or months, and those of the
    mart.
    """
    monthly = dice.random() < 0.3
    days = [
        date(2026, 1 + n, 1) if monthly else date(2026, 3, 1) + n * DAY
        for n in range(dice.randint(1, 12))
    ]
    there = [day for day in days if dice.random() < 0.8] or days[:1]
    tables: dict[str, list[dict[str, object]]] = defaultdict(list)
    known = {}
    for day in there:
        due = datetime.combine(
            (day.replace(day=28) + 4 * DAY).replace(day=1) if monthly else day + DAY,
            datetime.min.time(),
        )
        written = due + timedelta(hours=dice.choice([3, 24, 48, 49, 2_000]))
        seen = written + timedelta(hours=dice.choice([1, 30, 900]))
        rewritten = seen + timedelta(hours=dice.choice([1, 900]))
        name = {
            "dataset": dataset,
            "partition": str(day)[:7] if monthly else str(day),
            "period": day,
        }
        state = dice.choice(["loaded", "loaded", "rewritten", "failed", "newest failed"])
        newest = rewritten if state in ("rewritten", "newest failed") else written
        if state != "failed":
            loaded = written if state == "newest failed" else newest
            tables["loaded_files"].append(
                {
                    **name,
                    "last_modified": loaded,
                    "loaded_at": loaded + HOUR,
                    "rows": 5,
                    "rejects": 1,
                }
            )
        if "failed" in state:
            tables["failed_files"].append(
                {**name, "last_modified": newest, "failed_since": newest + HOUR, "rejects": 9}
            )
        tables["arrivals"].append(
            {
                "dataset": dataset,
                "partition": name["partition"],
                "first_written": written,
                "first_seen": seen,
            }
        )
        known[day] = (written, seen, due + 2 * DAY, state, newest)
    return tables, list(_completeness(dataset, known, monthly))


def _completeness(
    dataset: str,
    known: Mapping[date, tuple[datetime, datetime, datetime, str, datetime]],
    monthly: bool,
) -> Iterator[tuple[object, ...]]:
    watched_since = min(seen for _, seen, _, _, _ in known.values())
    day = min(known)
    while day <= max(known):
        if day in known:
            written, _, due, state, newest = known[day]
            late = False if written <= due else True if watched_since <= due else None
            figures = (None, 9) if state == "failed" else (5, 1)
            yield dataset, day, True, state != "failed", "failed" in state, *figures, newest, late
        else:
            yield dataset, day, False, False, False, None, None, None, None
        day = (day.replace(day=28) + 4 * DAY).replace(day=1) if monthly else day + DAY


def test_completeness_of_random_ledgers_matches_a_recount(tmp_path: Path) -> None:
    expected: list[tuple[object, ...]] = []
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        ledger = defaultdict(list)
        for number in range(LEDGERS):
            tables, mart = random_ledger(Random(number), f"dataset {number}")
            expected += mart
            for table, rows in tables.items():
                ledger[table] += rows
        for table, rows in ledger.items():
            connection.register("ledger", pl.DataFrame(rows))
            connection.execute(f"INSERT INTO ops.{table} BY NAME FROM ledger")
            connection.unregister("ledger")
        build_all(connection)
        columns = (
            "dataset, period, delivered, loaded, newest_failed, rows, rejects, last_modified, late"
        )
        rows = Counter(
            connection.execute(f"SELECT {columns} FROM marts.data_completeness").fetchall()
        )
    assert (
        sorted(map(str, rows - Counter(expected)))[:3]
        == sorted(map(str, Counter(expected) - rows))[:3]
        == []
    )
    assert {row[-1] for row in expected} == {None, False, True}
