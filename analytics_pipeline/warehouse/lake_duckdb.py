"""The DuckDB of a process that uses a lake: its extensions come from the installed packages."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import duckdb

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
            spill: folder of its spill files.
            catalog: the lake's catalog.
            is_in_s3: whether the data files are in S3.

        Raises:
            WarehouseUnusable: an extension is not installed.
        """
        connection = duckdb.connect(
            config={
                "memory_limit": SETTINGS["memory_limit"],
                "temp_directory": str(spill),
                "autoinstall_known_extensions": False,
            }
        )
        for name in (*_EXTENSIONS, *(_OF_S3 if is_in_s3 else ())):
            connection.execute(f"LOAD {literal(str(_extension(name)))}")
        connection.execute(
            f"CREATE SECRET catalog (TYPE postgres, PASSWORD {literal(catalog.password)})"
        )
        return cls(connection)


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
