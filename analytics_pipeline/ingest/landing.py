"""Where a delivered version of a file lies on disk. A file under its final name is complete: it was renamed into place.

Names are made of the dataset, the partition and the ETag, never of the key: no key can leave the folder.
"""

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from analytics_pipeline.ingest.plan import Delivery


def landing_path(folder: Path, delivery: Delivery) -> Path:
    """The path of a delivered version: `landing/lab_sessions/2026-01-09@<etag>.csv`."""
    etag = delivery.etag
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", etag):
        etag = hashlib.sha256(etag.encode()).hexdigest()
    return folder / delivery.dataset.name / f"{delivery.partition.key}@{etag}.csv"


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
    """Leave of loaded files the newest version alone, without the people who were erased.

    To be done behind each load; and before the next one for all that is loaded, as a process may have died in between.
    """
    kept: dict[Path, set[str]] = {}
    for delivery in deliveries:
        path = landing_path(folder, delivery)
        kept.setdefault(path.parent, set()).add(path.name)
    for place, names in kept.items():
        if place.is_dir():
            _tidy(place, names)


def _tidy(place: Path, names: set[str]) -> None:
    partitions = {name.partition("@")[0] for name in names}
    for entry in list(os.scandir(place)):
        path, whole = Path(entry.path), entry.name.removesuffix(".redacted")
        partition, _, version = whole.partition("@")
        if partition not in partitions or not version.endswith(".csv"):
            continue
        with suppress(FileNotFoundError):  # another run was faster
            if whole not in names:
                path.unlink()
            elif whole != entry.name:
                path.replace(place / whole)
