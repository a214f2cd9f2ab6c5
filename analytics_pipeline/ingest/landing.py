"""Where a delivered version of a file lies on disk. A file under its final name is complete: it was renamed into place.

Names are made of the dataset, the partition and the ETag, never of the key: no key can leave the folder.
"""

import hashlib
import os
import re
from collections.abc import Iterable
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


def forget_older_versions(folder: Path, deliveries: Iterable[Delivery]) -> None:
    """Remove the other versions of files whose newest version has just been loaded."""
    kept: dict[Path, set[str]] = {}
    for delivery in deliveries:
        path = landing_path(folder, delivery)
        kept.setdefault(path.parent, set()).add(path.name)
    for place, names in kept.items():
        partitions = {name.partition("@")[0] for name in names}
        for entry in os.scandir(place):
            partition, _, version = entry.name.partition("@")
            if partition in partitions and version.endswith(".csv") and entry.name not in names:
                Path(entry.path).unlink(missing_ok=True)
