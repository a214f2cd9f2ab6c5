"""Where deliveries come from: the vendor's bucket, and the files that people write on this machine. One listing for both.

A hand-written file is listed like an object of the bucket, under a key of its own; its version is a hash of its content.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from analytics_pipeline.datasets import BY_HAND_PREFIX, DATASETS
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.private_files import private_file
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.connect import open_bucket
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered
from analytics_pipeline.vocareum.transfer import Destination

MOST_BYTES = 10_000_000
"""No file that a person writes is larger; one that is, is another file."""
UNREADABLE = "unreadable"
"""Version of a file that can't be read. It is listed, so that it fails where all files do, and is never silent."""


class Sources:
    """The organisation's bucket and its hand-written files, with the methods of a bucket.

    Args:
        bucket: the organisation's part of the vendor's bucket.
        paths: absolute paths of the hand-written files, by the name of their setting.
    """

    def __init__(self, bucket: Bucket, paths: Mapping[str, Path]) -> None:
        self._bucket = bucket
        self.name = bucket.name
        self.prefix = bucket.prefix
        self._paths = {
            f"{bucket.prefix}{dataset.prefix}": paths[dataset.setting]
            for dataset in DATASETS.values()
            if dataset.setting and dataset.setting in paths
        }

    def list(self, under: str = "") -> Iterator[RemoteObject]:
        """List what is delivered and what people wrote, under a prefix below `org{org}/`.

        The bucket is not asked for a prefix of hand-written files.

        Raises:
            BucketError: listing is denied, or S3 fails.
            VocareumError: credentials cannot be had.
        """
        if not under.startswith(BY_HAND_PREFIX):
            yield from (found for found in self._bucket.list(under) if found.key not in self._paths)
        for key, path in self._paths.items():
            if key.startswith(self.prefix + under):
                yield _version(key, path)[0]

    def download(self, objects: Iterable[RemoteObject], destination: Destination) -> Iterator[Downloaded | Undelivered]:
        """Fetch objects, as `Bucket.download` does; hand-written files are copied.

        Raises:
            BucketError, Outage, VocareumError: as the bucket does.
            OSError: the disk is full.
        """
        wanted = list(objects)
        ours = [found for found in wanted if found.key in self._paths]
        yield from (self._copy(found, destination) for found in ours)
        if theirs := [found for found in wanted if found.key not in self._paths]:
            yield from self._bucket.download(theirs, destination)

    def _copy(self, wanted: RemoteObject, destination: Destination) -> Downloaded | Undelivered:
        path = self._paths[wanted.key]
        found, content = _version(wanted.key, path)
        if content is None:
            setting = next(one.setting for one in DATASETS.values() if f"{self.prefix}{one.prefix}" == wanted.key)
            return Undelivered(
                wanted,
                f"{setting} is {path}, which is no readable file of at most {MOST_BYTES // 1_000_000} MB",
                f"Put the file there, correct {setting}, or unset it.",
            )
        target = destination(found)
        with private_file(target) as copy:
            copy.write(content)
        return Downloaded(found, target)


def open_sources(settings: Settings, budget: float | None = None) -> Sources:
    """Return everything that files come from, by the settings; nothing is asked until it is used.

    Args:
        settings: of the organisation.
        budget: seconds after which the API or S3 is not asked once more; by default what each of them has.

    Raises:
        SettingsError: the organisation or the token is not set.
        VocareumError: an address is not safe for secrets.
    """
    return Sources(open_bucket(settings, budget), settings.hand_written)


def _version(key: str, path: Path) -> tuple[RemoteObject, bytes | None]:
    """Return a hand-written file as it is now, and its content; None where it can't be read."""
    try:
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
        content = path.read_bytes() if path.is_file() and path.stat().st_size <= MOST_BYTES else None
    except OSError:
        content, modified = None, datetime.fromtimestamp(0, UTC)
    if content is None:
        return RemoteObject(key, UNREADABLE, 0, modified), None
    return RemoteObject(key, hashlib.sha256(content).hexdigest()[:32], len(content), modified), content
