"""The warehouse's sidecar file: detects that the warehouse was replaced from outside.

Dagster records the loaded files separately from the warehouse. Restoring an older copy makes those
records wrong. So each writer stores the file's inode, size and mtime next to it, with a digest of
the ledger. A reader compares them with `stat()`. The next writer compares digests, as a killed
writer changes the file too.
"""

import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

import duckdb

from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.disk import is_full
from analytics_pipeline.warehouse.generation import NEVER, Generation

logger = logging.getLogger(__name__)

REPLACED = (
    "The warehouse is not the one that the last run recorded: it was replaced from outside, or that"
    " run ended before it could record it (it was killed, or the disk was full). All delivered"
    " files are compared with it again, and missing ones are loaded."
)
_DIGEST = """
    SELECT sha256(coalesce(string_agg(entry, chr(10) ORDER BY entry), '')) FROM (
        SELECT concat_ws('|', dataset, "partition", source_key, etag, size, loaded_at) AS entry
        FROM ops.loaded_files
        UNION ALL
        SELECT concat_ws('|', 'check', name, subject, evaluated_at) FROM ops.checks
        WHERE kind = 'model'
        UNION ALL
        SELECT concat_ws('|', 'erased', user_id, times) FROM ops.erased)"""
"""The ledger, the last test of the models, and the erasures: the rest of the warehouse follows from
these."""


@dataclass(frozen=True)
class Sidecar:
    """The state that the last writer left.

    Attributes:
        file: inode, size in bytes and mtime in nanoseconds of the warehouse.
        digest: digest of its ledger.
        replaced_at: when a foreign warehouse was last found in its place (epoch seconds); 0 if
            never. Only for people to read, as clocks may be wrong.
        begun: id of the generation that began then; empty if none did, or if an earlier release
            found the warehouse.
    """

    file: tuple[int, int, int]
    digest: str
    replaced_at: float = 0.0
    begun: str = ""

    @property
    def generation(self) -> Generation:
        """Return which of Dagster's records describe this warehouse."""
        if self.begun:
            return Generation.begun(self.begun)
        return Generation(str(self.replaced_at), self.replaced_at) if self.replaced_at else NEVER


UNREADABLE = Sidecar((0, 0, 0), "", begun="unreadable")
"""Stands for a sidecar that can't be read, as after a power cut. It fits no warehouse, so that the
next writer begins a generation, and all is compared once: it may have been replaced before."""


def replaced(file: tuple[int, int, int], digest: str) -> Sidecar:
    """Return the sidecar of a foreign warehouse, which begins a generation."""
    return Sidecar(file, digest, time.time(), uuid4().hex)


def sidecar_path(warehouse: Path) -> Path:
    """Return the path of a warehouse's sidecar."""
    return warehouse.with_name(f"{warehouse.name}.state")


def read_sidecar(warehouse: Path) -> Sidecar | None:
    """Return the sidecar; None if there is none, and UNREADABLE if it can't be read."""
    try:
        data = json.loads(sidecar_path(warehouse).read_text())
        inode, size, mtime = data["file"]
        identity, at = (inode, size, mtime), float(data["replaced_at"])
        return Sidecar(identity, data["digest"], at, str(data.get("begun", "")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return UNREADABLE


def is_untouched(warehouse: Path) -> bool:
    """Return whether the warehouse is the file that the last writer left, without opening it.

    A warehouse without a sidecar (earlier release) counts as untouched. A missing warehouse with a
    sidecar does not.
    """
    recorded = read_sidecar(warehouse)
    return recorded is None or recorded.file == _state(warehouse)


def replaced_at(warehouse: Path) -> float:
    """Return when the warehouse was found replaced from outside (epoch seconds); 0 if never."""
    recorded = read_sidecar(warehouse)
    return recorded.replaced_at if recorded else 0.0


def generation(warehouse: Path) -> Generation:
    """Return which of Dagster's records describe the warehouse; all of them without a sidecar."""
    recorded = read_sidecar(warehouse)
    return recorded.generation if recorded else NEVER


def is_replaced(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> bool:
    """Return whether an open warehouse differs from the one that the last writer left.

    For readers, as it records nothing.
    """
    recorded = read_sidecar(warehouse)
    if recorded is None or recorded.file == _state(warehouse):
        return False
    # A warehouse of an earlier release lacks some of these tables.
    with suppress(duckdb.CatalogException):
        return recorded.digest != digest(connection)
    return True


def detect_replacement(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, *, is_same_file: bool
) -> None:
    """Record at once if the opened warehouse is not the one that the last writer left.

    Args:
        connection: the warehouse, under the writer's lock.
        warehouse: its path.
        is_same_file: result of `is_untouched` before it was opened.
    """
    recorded = read_sidecar(warehouse)
    if recorded is None or is_same_file or recorded.digest == digest(connection):
        return
    logger.info(REPLACED)
    write_sidecar(warehouse, replaced(recorded.file, digest(connection)))


def digest(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a digest of an open warehouse's ledger."""
    row = connection.execute(_DIGEST).fetchone()
    assert row is not None  # an aggregate has one row
    return str(row[0])


def update_sidecar(warehouse: Path, ledger: str | None) -> None:
    """Write the sidecar of a warehouse that was just closed, under the writer's lock.

    Args:
        warehouse: its path.
        ledger: digest of its ledger; None if it could not be computed. The sidecar is then left as
            it is, and the next writer compares digests.
    """
    recorded, file = read_sidecar(warehouse), _state(warehouse)
    if ledger is None or file is None:
        return
    now = replace(recorded, file=file, digest=ledger) if recorded else Sidecar(file, ledger)
    if now != recorded:
        write_sidecar(warehouse, now)


def write_sidecar(warehouse: Path, content: Sidecar) -> None:
    """Replace the sidecar.

    Only log a failure: the data is safe, and the next writer compares digests.
    """
    target = sidecar_path(warehouse)
    try:
        _write(target, json.dumps(asdict(content)))
    except OSError as error:
        logger.warning("%s could not be written: %s", target, error.strerror or error)


def _write(target: Path, text: str) -> None:
    """Replace a file atomically; on a full disk overwrite it, as that takes no space.

    Otherwise the warehouse would seem replaced from outside after the last writer's commit.

    Raises:
        OSError: the file can't be written, or the file system needs space even to overwrite it.
    """
    try:
        with replacing(target, durable=False) as fresh:
            fresh.write_text(text)
    except OSError as error:
        if not (is_full(error) and target.exists()):
            raise
        with target.open("rb+", buffering=0) as file:
            # Padded and not truncated, so that a single call writes all of it.
            file.write(text.encode().ljust(target.stat().st_size))


def _state(warehouse: Path) -> tuple[int, int, int] | None:
    try:
        state = warehouse.stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns
