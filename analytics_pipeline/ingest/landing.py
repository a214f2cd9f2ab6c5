"""Where a delivered version of a file lies on disk. A file under its final name is complete: it was renamed into place.

Names are made of the dataset, the partition and the ETag, never of the key: no key can leave the folder.
"""

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from analytics_pipeline.ingest.delivery import Delivery


def landing_path(folder: Path, delivery: Delivery) -> Path:
    """The path of a delivered version: `landing/lab_sessions/2026-01-09@<etag>.csv`."""
    return folder / delivery.dataset.name / _name(delivery)


def _name(delivery: Delivery) -> str:
    etag = delivery.etag
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", etag):
        etag = hashlib.sha256(etag.encode()).hexdigest()
    return f"{delivery.partition.key}@{etag}.csv"


def has_landed(folder: Path, delivery: Delivery) -> bool:
    """Whether a delivered version lies there; an empty file that should not be is what a power cut leaves of one."""
    try:
        return landing_path(folder, delivery).stat().st_size > 0 or delivery.size == 0
    except FileNotFoundError:
        return False


def redacted_path(path: Path) -> Path:
    """Where a landed file without the people who were erased lies until the other is loaded: `....csv.redacted`."""
    return path.with_name(f"{path.name}.redacted")


def tidy(folder: Path, deliveries: Iterable[Delivery]) -> None:
    """Leave of loaded files no version that landed before, and nobody who was erased.

    To be done behind each load; and before the next one for all that is loaded, as a process may have died in between.
    A version that landed later stays: another run may be about to load it.
    """
    names: dict[Path, dict[str, str]] = {}
    for delivery in deliveries:
        names.setdefault(folder / delivery.dataset.name, {})[delivery.partition.key] = _name(delivery)
    for place, loaded in names.items():
        kept = set(loaded.values())
        for path in place.iterdir() if place.exists() else ():
            partition, mark, _ = path.name.partition("@")
            if path.name not in kept and mark and partition in loaded:
                with suppress(FileNotFoundError):  # another run was faster
                    _tidy(path, place / loaded[partition])


def _tidy(path: Path, loaded: Path) -> None:
    if path == redacted_path(loaded):
        path.replace(loaded)
    elif path.stat().st_mtime_ns <= loaded.stat().st_mtime_ns:
        path.unlink()
