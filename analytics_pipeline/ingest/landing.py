"""Where a delivered version of a file lies on disk. A file under its final name is complete: it was renamed into place.

Names are made of the dataset, the partition and the ETag, never of the key: no key can leave the folder.
"""

import hashlib
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


def forget_older_versions(folder: Path, deliveries: Iterable[Delivery]) -> None:
    """Remove the other versions of files whose newest version has just been loaded."""
    for delivery in deliveries:
        kept = landing_path(folder, delivery)
        for other in kept.parent.glob(f"{delivery.partition.key}@*.csv"):
            if other != kept:
                other.unlink(missing_ok=True)
