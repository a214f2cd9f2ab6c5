"""The text of the pointer to the current version of a file in S3: a small JSON object.

Readers on other machines read it too, with the fields `url`, `key`, `sha256`, `size` and
`published_at` (docs/scale.md).
"""

import json
from datetime import UTC, datetime

from analytics_pipeline.storage.store import StoreFailed, Version


def pointer_text(version: Version, url: str) -> bytes:
    """Return the pointer to a version at an address."""
    stated = {
        "url": url,
        "key": version.key,
        "sha256": version.sha256,
        "size": version.size,
        "published_at": version.at.replace(tzinfo=UTC).isoformat(timespec="microseconds"),
    }
    return json.dumps(stated, indent=2).encode()


def pointed_version(text: bytes, url: str) -> Version:
    """Return the version that a pointer, read at an address, names.

    Raises:
        StoreFailed: the text is not a pointer.
    """
    try:
        stated = json.loads(text)
        at = datetime.fromisoformat(stated["published_at"]).astimezone(UTC).replace(tzinfo=None)
        return Version(stated["key"], stated["sha256"], int(stated["size"]), at)
    except (ValueError, KeyError, TypeError):
        raise StoreFailed(
            f"{url} is not a pointer to a version.",
            "Delete it, and run `analytics-pipeline publish`, which writes it again.",
        ) from None
