"""The one base of errors that are meant for people: what is wrong, and what to do. The doors show them without a traceback.

Each is defined where it is raised. Nothing is imported here.
"""

UNUSABLE = 2
"""Exit code where settings, credentials, the network, the warehouse or the models can't be used."""


class PipelineError(Exception):
    """A failure that can be foreseen.

    Args:
        message: what happened, in plain sentences; with the remedy where it is not given apart.
        remedy: what to do about it.

    Attributes:
        exit_code: what a command ends with that can't go on.
    """

    exit_code = UNUSABLE

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()
