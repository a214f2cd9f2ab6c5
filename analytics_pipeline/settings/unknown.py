"""Variables that are no setting, such as a mistyped one, which nothing would read."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from analytics_pipeline.settings.derived import Settings

_OURS = ("ANALYTICS_", "VOCAREUM_")
_OF_LIBRARIES = ("AWS_", "DAGSTER_", "PG")
"""Prefixes of names that boto3, Dagster and libpq read."""
_ALIKE = 0.7


def unknown_names(written: Iterable[str], exported: Iterable[str]) -> dict[str, str]:
    """Return the names that are no setting, each with the most similar setting, else empty.

    Args:
        written: names in an env file. Those of libraries count only if they resemble a setting.
        exported: names in the environment, of which only those with a prefix of ours count.
    """
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    ours = [name for name in exported if name.upper().startswith(_OURS)]
    unknown = {
        name: _nearest(name, settings)
        for name in sorted({*written, *ours})
        if name.upper() not in settings and _is_name(name)
    }
    return {
        name: nearest
        for name, nearest in unknown.items()
        if nearest or not name.upper().startswith(_OF_LIBRARIES)
    }


def _is_name(name: str) -> bool:
    """Return whether it is surely a name: a line of a broken secret can look like one."""
    return bool(re.fullmatch(r"[A-Z][A-Z0-9_]*|[a-z][a-z0-9_]*", name))


def _nearest(name: str, settings: Iterable[str]) -> str:
    by_rest = {_without_prefix(setting): setting for setting in settings}
    alike = get_close_matches(_without_prefix(name.upper()), by_rest, n=1, cutoff=_ALIKE)
    return by_rest[alike[0]] if alike else ""


def _without_prefix(name: str) -> str:
    return re.sub(f"^({'|'.join(_OURS)})", "", name)
