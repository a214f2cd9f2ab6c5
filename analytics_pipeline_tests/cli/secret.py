"""Secrets that are planted, and a search for them in everything that a run keeps or says."""

import base64
import json
import logging
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

HOOK = "T0PLANTED/B0PLANTED/wh00k-s3cr3t+planted"
"""What is secret of the webhook's address."""


def spellings(secret: str) -> set[bytes]:
    """A secret as it is, as a URL or JSON holds it, and in base64, also in the middle of something longer."""
    raw = secret.encode()
    plain = {raw, quote(secret, safe="").encode(), quote(secret).encode(), json.dumps(secret)[1:-1].encode()}
    # Base64 turns three bytes into four letters: what comes before a secret shifts it by none, one or two bytes. The
    # first and last letters, which its neighbours share, are left out.
    shifted = {base64.b64encode(b"\0" * at + raw)[4 * (at > 0) : -4] for at in range(3)}
    return plain | shifted | {one.translate(bytes.maketrans(b"+/", b"-_")) for one in shifted}


def files_with(secrets: Iterable[str], folder: Path) -> list[str]:
    """Files under a folder that hold a secret in any spelling: a search over all bytes."""
    needles = {one for secret in secrets for one in spellings(secret)}
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [str(path.relative_to(folder)) for path in paths if any(one in path.read_bytes() for one in needles)]


def texts_with(secrets: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Texts that hold a secret in any spelling."""
    needles = {one.decode() for secret in secrets for one in spellings(secret)}
    return [text[:500] for text in texts if any(one in text for one in needles)]


SIMULATION = {"moto", "werkzeug", "cheroot"}
"""Loggers of the simulated Vocareum, which runs in the tests' own process."""


class Listener(logging.Handler):
    """Keeps what every library logs, with its exceptions, as a log file would."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] in SIMULATION:
            return
        self.texts.append(f"{record.name} {self.format(record)} {record.args!r}")


def chain(error: BaseException | None) -> Iterator[str]:
    """What can be read of an error and of every error behind it, its cause and its context both, shown or not."""
    if error is not None:
        yield f"{error!r} {error.args!r} {''.join(traceback.format_exception(error))}"
        yield from chain(error.__cause__)
        if error.__context__ is not error.__cause__:
            yield from chain(error.__context__)
