"""A warehouse in its own folder, with landed files, as a sync would leave them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from analytics_pipeline.datasets import FEED
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline_tests.support.deliveries import delivery

FIRST_NIGHT = datetime(2026, 1, 10)  # noqa: DTZ001
NOT_COMPARED = (
    *(
        "_loaded_at",
        "loaded_at",
        "quarantined_at",
        "failed_since",
        "failed_at",
        "run_id",
        "first_seen",
    ),
    *("closed_at", "since", "evaluated_at"),
    "loads",  # a digest of `loaded_at` and `run_id`, too
    *("times", "erasures"),  # number of erasures: one that was killed and repeated counts twice
)


class Warehouse:
    """The live warehouse and its landing folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "data" / "warehouse.duckdb"
        self.landing = folder / "data" / "landing"

    def deliver(
        self, bodies: Mapping[str, bytes | str], etag: str = "e1", night: int = 0
    ) -> list[Delivery]:
        """Land files: bodies by key below `org9001/`."""
        landed = []
        for key, body in bodies.items():
            content = body if isinstance(body, bytes) else body.encode()
            new = delivery(key, content, etag, FIRST_NIGHT + timedelta(days=night))
            path = landing_path(self.landing, new)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            landed.append(new)
        return landed

    def load(
        self, deliveries: Iterable[Delivery], run_id: str = "test", *, accept: bool = False
    ) -> list[FileResult]:
        """Load the landed files, dataset by dataset."""
        deliveries = list(deliveries)
        loader = Loader(
            None, self.landing, lambda: open_warehouse(self.path), run_id, accept=accept
        )
        return [
            result
            for dataset in FEED.values()
            if (some := [delivery for delivery in deliveries if delivery.dataset is dataset])
            for result in loader.load(dataset, some)
        ]

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with open_warehouse(self.path) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def contents(self) -> dict[str, list[tuple[str, ...]]]:
        """Return every row of every table, sorted, without values that depend on the clock or the
        run.
        """
        return contents(self.path)


def contents(path: Path) -> dict[str, list[tuple[str, ...]]]:
    """Return the same for any warehouse file."""
    with open_warehouse(path) as connection:
        found = {}
        for table in tables():
            columns = ", ".join(
                f'"{column.name}"::VARCHAR'
                for column in table.columns
                if column.name not in NOT_COMPARED
            )
            found[table.name] = connection.execute(
                f"SELECT {columns} FROM {table.name} ORDER BY ALL"
            ).fetchall()
        return found


def difference(
    left: Mapping[str, list[Any]], right: Mapping[str, list[Any]]
) -> dict[str, tuple[list[Any], list[Any]]]:
    """Return the differences of two contents for a message: table -> first rows that only one of
    them has.
    """
    return {
        table: (
            [row for row in left[table] if row not in right[table]][:3],
            [row for row in right[table] if row not in left[table]][:3],
        )
        for table in left
        if left[table] != right[table]
    }
