"""The sources of deliveries, in one listing: the vendor's bucket and hand-written files.

A hand-written file is listed like an object in the bucket, under its own key. Its version is a hash
of its content.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from analytics_pipeline.datasets import BY_HAND_PREFIX, DATASETS
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.atomic_write import private_file
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.connect import open_bucket
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered
from analytics_pipeline.vocareum.transfer import Destination

MOST_BYTES = 10_000_000
"""A larger file can't be hand-written: the setting points to a wrong file."""
UNREADABLE = "unreadable"
"""Version of a file that can't be read. It is listed, so that its load fails visibly like that of
any file."""


class Sources:
    """The organisation's bucket and its hand-written files, with the methods of a bucket.

    Args:
        bucket: the organisation's part of the vendor's bucket.
        paths: absolute paths of the hand-written files, by the name of their setting.
    """

    is_complete = True
    """A listing names everything that is delivered: what it lacks is not delivered."""

    def __init__(self, bucket: Bucket, paths: Mapping[str, Path]) -> None:
        self._bucket = bucket
        self.prefix = bucket.prefix
        self._paths = {
            f"{bucket.prefix}{dataset.prefix}": paths[dataset.setting]
            for dataset in DATASETS.values()
            if dataset.setting and dataset.setting in paths
        }

    def list(self, under: str = "") -> Iterator[RemoteObject]:
        """List objects and hand-written files under a prefix below `org{org}/`.

        Does not list the bucket for the prefix of hand-written files.

        Raises:
            BucketError: listing is denied, or S3 fails.
            VocareumError: Vocareum issues no credentials.
        """
        if not under.startswith(BY_HAND_PREFIX):
            yield from (
                listed for listed in self._bucket.list(under) if listed.key not in self._paths
            )
        for key, path in self._paths.items():
            if key.startswith(self.prefix + under):
                yield _version(key, path)[0]

    def download(
        self, objects: Iterable[RemoteObject], destination: Destination
    ) -> Iterator[Downloaded | Undelivered]:
        """Download objects as `Bucket.download` does, and copy hand-written files.

        Raises:
            BucketError, Outage, VocareumError: see `Bucket.download`.
            OSError: the disk is full.
        """
        wanted = list(objects)
        hand_written = [listed for listed in wanted if listed.key in self._paths]
        yield from (self._copy(listed, destination) for listed in hand_written)
        if delivered := [listed for listed in wanted if listed.key not in self._paths]:
            yield from self._bucket.download(delivered, destination)

    def _copy(self, wanted: RemoteObject, destination: Destination) -> Downloaded | Undelivered:
        path = self._paths[wanted.key]
        current, content = _version(wanted.key, path)
        if content is None:
            setting = next(
                dataset.setting
                for dataset in DATASETS.values()
                if f"{self.prefix}{dataset.prefix}" == wanted.key
            )
            return Undelivered(
                wanted,
                f"{setting} names no readable file of at most {MOST_BYTES // 1_000_000} MB",
                f"Put the file there, correct {setting}, or unset it.",
            )
        target = destination(current)
        with private_file(target, durable=False) as copy:
            copy.write(content)
        return Downloaded(current, target)


def open_sources(settings: Settings, budget: float | None = None) -> Sources:
    """Return the sources that the settings name. Sends no request yet.

    Args:
        settings: must name an organisation and a token.
        budget: seconds in which the API and S3 requests may be retried; by default each has its
            own.

    Raises:
        SettingsError: the organisation or the token is not set.
        UnsafeAddress: an address is neither HTTPS nor HTTP on this machine.
    """
    return Sources(open_bucket(settings, budget), settings.hand_written)


def _version(key: str, path: Path) -> tuple[RemoteObject, bytes | None]:
    """Return a hand-written file's version and its content; None if it can't be read."""
    try:
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
        content = (
            path.read_bytes() if path.is_file() and path.stat().st_size <= MOST_BYTES else None
        )
    except OSError:
        content, modified = None, datetime.fromtimestamp(0, UTC)
    if content is None:
        return RemoteObject(key, UNREADABLE, 0, modified), None
    return (
        RemoteObject(key, hashlib.sha256(content).hexdigest()[:32], len(content), modified),
        content,
    )
