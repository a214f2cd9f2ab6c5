"""The warehouse as a DuckLake: a catalog in PostgreSQL, rows as Parquet files in a folder or in S3.

Imported only if the settings name a lake: its drivers are the extra `lake`. All extensions are
loaded from the installed packages; nothing is downloaded.
"""

import atexit
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import fstat
from pathlib import Path
from tempfile import TemporaryFile
from threading import RLock

import duckdb

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.folders import keep_private, private_umask
from analytics_pipeline.warehouse.connection import drain_threads
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.generation import Generation
from analytics_pipeline.warehouse.lake_catalog import Catalog
from analytics_pipeline.warehouse.lake_duckdb import LakeDuckDB, remove_unused_spill
from analytics_pipeline.warehouse.lake_files import maintain_files, purge_files
from analytics_pipeline.warehouse.lake_objects import ObjectStore
from analytics_pipeline.warehouse.lake_state import LakeState, State
from analytics_pipeline.warehouse.lake_tables import complete
from analytics_pipeline.warehouse.schema import ensure_schema, require_known
from analytics_pipeline.warehouse.sql_text import literal
from analytics_pipeline.warehouse.transactions import fence, share

PREFIX = "ducklake:postgres:"
LAKE, READER = "lake", "lake_reader"
"""Names under which the lake is attached, for writers and for readers."""
_FENCE = "UPDATE ops.fence SET n = n + 1"
_instances: dict["LakeWarehouse", LakeDuckDB] = {}
_prepared: set["LakeWarehouse"] = set()
_seen: dict["LakeWarehouse", State | None] = {}
"""State of the catalog when this process's DuckDB last used it."""
_attaching = RLock()
_UNREACHABLE = (
    duckdb.IOException,
    duckdb.HTTPException,
    duckdb.FatalException,
    duckdb.TransactionException,
)
"""Errors of the catalog or the storage; the last one if the catalog is lost before a commit."""


@dataclass(frozen=True)
class LakeWarehouse:
    """The warehouse as a DuckLake, one schema of the catalog and one data path per organisation.

    Attributes:
        catalog: the schema in PostgreSQL.
        data_path: folder or `s3://` prefix of the Parquet files, with a final slash.
        spill: private folder of the spill files of this machine's processes.
        s3: the object store of an `s3://` data path.
        file: None: it is not one file.
        not_reached: places that `purge` can't reach.
    """

    catalog: Catalog
    data_path: str
    spill: Path
    s3: ObjectStore | None = None
    file: Path | None = None
    not_reached: tuple[str, ...] = field(
        default=(
            (
                "PostgreSQL's write-ahead log, replicas and backups of the lake's catalog, and its"
                " server log, which quotes statements that fail"
            ),
            "earlier versions, replicas and backups of the lake's data files",
            "the landing folders of other machines that load into this lake",
        ),
        repr=False,
    )

    @classmethod
    def of(cls, settings: Settings) -> "LakeWarehouse":
        """Return the lake that the settings name."""
        organisation = f"org{settings.org_id}"
        path = settings.warehouse_data or ""
        folder = path if path.startswith("s3://") else str(Path(path).expanduser().absolute())
        store = ObjectStore.of(settings) if path.startswith("s3://") else None
        dsn = settings.warehouse_url.get_secret_value().removeprefix(PREFIX)
        return cls(
            Catalog(dsn, organisation),
            f"{folder.rstrip('/')}/{organisation}/",
            settings.data_dir.absolute() / "lake.tmp",
            store,
        )

    def exists(self) -> bool:
        """Return whether the catalog has all of the pipeline's tables."""
        return self.catalog.exists()

    def describe(self) -> str:
        """Return catalog and data path."""
        return f"{self.catalog.describe()}, data in {self.data_path}"

    @contextmanager
    def open(self, wait_seconds: float = 3_600) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the lake as its only writer. Attaching comes first, as it takes longer."""
        with self._usable(), private_umask():
            instance = self._instance(LAKE, wait_seconds)
            with self.catalog.lock(wait_seconds), _cursor(instance, LAKE) as connection:
                _seen[self] = self.state.begin()
                self._prepare(connection)
                fence(connection, _FENCE)
                share(connection)
                try:
                    yield connection
                finally:
                    _seen[self] = self.state.end() or _seen[self]

    @contextmanager
    def read(self, wait_seconds: float = 5) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the lake read-only, beside writers: nobody waits."""
        with self._usable(), _cursor(self._instance(READER), READER) as connection:
            require_known(connection)
            yield connection

    def maintain(self) -> None:
        """Merge small files, and delete the files that no recent snapshot and no catalog names."""
        with self.open() as connection:
            maintain_files(connection, LAKE, self.storage_clock)

    def purge(self, wait_seconds: float = 3_600) -> None:
        """Leave no deleted row in any file of the lake, nor in PostgreSQL's tables.

        The catalog keeps the smallest and the largest text of each column, so its tables are
        rewritten, too.
        """
        with self.open(wait_seconds) as connection:
            purge_files(connection, LAKE, self.storage_clock)
            self.catalog.rewrite()
        remove_unused_spill(self.spill)

    def deletion(self) -> str:
        """Return the commands that drop the catalog's schema and delete the data files.

        They also delete what this machine remembers of the lake: a later one would look replaced.
        """
        psql = ["psql", self.catalog.public_dsn, "-c", self.catalog.deletion]
        data = [*(["aws", "s3", "rm", "--recursive"] if self.s3 else ["rm", "-r"]), self.data_path]
        state = ["rm", "-f", str(self.state.file)]
        return " && ".join(map(shlex.join, (psql, data, state)))

    def retained(self) -> str:
        """Ask the bucket whether it keeps earlier versions of objects."""
        return self.s3.retained(self.data_path) if self.s3 else ""

    def replaced_at(self) -> float:
        """Return when a machine found that the catalog was replaced."""
        return self.state.replaced_at()

    def generation(self) -> Generation:
        """Return what the catalog says."""
        return self.state.generation()

    def is_untouched(self) -> bool:
        """Ask whether the catalog has the state that this machine saw last."""
        return self.state.is_untouched()

    def is_replaced(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Ask the same of the catalog, and remember nothing."""
        return self.state.is_replaced()

    @property
    def state(self) -> LakeState:
        """Return what detects a replaced catalog."""
        return LakeState(self.catalog, self.spill.with_suffix(".state"))

    def _instance(self, name: str, wait_seconds: float = 0) -> duckdb.DuckDBPyConnection:
        """Return this process's DuckDB with the lake attached for writers or for readers.

        If the lake is missing, a writer waits up to `wait_seconds` for another one that makes it.

        Attaching takes a quarter of a second, so it is done once, and only as needed. DuckLake
        caches the catalog by version: attach anew if the catalog was replaced.
        """
        with _attaching:
            descends, newest = self.state.descends_from(_seen.get(self))
            if not descends:
                _instances.pop(self, None)
                _prepared.discard(self)
            if self not in _instances:
                keep_private(self.spill.parent)
                _instances[self] = LakeDuckDB.start(
                    self.spill, self.catalog, is_in_s3=bool(self.s3)
                )
            instance = _instances[self]
            if self.s3:
                self.s3.authorise(instance.connection)
            if name not in instance.attached:
                self._attach(instance.connection, name, wait_seconds)
                instance.attached.add(name)
            _seen[self] = newest
            return instance.connection

    def _attach(
        self, connection: duckdb.DuckDBPyConnection, name: str, wait_seconds: float
    ) -> None:
        exists = self.exists()
        if name == READER:
            if not exists:
                raise WarehouseUnusable(
                    f"There is no lake at {self.describe()} yet.", "Run `analytics-pipeline sync`."
                )
            self._attach_as(connection, READER, "READ_ONLY")
            return
        if not self.s3:
            keep_private(Path(self.data_path), "Set ANALYTICS_WAREHOUSE_DATA to")
        # Rows in PostgreSQL would be one more place of personal data: only the fence is inlined.
        path = f"DATA_PATH {literal(self.data_path)}, DATA_INLINING_ROW_LIMIT 0"
        with ExitStack() as held:
            if not exists:  # one process makes the lake; an existing one needs no lock to attach
                held.enter_context(self.catalog.lock(wait_seconds))
                self.catalog.make_schema()
            self._attach_as(connection, LAKE, path)

    def _attach_as(self, connection: duckdb.DuckDBPyConnection, name: str, options: str) -> None:
        try:
            connection.execute(
                f"ATTACH {literal(PREFIX + self.catalog.attached_dsn)} AS {name}"
                f" (META_SCHEMA {literal(self.catalog.schema)}, META_SECRET 'catalog', {options})"
            )
        except _UNREACHABLE:
            raise
        except duckdb.Error as error:  # another data path, or a format of a later release
            raise WarehouseUnusable(
                f"The lake at {self.describe()} can't be attached:"
                f" {self.catalog.public(str(error)).splitlines()[0]}.",
                "ANALYTICS_WAREHOUSE_DATA must stay as it was when the lake was made, and every"
                " machine needs the same release.",
            ) from None

    def storage_clock(self) -> datetime:
        """Return the time (UTC) by which the data files are dated."""
        if self.s3:
            return self.s3.clock(self.data_path)
        with TemporaryFile(dir=self.data_path) as file:
            return datetime.fromtimestamp(fstat(file.fileno()).st_mtime, UTC)

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create or migrate the tables, once per process; later only refuse a newer release's."""
        if self in _prepared:
            require_known(connection)
            return
        ensure_schema(connection)
        complete(connection, LAKE)
        self.catalog.protect_statistics()
        _prepared.add(self)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Translate errors of catalog and storage (not of data or SQL) into `WarehouseUnusable`."""
        try:
            yield
        except _UNREACHABLE as error:
            with _attaching:  # a restarted PostgreSQL breaks the instance's connections
                _instances.pop(self, None)
            raise WarehouseUnusable(
                f"The lake at {self.describe()} could not be read or written:"
                f" {self.catalog.public(str(error))}",
                "Committed data is unchanged. Check PostgreSQL, the data path and the permissions,"
                " and run the same command again.",
            ) from None


@contextmanager
def _cursor(instance: duckdb.DuckDBPyConnection, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection of its own, which uses the lake, and leaves no setting behind."""
    connection = instance.cursor()
    try:
        connection.execute(f"USE {name}")
        yield connection
    finally:
        with suppress(duckdb.Error):  # the setting is of the whole instance
            connection.execute("RESET threads")
        connection.close()


@atexit.register
def _close_instances() -> None:
    """Close every instance as files are closed: after its threads have released their tables."""
    while _instances:
        _, instance = _instances.popitem()
        with suppress(duckdb.Error):
            drain_threads(instance.connection)
        instance.connection.close()
