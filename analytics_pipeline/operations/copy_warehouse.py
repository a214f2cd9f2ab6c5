"""The copy of a warehouse's tables and models into another one, compared before it is committed."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.sql_models import Model
from analytics_pipeline.sql_models.build import create
from analytics_pipeline.warehouse.backend import Warehouse
from analytics_pipeline.warehouse.copy_tables import Databases, copied_tables
from analytics_pipeline.warehouse.ledger import organisations
from analytics_pipeline.warehouse.schema import is_current
from analytics_pipeline.warehouse.sql_text import qualified
from analytics_pipeline.warehouse.transactions import write

logger = logging.getLogger(__name__)


class MoveError(PipelineError):
    """The warehouse was not moved. The origin is unchanged, and the target holds nothing new."""


class CopyDiffers(MoveError):
    """A table of the copy is not that of the origin."""


@dataclass(frozen=True)
class Moved:
    """Result of a move.

    Attributes:
        tables: number of tables that are equal in both warehouses.
        rows: number of their rows.
        was_there: whether an earlier move had copied them all.
    """

    tables: int
    rows: int
    was_there: bool = False


@dataclass(frozen=True)
class WarehouseCopy:
    """The copy of one warehouse, as one piece of work.

    Attributes:
        databases: origin and target.
        models: all valid models, in build order.
        goal: the target, for messages.
    """

    databases: Databases
    models: Sequence[Model]
    goal: Warehouse

    def found(self) -> Moved | None:
        """Return what an earlier move copied; None if the target is empty.

        Raises:
            MoveError: the target holds something else.
        """
        with using(self.databases.connection, self.databases.target) as target:
            whose = organisations(target) if is_current(target) else None
        if whose is not None:
            if self.databases.is_empty(list(copied_tables())):
                return None
            moved, differing = self._compare()
            if not differing:
                return replace(moved, was_there=True)
        holds = f"files of {', '.join(sorted(whose))}" if whose else "rows or tables of others"
        raise MoveError(
            f"{self.goal.describe()} is not empty: it holds {holds}. Nothing was copied.",
            f"Name an empty one. If nobody needs what it holds, delete it: {self.goal.deletion()}",
        )

    def make(self) -> Moved:
        """Copy all tables and models in one transaction, and compare them before its end.

        Raises:
            CopyDiffers: a table differs; nothing was written.
        """
        return write(self.databases.connection, self._copy_and_compare)

    def _copy_and_compare(self) -> Moved:
        connection, origin = self.databases.connection, self.databases.origin
        for name, columns in copied_tables().items():
            self.databases.copy(name, columns)
        views, tables = self.databases.relations("VIEW"), self._tables()
        for model in self.models:
            if model.is_view and model.qualified in views:
                create(connection, model)
            elif model.qualified in tables:
                create(connection, model, f"FROM {origin}.{qualified(model.qualified)}")
        moved, differing = self._compare()
        if differing:
            raise CopyDiffers(
                f"The copy differs from the warehouse in {', '.join(differing)}. The copy was"
                " removed; the warehouse is unchanged, and stays in use.",
                "Run the command again. If it fails again, look for a broken disk or memory, and"
                " report it.",
            )
        return moved

    def _tables(self) -> set[str]:
        """Return the models of which the origin has a table."""
        found = self.databases.relations("BASE TABLE")
        return {
            model.qualified
            for model in self.models
            if not model.is_view and model.qualified in found
        }

    def _compare(self) -> tuple[Moved, list[str]]:
        """Return what is equal, and the names of the tables that differ.

        Views are not compared: they are made of the models' present SQL.
        """
        equal: list[int] = []
        differing: list[str] = []
        models = {name: self.databases.columns(name) for name in sorted(self._tables())}
        for name, columns in {**copied_tables(), **models}.items():
            rows = self.databases.equal_rows(name, columns)
            logger.info("%s: %s", name, "differs" if rows is None else f"{rows:,} equal rows")
            if rows is None:
                differing.append(name)
            else:
                equal.append(rows)
        return Moved(len(equal), sum(equal)), differing


@contextmanager
def using(
    connection: duckdb.DuckDBPyConnection, database: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield another connection to the same databases, which uses one of them and has no fence."""
    with connection.cursor() as inside:
        inside.execute(f"USE {database}")
        yield inside
