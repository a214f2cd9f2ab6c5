"""The sidecar of the warehouse: which file the last writer left, so that one that was put back from outside is noticed.

Dagster remembers what is loaded apart from the warehouse. An older copy that is put back makes that memory wrong. Each writer
therefore leaves the file's inode, size and mtime beside it, with a digest of its ledger. A reader compares them with `stat()`;
the next writer judges a difference by the digest, as a writer that was killed changes the file too.
"""

import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

logger = logging.getLogger(__name__)

REPLACED = (
    "warehouse.duckdb is not the file that the last run left: it was replaced from outside. Everything delivered is compared with "
    "it again, and what it lacks is loaded."
)
_DIGEST = """
    SELECT sha256(coalesce(string_agg(entry, chr(10) ORDER BY entry), '')) FROM (
        SELECT concat_ws('|', dataset, "partition", source_key, etag, size, loaded_at) AS entry FROM ops.loaded_files
        UNION ALL
        SELECT concat_ws('|', 'check', name, subject, evaluated_at) FROM ops.checks WHERE kind = 'model'
        UNION ALL
        SELECT concat_ws('|', 'erased', user_id, times) FROM ops.erased)"""
"""The ledger, when the models were tested last, and who was erased: what else the warehouse holds follows from that."""


@dataclass(frozen=True)
class Sidecar:
    """What the last writer left.

    Attributes:
        file: inode, size in bytes and mtime in nanoseconds of the warehouse.
        digest: of its ledger.
        replaced_at: when a warehouse was found last that no writer had left (epoch seconds); 0 if never. What Dagster
            remembers from before is not to be believed.
    """

    file: tuple[int, int, int]
    digest: str
    replaced_at: float = 0.0


def sidecar_path(warehouse: Path) -> Path:
    """Where the sidecar of a warehouse is."""
    return warehouse.with_name(f"{warehouse.name}.state")


def read_sidecar(warehouse: Path) -> Sidecar | None:
    """Return the sidecar; None if there is none, or it can't be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        data = json.loads(sidecar_path(warehouse).read_text())
        inode, size, mtime = data["file"]
        return Sidecar((inode, size, mtime), data["digest"], float(data["replaced_at"]))
    return None


def is_untouched(warehouse: Path) -> bool:
    """Return whether the warehouse is the file that the last writer left; the file is not opened.

    A warehouse without a sidecar, of an earlier release, counts as untouched. One that is gone does not, if there was one.
    """
    left = read_sidecar(warehouse)
    return left is None or left.file == _state(warehouse)


def replaced_at(warehouse: Path) -> float:
    """Return when the warehouse was found replaced from outside (epoch seconds); 0 if it never was."""
    left = read_sidecar(warehouse)
    return left.replaced_at if left else 0.0


def judge(connection: duckdb.DuckDBPyConnection, warehouse: Path, *, is_same_file: bool) -> None:
    """Note at once if the warehouse that a writer has opened is not the one that the last writer left.

    Args:
        connection: the warehouse, under the writer's lock.
        warehouse: its path.
        is_same_file: what `is_untouched` said before it was opened.
    """
    left = read_sidecar(warehouse)
    if left is None or is_same_file or left.digest == digest(connection):
        return
    logger.info(REPLACED)
    write_sidecar(warehouse, Sidecar(left.file, digest(connection), time.time()))


def digest(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a digest of the ledger of an open warehouse."""
    row = connection.execute(_DIGEST).fetchone()
    assert row is not None  # an aggregate has one row
    return str(row[0])


def leave_sidecar(warehouse: Path, ledger: str | None) -> None:
    """Write the sidecar of a warehouse that was just closed, under the writer's lock.

    Args:
        warehouse: its path.
        ledger: the digest of its ledger; None if it could not be computed, and the next writer is to judge.
    """
    left, file = read_sidecar(warehouse), _state(warehouse)
    if ledger is None or file is None:
        return
    now = Sidecar(file, ledger, left.replaced_at if left else 0.0)
    if now != left:
        write_sidecar(warehouse, now)


def write_sidecar(warehouse: Path, content: Sidecar) -> None:
    """Replace the sidecar as a whole. A failure is logged only: the data is written, and the next writer judges by the digest."""
    target = sidecar_path(warehouse)
    fresh = target.with_name(f"{target.name}.new")  # one name, as the lock allows one writer: nothing is left for ever
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(content), file)
        fresh.replace(target)
    except OSError as error:
        logger.warning("%s could not be written: %s", target, error.strerror or error)


def _state(warehouse: Path) -> tuple[int, int, int] | None:
    try:
        found = warehouse.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
