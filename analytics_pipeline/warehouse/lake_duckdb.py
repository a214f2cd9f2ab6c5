"""The DuckDB of a process that uses a lake: its extensions come from the installed packages."""

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import duckdb

from analytics_pipeline.storage.folders import make_private_folder
from analytics_pipeline.warehouse.connection import SETTINGS
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.lake_catalog import Catalog
from analytics_pipeline.warehouse.sql_text import literal

_EXTENSIONS, _OF_S3 = ("ducklake", "postgres_scanner"), ("httpfs",)


@dataclass(frozen=True)
class LakeDuckDB:
    """A DuckDB in memory, which attaches the lake.

    Attributes:
        connection: to it.
        attached: the names under which it has attached the lake.
    """

    connection: duckdb.DuckDBPyConnection
    attached: set[str] = field(default_factory=set)

    @classmethod
    def start(cls, spill: Path, catalog: Catalog, *, is_in_s3: bool) -> "LakeDuckDB":
        """Start a DuckDB that knows the catalog's password, and has attached nothing.

        Args:
            spill: folder in which it gets a folder of its own for its spill files.
            catalog: the lake's catalog.
            is_in_s3: whether the data files are in S3.

        Raises:
            WarehouseUnusable: an extension is not installed.
        """
        remove_unused_spill(spill)
        connection = duckdb.connect(
            config={
                "memory_limit": SETTINGS["memory_limit"],
                "temp_directory": str(_own_spill_folder(spill)),
                "autoinstall_known_extensions": False,
            }
        )
        for name in (*_EXTENSIONS, *(_OF_S3 if is_in_s3 else ())):
            connection.execute(f"LOAD {literal(str(_extension(name)))}")
        connection.execute(
            f"CREATE SECRET catalog (TYPE postgres, PASSWORD {literal(catalog.password)})"
        )
        return cls(connection)


def remove_unused_spill(spill: Path) -> None:
    """Delete the spill files of processes that have ended: they hold personal data."""
    for path in spill.glob("*"):
        with suppress(FileNotFoundError):  # another process removes it, too
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                if path.is_dir():
                    rmtree(path)
                else:
                    path.unlink()
            finally:
                os.close(handle)


def _own_spill_folder(spill: Path) -> Path:
    """Create a folder, and lock it until this process ends, however it ends.

    All processes of a machine share `spill`. Two DuckDBs that spill into one folder overwrite each
    other's files, and crash.
    """
    make_private_folder(spill)
    while True:
        folder = Path(mkdtemp(dir=spill))
        handle = os.open(folder, os.O_RDONLY)  # never closed: that would release the lock
        fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.exists():  # another process may have removed it before it was locked
            return folder


def _extension(name: str) -> Path:
    """Return the file of a DuckDB extension that is installed as a Python package.

    Raises:
        WarehouseUnusable: it is not installed for this version of DuckDB.
    """
    package = find_spec(f"duckdb_extension_{name}")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.exists():
            return file
    raise WarehouseUnusable(
        f"DuckDB's extension {name} for DuckDB {duckdb.__version__} is not installed.",
        'Run: pip install "analytics-pipeline[lake]"',
    )
