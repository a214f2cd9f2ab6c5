"""Processes that start at once: forked by multiprocessing's fork server, which has imported the
whole pipeline.

A cold process takes five to seven seconds to import it, longer than most commands take. The server
has opened no database and made no frame, so that the threads that DuckDB and polars start for a
query start in the forked process itself.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(
    [
        "analytics_pipeline.cli",
        "analytics_pipeline.orchestration.definitions",
        "analytics_pipeline.orchestration.instance",
        "analytics_pipeline.orchestration.sync",
        "analytics_pipeline.report",
    ]
)


class Forked:
    """A process that calls a function of a module.

    Args:
        function: a top-level function, which is looked up again by its name.
        arguments: its arguments, copied.
    """

    def __init__(self, function: Callable[..., None], *arguments: Any) -> None:
        self._process = _forking.Process(target=function, args=arguments, daemon=True)
        self._process.start()

    def kill(self) -> bool:
        """Send SIGKILL and wait; return False if it had ended already."""
        self._process.kill()
        self._process.join()
        return self._process.exitcode == -signal.SIGKILL

    @property
    def runs(self) -> bool:
        """Return whether it is still running."""
        return self._process.is_alive()

    def wait(self, seconds: float = 300) -> int:
        """Wait for its end and return the exit code.

        Raises:
            TimeoutError: it did not end in time, and was killed.
        """
        self._process.join(seconds)
        if self._process.exitcode is None:
            self.kill()
            raise TimeoutError(f"a process has not ended after {seconds} s")
        return self._process.exitcode


def command_line(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    output: Path,
    models: Path | None = None,
) -> None:
    """Run `analytics-pipeline ARGUMENTS` in a folder, under a umask that hides nothing.

    Args:
        arguments: arguments of the command line.
        environment: the settings.
        folder: the working directory.
        output: file for everything that is printed.
        models: SQL models of another release.
    """
    from analytics_pipeline.cli import main
    from analytics_pipeline.sql_models import project

    if models:
        project.default_folder = lambda: models
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(handle, stream.fileno())
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.umask(0)
    os.chdir(folder)
    os.environ.update(environment)
    sys.argv = ["analytics-pipeline", *arguments]
    main()
