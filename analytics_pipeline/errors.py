"""The base class of errors meant for people: the problem and its remedy, shown without a traceback.

Each error is defined where it is raised. Imports nothing.
"""

UNUSABLE = 2
"""Exit code when settings, credentials, the network, the warehouse or the models are unusable."""


class PipelineError(Exception):
    """A foreseeable failure.

    Args:
        message: the problem in plain sentences; includes the remedy if `remedy` is empty.
        remedy: what to do about it.

    Attributes:
        exit_code: the exit code of a command that this error ends.
    """

    exit_code = UNUSABLE

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()
