"""Run tests that open a warehouse file on a lake instead: `pytest --backend lake`.

Each path is a lake of its own. The file at the path names the lake's database, so that a copied
folder is a copy of the lake. A new lake is a copy, too, of one that is made once: DuckLake needs
more than a second to make the tables.
"""

import gc
import shutil
import sys
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from analytics_pipeline.storage.folders import keep_private
from analytics_pipeline.warehouse import connection, file
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.lake import LakeWarehouse, _instances
from analytics_pipeline.warehouse.lake_catalog import Catalog
from analytics_pipeline_tests.support.postgres import Postgres, running_postgres

SCHEMA = "org9001"
OPEN_AT_ONCE = 8
"""Lakes that stay attached; each one holds sessions of PostgreSQL, which allows a hundred."""


class LakesForFiles:
    """The lakes of one test session, by the path of the file that each stands for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._lakes: dict[Path, LakeWarehouse] = {}

    def install(self) -> None:
        """Let every module open lakes: those that are imported, and those that will be."""
        ours = {
            "open_warehouse": (connection.open_warehouse, self.open),
            "read_warehouse": (connection.read_warehouse, self.read),
            "FileWarehouse": (file.FileWarehouse, self.lake),
        }
        for module in list(sys.modules.values()):
            for name, (original, replacement) in ours.items():
                if vars(module).get(name) is original:
                    setattr(module, name, replacement)

    def close(self) -> None:
        """End the server."""
        self._stack.close()

    def open(
        self, path: Path, wait_seconds: float = 3_600
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return self.lake(path).open(wait_seconds)

    def read(self, path: Path, wait_seconds: float = 5) -> AbstractContextManager[Any]:
        if not path.exists():
            raise WarehouseUnusable(f"{path} can't be opened: it does not exist.")
        return self.lake(path).read(wait_seconds)

    def lake(self, path: Path) -> LakeWarehouse:
        """Return the lake of a path; make it, or copy it with the copied folder."""
        if path not in self._lakes:
            _detach(list(_instances)[:-OPEN_AT_ONCE])
            self._lakes[path] = self._made(path)
        return self._lakes[path]

    def _made(self, path: Path) -> LakeWarehouse:
        data = _data_of(path)
        if not path.exists():
            keep_private(path.parent)
            shutil.rmtree(data, ignore_errors=True)
            shutil.copytree(_data_of(self._empty), data)
        source = (path if path.exists() else self._empty).read_text()
        # A database with sessions can't be copied.
        _detach([lake for lake in _instances if lake.catalog.dsn == self._postgres.dsn(source)])
        database = self._postgres.new_database(source)
        self._postgres.execute(
            database,
            f"UPDATE {SCHEMA}.ducklake_metadata SET value = %s WHERE key = 'data_path'",
            f"{data}/",
        )
        return self._named(path, database)

    @cached_property
    def _postgres(self) -> Postgres:
        return self._stack.enter_context(running_postgres())

    @cached_property
    def _empty(self) -> Path:
        """The file that stands for a lake with all tables and no rows."""
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="lake")))
        lake = self._named(folder / "empty", self._postgres.new_database())
        with lake.open():
            pass
        return folder / "empty"

    def _named(self, path: Path, database: str) -> LakeWarehouse:
        """Return the lake of a database, and let a path stand for it."""
        path.write_text(database)
        path.chmod(0o600)
        catalog = Catalog(self._postgres.dsn(database), SCHEMA)
        return LakeWarehouse(catalog, f"{_data_of(path)}/", path.with_name(f"{path.name}.tmp"))


def _data_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lake") / SCHEMA


def _detach(lakes: list[LakeWarehouse]) -> None:
    """End the sessions of lakes that no connection uses."""
    for lake in lakes:
        _instances.pop(lake, None)
    if lakes:
        gc.collect()
