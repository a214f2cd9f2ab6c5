"""Standard output and standard error, which may be closed or full.

A reader such as `head` closes its pipe when it has seen enough. That ends the output, but must not
end a command that loads or publishes, as Python and rich would.
"""

import io
import os
import sys
from typing import Any


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
                    error.filename = "the output"  # otherwise a full disk would be the data's
                    raise
        return memoryview(data).nbytes

    def _target(self) -> tuple[int, int]:
        stat = os.fstat(self.fileno())
        return stat.st_dev, stat.st_ino


def tolerate_lost_output() -> None:
    """Replace both streams; one that is closed discards everything."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = io.BufferedWriter(io.FileIO(os.devnull, "w"))
            setattr(sys, name, io.TextIOWrapper(nowhere, "utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            raw = io.BufferedWriter(_Output(descriptor, "w", closefd=False))
            lines = stream.line_buffering
            fresh = io.TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=lines)
            setattr(sys, name, fresh)
