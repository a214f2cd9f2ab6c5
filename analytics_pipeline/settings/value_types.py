"""Types of settings with forms of their own: paths, time zones, owners of assets."""

import re
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, SecretStr


def _owner(name: str) -> str:
    if not re.fullmatch(r"team:[\w-]+|[^@\s]+@[^@\s]+\.[^@\s]+", name):
        raise ValueError(f"{name!r} is not an owner: give an email address, or a team as team:name")
    return name


def split_owners(text: str) -> list[str]:
    """Split a list with commas: email addresses, and teams as `team:name`.

    Raises:
        ValueError: a part is neither.
    """
    return [_owner(name.strip()) for name in text.split(",") if name.strip()]


def _blank_is_unset(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _expanded(path: Path | None) -> Path | None:
    return path.expanduser() if path else None


def _zone(name: object) -> object:
    """Return the time zone of a name.

    Raises:
        ValueError: there is no such zone.
    """
    if not isinstance(name, str):
        return name
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is not a known time zone; give a name such as Europe/Berlin or"
            " America/New_York"
        ) from None


def _lake(url: SecretStr) -> SecretStr:
    if url.get_secret_value() and not url.get_secret_value().startswith("ducklake:postgres:"):
        raise ValueError(
            "it must begin with ducklake:postgres: and hold the connection string of PostgreSQL,"
            " such as ducklake:postgres:host=db.example.org dbname=lake user=pipeline"
        )
    return url


def _store(url: str | None) -> str | None:
    if url and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[\w./-]*)?", url):
        raise ValueError("it must be a bucket and a prefix, such as s3://my-bucket/published")
    return url


def _endpoint(url: str | None) -> str | None:
    if url and not re.fullmatch(r"https?://[^/\s]+/?", url):
        raise ValueError(
            "it must be http:// or https:// and a host, such as https://s3.example.org"
        )
    return url.rstrip("/") if url else None


def _folder_or_s3(place: str | None) -> str | None:
    """Refuse another scheme, which would become a folder of that name."""
    if place and "://" in place and not place.startswith("s3://"):
        raise ValueError("it must be a folder, or a prefix such as s3://my-bucket/lake")
    return place


ExpandedPath = Annotated[Path, AfterValidator(Path.expanduser)]
OptionalPath = Annotated[Path | None, BeforeValidator(_blank_is_unset), AfterValidator(_expanded)]
LakeUrl = Annotated[SecretStr, AfterValidator(_lake)]
OptionalText = Annotated[str | None, BeforeValidator(_blank_is_unset)]
EndpointUrl = Annotated[str | None, BeforeValidator(_blank_is_unset), AfterValidator(_endpoint)]
FolderOrS3 = Annotated[str | None, BeforeValidator(_blank_is_unset), AfterValidator(_folder_or_s3)]
StoreUrl = Annotated[str | None, BeforeValidator(_blank_is_unset), AfterValidator(_store)]
Owners = Annotated[str, AfterValidator(lambda text: ",".join(split_owners(text)))]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
