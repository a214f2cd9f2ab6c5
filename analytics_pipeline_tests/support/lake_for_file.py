"""Run tests that open a warehouse file on a lake instead: `pytest --backend lake`.

Each path is a lake of its own. The file at the path names the lake's database, so that a copied
folder is a copy of the lake.
"""

import gc
import shutil
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import duckdb

from analytics_pipeline.storage.folders import keep_private
from analytics_pipeline.warehouse import connection, file
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.lake import LakeWarehouse, _instances
from analytics_pipeline.warehouse.lake_catalog import Catalog
from analytics_pipeline_tests.support.postgres import Postgres, running_postgres

SCHEMA = "org9001"


class LakesForFiles:
    """The lakes of one test session, by the path of the file that each stands for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._server: Postgres | None = None
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
            self._lakes[path] = self._made(path)
        return self._lakes[path]

    def _made(self, path: Path) -> LakeWarehouse:
        self._server = self._server or self._stack.enter_context(running_postgres())
        data = path.with_name(f"{path.name}.lake")
        if path.exists():
            source = path.read_text()
            for known in [known for known in self._lakes.values() if source in repr(known)]:
                _instances.pop(known, None)  # a database with sessions can't be copied
            gc.collect()
            database = self._server.new_database(source)
            self._server.execute(
                database,
                f"UPDATE {SCHEMA}.ducklake_metadata SET value = '{data}/' WHERE key = 'data_path'",
            )
        else:
            keep_private(path.parent)
            shutil.rmtree(data, ignore_errors=True)
            database = self._server.new_database()
        path.write_text(database)
        path.chmod(0o600)
        catalog = Catalog(self._server.dsn(database), SCHEMA)
        return LakeWarehouse(catalog, f"{data}/", path.with_name(f"{path.name}.lake.tmp"))
