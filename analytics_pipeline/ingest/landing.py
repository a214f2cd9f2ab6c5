"""Paths of delivered versions on disk.

A file under its final name is complete, as it was renamed into place. Names consist of partition
and ETag, never of the key, so that no key can lead out of the folder.
"""

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from analytics_pipeline.ingest.delivery import Delivery


def landing_path(folder: Path, delivery: Delivery) -> Path:
    """Return the path of a delivered version: `landing/lab_sessions/2026-01-09@<etag>.csv`."""
    return folder / delivery.dataset.name / _name(delivery)


def _name(delivery: Delivery) -> str:
    etag = delivery.etag
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", etag):
        etag = hashlib.sha256(etag.encode()).hexdigest()
    return f"{delivery.partition.key}@{etag}.csv"


def has_landed(folder: Path, delivery: Delivery) -> bool:
    """Return whether a delivered version is on disk.

    An unexpectedly empty file is left by a power failure.
    """
    try:
        return landing_path(folder, delivery).stat().st_size > 0 or delivery.size == 0
    except (FileNotFoundError, NotADirectoryError):
        return False


def redacted_path(path: Path) -> Path:
    """Return the path of a landed file's redacted copy until it is loaded: `....csv.redacted`."""
    return path.with_name(f"{path.name}.redacted")


def clean_landing(folder: Path, deliveries: Iterable[Delivery]) -> None:
    """Delete superseded landed versions of loaded files, and swap in redacted copies.

    Call it after each load, and before the next one for all loaded files, as a process may have
    died in between. A version that landed later stays: another run may be about to load it.
    """
    names: dict[Path, dict[str, str]] = {}
    for delivery in deliveries:
        names.setdefault(folder / delivery.dataset.name, {})[delivery.partition.key] = _name(
            delivery
        )
    for place, loaded in names.items():
        kept = set(loaded.values())
        for path in place.iterdir() if place.exists() else ():
            partition, mark, _ = path.name.partition("@")
            if path.name not in kept and mark and partition in loaded:
                with suppress(FileNotFoundError):  # another run did it
                    _clean(path, place / loaded[partition])


def _clean(path: Path, loaded: Path) -> None:
    if path == redacted_path(loaded):
        path.replace(loaded)
    elif path.stat().st_mtime_ns <= loaded.stat().st_mtime_ns:
        path.unlink()
