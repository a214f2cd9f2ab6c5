"""A small warehouse that changes at random, its published file, and the same file written whole.

`Republished.publish` compares the two.
"""

import shutil
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

from analytics_pipeline.storage.store import identity
from analytics_pipeline.warehouse import publish_changes, publishing
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import Published, publish
from analytics_pipeline_tests.support.changing_warehouse import ChangingWarehouse


def contents(file: Path) -> dict[str, object]:
    """Return everything that a reader of a published file sees, except when it was written."""
    with duckdb.connect(str(file), read_only=True) as connection:
        found: dict[str, object] = {
            f"{kind} {name}": connection.execute(f"SELECT {what} FROM {source}").fetchall()
            for kind, name, what, source in (
                ("all", "views", "schema_name, view_name, sql, comment", _OWN_VIEWS),
                (
                    "all",
                    "comments",
                    "schema_name, table_name, comment",
                    "duckdb_tables() ORDER BY ALL",
                ),
                ("all", "columns", _COLUMN, "duckdb_columns() WHERE NOT internal ORDER BY ALL"),
            )
        }
        names = connection.execute(
            "SELECT DISTINCT schema_name, table_name FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
        for schema, name in names:
            rows = f"(SELECT COLUMNS(c -> c <> 'published_at') FROM {schema}.\"{name}\") AS r"
            found[f"{schema}.{name}"] = connection.execute(
                f"SELECT count(*), sum(hash(r)::HUGEINT) FROM {rows}"
            ).fetchall()
        return found


_OWN_VIEWS = "duckdb_views() WHERE NOT internal ORDER BY ALL"
_COLUMN = "schema_name, table_name, column_name, data_type, comment"


def copied_warehouse(file: Path, folder: Path) -> Path:
    """Copy a warehouse into a folder; of a lake also the data files, which are beside its file."""
    copy = folder / file.name
    shutil.copyfile(file, copy)
    for data in file.parent.glob(f"{file.name}.lake"):
        shutil.copytree(data, folder / data.name)
        with open_warehouse(copy):  # copies the catalog, too
            pass
    return copy


class Republished(ChangingWarehouse):
    """The warehouse, its published file, and what is done to both.

    Attributes:
        differences: number of publications that wrote only differences.
        wholes: number of those that wrote the whole file.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        self.differences = self.wholes = 0

    def copied(self, folder: Path) -> "Republished":
        """Return a copy in another folder, as if it had always been there."""
        shutil.copytree(self.folder, folder)
        copy = deepcopy(self)
        copy.folder = folder
        copy.warehouse, copy.target = folder / self.warehouse.name, folder / self.target.name
        with copy.open() as connection:
            connection.execute("UPDATE ops.publication SET file = ?", [identity(copy.target)])
        return copy

    def step(self) -> None:
        """Do some of these, and publish; what is failing or interrupted is mended soon."""
        chosen = self.random.sample(self.OFTEN, self.random.choice((1, 1, 2)))
        if self.random.random() < 0.3:
            chosen.append(self.random.choice(self.SELDOM))
        with self.open() as connection:
            if self.random.random() < 0.7:
                self.mend(connection)
            for name in chosen:
                getattr(self, name)(connection)
            self.build(connection)
        self.publish()

    def _compare_with_whole(self, done: Published, before: Path) -> None:
        """Publish what was published by difference once more, from a copy of the warehouse."""
        target = before.with_name(self.target.name)
        with open_warehouse(before) as connection:
            connection.execute("DELETE FROM ops.publication")
            whole = publish(connection, target, pii=self.pii, without_marts=True)
        assert whole.is_whole
        self.compare(contents(self.target), contents(target))
        assert (done.rows, done.emptied) == (whole.rows, whole.emptied)

    def publish(self) -> Published:
        """Publish, and compare the file with one that is written whole."""
        with TemporaryDirectory(prefix="beside", dir=self.folder) as folder:
            before = copied_warehouse(self.warehouse, Path(folder))
            with self.open() as connection:
                done = publish(connection, self.target, pii=self.pii, without_marts=True)
            self.differences += not done.is_whole
            self.wholes += done.is_whole
            if not done.is_whole:
                self._compare_with_whole(done, before)
        if done.is_written:
            content = self.target.read_bytes()
            left = [user for user in self.erased if handle(user) in content]
            assert not left, f"bytes of erased people are left: {left}"
        return done

    def compare(self, found: dict[str, object], right: dict[str, object]) -> None:
        """Assert that a reader sees the same."""
        differing = {name for name in found | right if found.get(name) != right.get(name)}
        assert not differing, f"published by difference, these differ: {sorted(differing)}"


def handle(user: int) -> bytes:
    """Return a text of a person in an open column, which compression leaves as it is."""
    return sha256(f"person{user}".encode()).hexdigest().encode()


def publish_tiny_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish by difference even a tiny file, however loose the copy is."""
    monkeypatch.setattr(publishing, "FEWEST_ROWS", 0)
    monkeypatch.setattr(publish_changes, "MOST_FREE", 1)
    monkeypatch.setattr(publish_changes, "MOST_GROWTH", 100)
