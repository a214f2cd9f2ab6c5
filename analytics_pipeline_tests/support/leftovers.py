"""`make leaks`: search what a run of the tests left for personal data and secrets.

A test looks for the values that it plants itself. This looks for anybody's, wherever the folder of
any test holds what analysts open or the UI shows: published files, reports, exports, and Dagster's
events, cursors and logs. Exits with 1 if there is any, or nothing to search.
"""

import getpass
import hashlib
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from analytics_pipeline.demo.organisation.campus import _FIRST_NAMES, _LAST_NAMES, _ODD_NAMES
from analytics_pipeline_tests.support.byte_search import in_file
from analytics_pipeline_tests.support.planted_secrets import HOOK
from analytics_pipeline_tests.support.planted_values import MARK

VISIBLE = ("analytics.duckdb*", "across*.duckdb", "report*.html", "*.parquet")
"""Files that analysts open, by name, in any folder."""
DAGSTER = ("history/**/*.db", "schedules/**/*.db", "storage/**/*.out", "storage/**/*.err")
"""Files that the UI shows, below a DAGSTER_HOME."""
PRIVATE = {
    "an email address": rb"[\w.%+-]+@example\.(?:edu|org|com)",
    "a name": "|".join(
        [
            f"(?:{'|'.join(_FIRST_NAMES)}) (?:{'|'.join(_LAST_NAMES)})\\b",
            *map(re.escape, _ODD_NAMES),
        ]
    ).encode(),
    "a session's log": rb"START successful; CFN|CFN creation failed",
    "a planted value": MARK.encode(),
    "a token, key or webhook": (
        rb"t0ken-of-an-org-admin|s3cr3t|FQoGZXIvYXdzE|" + re.escape(HOOK.encode())
    ),
}
"""What nobody may see, by what it is: of the simulated organisation, of the tests, and keys."""
OUR_OWN = re.compile(rb"(?:you|name|admin|owner|data-team)@example\.(?:edu|org|com)")
"""Addresses in documentation and settings, which belong to nobody in the feed."""

OF_THE_SEARCH = ("test_the_search_opens", "test_a_private_value_in_")
"""Folders of the tests that a search finds what they plant."""


def visible(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that somebody else may see, each content once.

    Skips published files whose owner chose to publish personal data.
    """
    patterns = (*VISIBLE, *(f"dagster/{pattern}" for pattern in DAGSTER))
    paths = {path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()}
    seen: set[bytes] = set()
    for path in sorted(paths):
        if path.name.startswith("ducklake-"):  # the tables of a lake, which is as private as a file
            continue
        if any(part.startswith(OF_THE_SEARCH) for part in path.relative_to(folder).parts):
            continue
        content = hashlib.sha256(path.read_bytes()).digest()
        if content not in seen and not _has_personal_data_by_choice(path):
            seen.add(content)
            yield path


def _has_personal_data_by_choice(path: Path) -> bool:
    published = path if path.suffix == ".duckdb" else path.parent / "analytics.duckdb"
    if not published.exists():
        return False
    try:
        with duckdb.connect(str(published), read_only=True) as connection:
            return bool(connection.execute("SELECT bool_or(pii) FROM ops.published").fetchone()[0])
    except duckdb.Error:  # damaged by its test
        return False


def leaks(path: Path) -> Iterator[str]:
    """Yield what a file holds that it must not, with its place; not the value."""
    try:
        pieces = list(in_file(path, path.name))
    except Exception as error:  # a file that its test damaged has bytes still
        sys.stderr.write(f"{path}: only its bytes were searched ({type(error).__name__})\n")
        pieces = [(path.name, path.read_bytes())]
    for where, raw in pieces:
        for what, pattern in PRIVATE.items():
            if re.search(pattern, OUR_OWN.sub(b"", raw)):
                yield f"{what} in {where}"


def main(folder: Path) -> int:
    """Search a folder, print each finding, and return the exit code."""
    files = list(visible(folder))
    found = [f"{path}: {leak}" for path in files for leak in leaks(path)]
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stdout.write(f"{len(files)} files were searched, {len(found)} findings.\n")
    return 1 if found or not files else 0


def newest() -> Path:
    """Return the folder of the newest run of the tests."""
    folder = Path(tempfile.gettempdir()) / f"pytest-of-{getpass.getuser()}"
    return (folder / "pytest-current").resolve()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else newest()))
