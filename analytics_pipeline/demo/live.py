"""The simulated Vocareum while time passes: a day of files each minute, one of them broken at first, and a webhook for alerts.

What the organisation's files hold belongs in `organisation/`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from wsgiref.types import StartResponse, WSGIEnvironment

from analytics_pipeline.demo.wsgi import Answer, serving

ERROR_PAGE = b"<html><body>503 Service Unavailable</body></html>"
BROKEN_DAY = 2
"""Which of the new days comes as an error page first, so that a failure, its alert and its end are seen."""


@dataclass(frozen=True)
class Step:
    """What the simulated vendor does in one minute.

    Attributes:
        text: what happens, for people.
        files: the objects to write, by key.
    """

    text: str
    files: Mapping[str, bytes] = field(default_factory=dict)


def steps(days: Mapping[date, Mapping[str, bytes]]) -> Iterator[Step]:
    """Yield what is delivered minute by minute: each day's files, and after the last day a file that is rewritten, for ever.

    Args:
        days: the files of each day that is delivered late, by day; at least one.
    """
    broken: dict[str, bytes] = {}
    for number, (day, files) in enumerate(sorted(days.items()), 1):
        yield Step(f"{day}: {len(files)} files are delivered.{_mended(broken)}", {**broken, **_without(files, broken)})
        broken = {}
        if number == BROKEN_DAY and files:
            key = min(files)
            broken = {key: files[key]}
            yield Step(f"{day}: {key} is rewritten, and is an error page.", {key: ERROR_PAGE})
    last = days[max(days)]
    whole = max(last, key=lambda key: last[key].count(b"\n"))
    lines = last[whole].splitlines(keepends=True)
    if broken:
        yield Step(_mended(broken).strip(), broken)
    while True:
        yield Step(f"{whole} is rewritten with a row less, as Vocareum rewrites a day.", {whole: b"".join(lines[:-1])})
        yield Step(f"{whole} is rewritten with all of its rows.", {whole: b"".join(lines)})


def _mended(broken: Iterable[str]) -> str:
    return "".join(f" {key} is delivered whole again." for key in broken)


def _without(files: Mapping[str, bytes], others: Mapping[str, bytes]) -> dict[str, bytes]:
    return {key: body for key, body in files.items() if key not in others}


@contextmanager
def webhook(told: Callable[[str], None]) -> Iterator[str]:
    """Serve a Slack-compatible webhook on this machine; yield its URL, and call a function with each text."""

    def receive(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        told(str(json.loads(body)["text"]))
        return Answer(200, b"ok", "text/plain").send(start_response)

    with serving(receive, threads=2) as url:
        yield url
