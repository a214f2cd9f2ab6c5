"""Processes that read a published file in a loop while it is published again and again."""

import multiprocessing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from analytics_pipeline.warehouse.connection import open_warehouse


def half_state(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return a message if the two marts, which carry the number of their publication, differ."""
    state = connection.execute(
        """SELECT count(DISTINCT number), count(*)
           FROM (SELECT number FROM marts.one UNION ALL SELECT number FROM marts.other)"""
    ).fetchone()
    return [] if state == (1, 2000) else [f"half a state: {state}"]


def read_while_publishing(
    loop: Callable[..., None],
    arguments: Sequence[tuple[Any, ...]],
    warehouse: Path,
    publish: Callable[[duckdb.DuckDBPyConnection], object],
    publishes: int,
) -> list[Any]:
    """Publish, start the readers, and publish again until all is published.

    Args:
        loop: what a reader does: waits at a barrier once it reads, goes on until an event is set,
            and puts its result into a queue. They are its last three arguments.
        arguments: the first arguments of each reader.
        warehouse: path of a new warehouse.
        publish: publishes it.
        publishes: number of publications after the first one.

    Returns:
        The readers' results.
    """
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Barrier(len(arguments) + 1), context.Event()
    results = context.Queue()
    readers = [
        context.Process(target=loop, args=(*own, ready, stop, results), daemon=True)
        for own in arguments
    ]
    with open_warehouse(warehouse) as connection:
        connection.execute("CREATE SCHEMA marts")
        _publish_as(0, connection, publish)
        try:
            for reader in readers:
                reader.start()
            ready.wait(timeout=120)
            for number in range(1, publishes + 1):
                _publish_as(number, connection, publish)
        finally:
            stop.set()
        return [results.get(timeout=600) for _ in readers]


def _publish_as(
    number: int,
    connection: duckdb.DuckDBPyConnection,
    publish: Callable[[duckdb.DuckDBPyConnection], object],
) -> None:
    for table in ("one", "other"):
        connection.execute(
            f"CREATE OR REPLACE TABLE marts.{table} AS SELECT ? AS number FROM range(1000)",
            [number],
        )
    publish(connection)
