"""The published file that readers on this machine open: the store's current version, if there is a
store.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.store import FOLDER, Fetched, Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalCopy:
    """A published file on this machine.

    Attributes:
        path: its path; it may be missing.
        notice: for people, why it may not be the current one; empty if it is.
        fetched: what the store said.
    """

    path: Path
    notice: str
    fetched: Fetched


def store_of(settings: Settings) -> Store:
    """Return the store that the settings name: by default the folder of the published file."""
    if not settings.published_store:
        return FOLDER
    # boto3 takes a third of a second to import, and `query` does not need it without a store.
    from analytics_pipeline.storage.object_store import ObjectStore

    bucket, _, prefix = settings.published_store.removeprefix("s3://").partition("/")
    folder = f"{prefix.strip('/')}/org{settings.org_id}/".lstrip("/")
    region = settings.published_store_region or settings.region
    return ObjectStore(bucket, folder, settings.published_store_endpoint_url, region)


def published_file(settings: Settings, now: datetime | None = None) -> LocalCopy:
    """Return the published file, after fetching the store's current version.

    Args:
        settings: the organisation's settings.
        now: for the age of the local copy (UTC, naive); by default the current time.

    Raises:
        StoreFailed: the store can't be read, and there is no local copy.
    """
    store, path = store_of(settings), settings.published_path
    fetched = store.fetch(path, published_at)
    if fetched.problem and not path.exists():
        raise fetched.problem
    return LocalCopy(path, _notice(store, path, fetched, now or warehouse_now()), fetched)


def refresh(settings: Settings) -> None:
    """Replace an outdated local copy of the published file: it may hold an erased person.

    A store that can't be reached is logged only; the next run tries again.
    """
    if not settings.published_store or not settings.published_path.exists():
        return
    fetched = store_of(settings).fetch(settings.published_path, published_at)
    if fetched.problem:
        logger.warning("The local copy of the published file was not compared: %s", fetched.problem)


def published_at(path: Path) -> datetime | None:
    """Return when a published file was written (UTC, naive); None if it does not say."""
    # It imports the datasets with pandera, which `query` does not need without a store.
    from analytics_pipeline.warehouse.signature import signature

    signed = signature(path)
    return signed.published_at if signed else None


def _notice(store: Store, path: Path, fetched: Fetched, now: datetime) -> str:
    if fetched.problem:
        at = published_at(path)
        age = f", from {at:%Y-%m-%d %H:%M} UTC ({_age(now - at)} old)" if at else ""
        return f"{fetched.problem} This is the local copy of the published file{age}."
    if fetched.is_ahead:
        version = fetched.pointer.version if fetched.pointer else None
        theirs = f"the version of {version.at:%Y-%m-%d %H:%M} UTC" if version else "nothing"
        return (
            f"{path} was not uploaded: {store.describe(path.name)} still names {theirs}."
            " `analytics-pipeline publish` uploads it."
        )
    return ""


def _age(age: timedelta) -> str:
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"
