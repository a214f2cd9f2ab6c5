"""Find an erased person's emails in the hand-written files, which only the operator changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from errno import EFBIG, EINVAL
from pathlib import Path
from stat import S_ISREG

import duckdb

from analytics_pipeline.ingest.people import People
from analytics_pipeline.ingest.sources import MOST_BYTES
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.erase import erased_people, run_again, unfinished
from analytics_pipeline.words import named

_LINES_SHOWN = 20


@dataclass(frozen=True)
class OwnFile:
    """A hand-written file that holds the person, or that can't be searched.

    Attributes:
        setting: environment variable that names it.
        path: its path.
        lines: numbers, from 1, of the lines with an email of the person; empty if the file can't be
            searched.
        problem: why it can't be searched; empty if it was.
    """

    setting: str
    path: str
    lines: tuple[int, ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        """Return the line for people: where the person may be, and what to do."""
        if self.problem:
            return (
                f"{self.setting} ({self.path}) can't be searched: {self.problem}. If it mentions"
                " the person, remove them there."
            )
        return (
            f"{self.setting} ({self.path}) holds the person's email: {self._places}. This command"
            " does not change your own files: remove the email there."
        )

    @property
    def later(self) -> str:
        """Return the line for people long after the erasure, which names nobody."""
        if self.problem:
            return (
                f"{self.setting} ({self.path}) can't be searched for people who were erased:"
                f" {self.problem}. Make it a readable text file, or remove the setting."
            )
        return (
            f"{self.setting} ({self.path}) holds the email of an erased person: {self._places}. No"
            " command changes your own files: remove the email there."
        )

    @property
    def _places(self) -> str:
        noun = "line" if len(self.lines) == 1 else "lines"
        return f"{noun} {named(map(str, self.lines), _LINES_SHOWN)}"


def own_files_with_erased(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> list[OwnFile]:
    """Return the hand-written files that hold an email of anybody who was erased, or that can't be
    searched for them.

    None if nobody was erased, or for a published file, which does not know them, or a warehouse of
    an earlier release.
    """
    try:
        people = erased_people(connection)
    except (duckdb.CatalogException, duckdb.BinderException):
        return []
    return list(own_files_with(people, settings.hand_written)) if people else []


def left_to_erase(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[str]:
    """Return lines for people about unfinished erasures, and what they must still remove."""
    own_files = own_files_with_erased(connection, settings)
    return [*map(run_again, unfinished(connection)), *(own.later for own in own_files)]


def own_files_with(person: People, paths: Mapping[str, Path]) -> Iterator[OwnFile]:
    """Yield the hand-written files that hold the person, or that can't be searched.

    Args:
        person: one id or several, with their emails or the hashes of these.
        paths: absolute paths of the files, by the name of their setting. A missing file is ignored.
    """
    for setting, path in paths.items():
        try:
            content = _content(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield OwnFile(setting, str(path), problem=error.strerror or type(error).__name__)
            continue
        text = content.decode("utf-8", "surrogateescape")
        if lines := person.recognising(text).lines_with_emails(text):
            yield OwnFile(setting, str(path), tuple(lines))


def _content(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        FileNotFoundError, NotADirectoryError: it is missing.
        OSError: it can't be read, is not a text file, or is too large.
    """
    state = path.stat()
    if not S_ISREG(state.st_mode):
        raise OSError(EINVAL, "it is not a file")
    if state.st_size > MOST_BYTES:
        raise OSError(EFBIG, f"it is larger than {MOST_BYTES // 1_000_000} MB")
    content = path.read_bytes()
    if b"\0" in content:
        raise OSError(EINVAL, "it is not a text file in UTF-8")
    return content
