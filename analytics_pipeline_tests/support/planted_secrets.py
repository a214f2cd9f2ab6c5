"""Plant secrets, and search for them in everything that a run stores or prints."""

import base64
import json
import logging
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

HOOK = "T0PLANTED/B0PLANTED/wh00k-s3cr3t+planted"
"""The secret part of the webhook's address."""


def spellings(secret: str) -> set[bytes]:
    """Return a secret as it is, as in a URL or in JSON, and in base64, also inside a longer
    text.
    """
    raw = secret.encode()
    plain = {
        raw,
        quote(secret, safe="").encode(),
        quote(secret).encode(),
        json.dumps(secret)[1:-1].encode(),
    }
    # Base64 encodes three bytes as four letters, so a prefix shifts a secret by zero, one or two
    # bytes. The first and last letters depend on the neighbours and are left out.
    shifted = {base64.b64encode(b"\0" * at + raw)[4 * (at > 0) : -4] for at in range(3)}
    return plain | shifted | {text.translate(bytes.maketrans(b"+/", b"-_")) for text in shifted}


def files_with(secrets: Iterable[str], folder: Path) -> list[str]:
    """Return files under a folder that hold a secret in any spelling; searches all bytes."""
    needles = {spelling for secret in secrets for spelling in spellings(secret)}
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [
        str(path.relative_to(folder))
        for path in paths
        if any(needle in path.read_bytes() for needle in needles)
    ]


def texts_with(secrets: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Return texts that hold a secret in any spelling."""
    needles = {spelling.decode() for secret in secrets for spelling in spellings(secret)}
    return [text[:500] for text in texts if any(needle in text for needle in needles)]


SIMULATION = {"moto", "werkzeug", "cheroot"}
"""Loggers of the simulated Vocareum, which runs in the tests' process."""


class Listener(logging.Handler):
    """Keeps everything that libraries log, with exceptions, as a log file would."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] in SIMULATION:
            return
        self.texts.append(f"{record.name} {self.format(record)} {record.args!r}")


def chain(error: BaseException | None) -> Iterator[str]:
    """Return everything readable in an error and its causes and contexts, shown or not."""
    if error is not None:
        yield f"{error!r} {error.args!r} {''.join(traceback.format_exception(error))}"
        yield from chain(error.__cause__)
        if error.__context__ is not error.__cause__:
            yield from chain(error.__context__)
