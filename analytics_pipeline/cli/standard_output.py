"""Standard output and standard error, which may be closed or full.

A reader such as `head` closes its pipe when it has seen enough. That ends the output, but must not
end a command that loads or publishes, as Python and rich would.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import DiskFull, file_error_text, translate_disk_full

_NAME = "the output"
_FAILED = 2
_ESCAPED = "backslashreplace"


class _Output(io.FileIO):
    """A descriptor that discards everything while it points to what can't be written.

    Dagster points it elsewhere during a step.
    """

    lost: tuple[int, int] | None = None

    def write(self, data: Any, /) -> int:
        """Write; raise only the first error, which is none if the reader has gone away."""
        if self.lost is None or self.lost != self._target():
            try:
                return super().write(data)
            except OSError as error:
                self.lost = self._target()
                if not isinstance(error, BrokenPipeError):
                    error.filename = _NAME  # otherwise a full disk would be the data's
                    raise
        return memoryview(data).nbytes

    def _target(self) -> tuple[int, int]:
        stat = os.fstat(self.fileno())
        return stat.st_dev, stat.st_ino


def tolerate_lost_output() -> None:
    """Replace both streams; one that is closed discards everything.

    A character that the encoding of a stream lacks, as in a Latin-1 or ASCII locale, is escaped:
    it must not end a command in the middle of its messages.
    """
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = io.BufferedWriter(io.FileIO(os.devnull, "w"))
            setattr(sys, name, io.TextIOWrapper(nowhere, "utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            raw = io.BufferedWriter(_Output(descriptor, "w", closefd=False))
            lines = stream.line_buffering
            fresh = io.TextIOWrapper(raw, stream.encoding, _ESCAPED, line_buffering=lines)
            setattr(sys, name, fresh)


class NotEncodable(PipelineError):
    """A row has a character that the encoding of the output lacks."""


@contextmanager
def unescaped() -> Iterator[TextIO]:
    """Yield stdout for data, in which an escaped character would be another value.

    Raises:
        NotEncodable: the data has a character that the encoding lacks. Earlier rows are written.
    """
    stream = sys.stdout
    assert isinstance(stream, io.TextIOWrapper)
    errors = stream.errors
    stream.reconfigure(errors="strict")
    try:
        yield stream
    except UnicodeEncodeError as error:
        raise NotEncodable(
            f"The encoding of the output ({error.encoding}) lacks"
            f" {error.object[error.start : error.end]!a}. The output ends before that row.",
            "Set PYTHONIOENCODING=utf-8, or write to a file with --output.",
        ) from None
    finally:
        stream.reconfigure(errors=errors)


@contextmanager
def lost_output_reported() -> Iterator[None]:
    """Write what is still buffered, and end with exit code 2 if it can't be written.

    Python would write it when it ends, where an error may be lost. The help, which no command
    prints, would end in a traceback.
    """
    try:
        with translate_disk_full():
            try:
                yield
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
    except DiskFull as error:
        _end(str(error))
    except OSError as error:
        if error.filename != _NAME:
            raise
        _end(file_error_text(error))


def _end(text: str) -> NoReturn:
    sys.stderr.write(f"{text}\n")
    sys.exit(_FAILED)
