"""Files that the tests of a store put into it, and the times of their versions."""

from datetime import datetime, timedelta
from pathlib import Path

from analytics_pipeline.storage.object_store import ObjectStore

NOON = datetime(2026, 11, 28, 12)  # noqa: DTZ001
LATER = NOON + timedelta(hours=1)
DAY = timedelta(days=1)


def local_file(folder: Path, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "analytics.duckdb"
    file.write_bytes(content)
    return file


def put_file(store: ObjectStore, file: Path, at: datetime) -> None:
    store.put(file, at, store.current(file.name))
