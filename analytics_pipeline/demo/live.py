"""Live deliveries of the simulated Vocareum, and a webhook for alerts.

A day of files arrives each minute, one of them broken at first. `organisation/` makes the files.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from wsgiref.types import StartResponse, WSGIEnvironment

from analytics_pipeline.demo.wsgi import Answer, serving
from analytics_pipeline.words import counted

ERROR_PAGE = b"<html><body>503 Service Unavailable</body></html>"
BROKEN_DAY = 2
"""Index of the new day that first arrives as an error page, to show a failure, its alert and its
resolution."""


@dataclass(frozen=True)
class Step:
    """The simulated vendor's deliveries in one minute.

    Attributes:
        text: what happens, for people.
        files: the objects to write, by key.
    """

    text: str
    files: Mapping[str, bytes] = field(default_factory=dict)


def steps(days: Mapping[date, Mapping[str, bytes]]) -> Iterator[Step]:
    """Yield the deliveries of each minute: the days, then endless rewrites of the last day's file.

    Args:
        days: files of each late day, by day; at least one day.
    """
    broken: dict[str, bytes] = {}
    for number, (day, files) in enumerate(sorted(days.items()), 1):
        yield Step(
            f"{day}: {counted(len(files), 'file')} delivered.{_redelivered(broken)}",
            {**broken, **_without(files, broken)},
        )
        broken = {}
        if number == BROKEN_DAY and files:
            key = min(files)
            broken = {key: files[key]}
            yield Step(f"{day}: {key} is rewritten, and is an error page.", {key: ERROR_PAGE})
    last = days[max(days)]
    longest = max(last, key=lambda key: last[key].count(b"\n"))
    lines = last[longest].splitlines(keepends=True)
    if broken:
        yield Step(_redelivered(broken).strip(), broken)
    while True:
        yield Step(
            f"{longest} is rewritten with one row fewer, as Vocareum may rewrite a day.",
            {longest: b"".join(lines[:-1])},
        )
        yield Step(f"{longest} is rewritten with all of its rows.", {longest: b"".join(lines)})


def _redelivered(broken: Iterable[str]) -> str:
    return "".join(f" {key} is delivered again, complete." for key in broken)


def _without(files: Mapping[str, bytes], others: Mapping[str, bytes]) -> dict[str, bytes]:
    return {key: body for key, body in files.items() if key not in others}


@contextmanager
def webhook(on_text: Callable[[str], None]) -> Iterator[str]:
    """Serve a Slack-compatible webhook on this machine; yield its URL, pass on each text."""

    def receive(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        on_text(str(json.loads(body)["text"]))
        return Answer(200, b"ok", "text/plain").send(start_response)

    with serving(receive, threads=2) as url:
        yield url
