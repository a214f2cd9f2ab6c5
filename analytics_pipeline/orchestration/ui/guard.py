"""Refuse requests to the Dagster UI that come from other web pages.

Dagster's web server has no login and trusts every request: a mutation by GET or `text/plain`, from
any Origin, under any Host. A page that an analyst opens elsewhere could launch runs with one
`<img>`. The guard is ASGI middleware before the server. It is no login: `docs/login_proxy.md`
describes a proxy with one.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_OWN_SITE = frozenset({"same-origin", "none"})  # `none`: a person typed the address
_READING = frozenset({"GET", "HEAD"})
_NO_FRAMES = (b"x-frame-options", b"SAMEORIGIN")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused, and what to do about it."""

    status: HTTPStatus
    reason: str


class Headers:
    """The headers of a request, by lower-case name."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.decode("latin-1").lower(), []).append(
                value.decode("latin-1").strip()
            )

    def only(self, name: str) -> str | None:
        """Return the header's value; empty if it is repeated, None if it is missing."""
        values = self._values.get(name)
        return None if values is None else values[0] if len(values) == 1 else ""


def refusal(method: str, path: str, headers: Headers, ui_url: str) -> Refusal | None:
    """Return why a request is refused; None if the UI may answer it.

    Args:
        method: HTTP method in upper case, or `WEBSOCKET`.
        path: path of the address, decoded.
        headers: headers of the request.
        ui_url: address of the UI (DAGSTER_UI_URL); its host and origin are trusted besides this
            machine's names.
    """
    host = headers.only("host") or ""
    name = _host_name(host)
    if not name or name not in LOOPBACK | {_host_name(urlsplit(ui_url).netloc)}:
        return Refusal(
            HTTPStatus.MISDIRECTED_REQUEST,
            "The Dagster UI answers only to the names of this machine and to the host of"
            " DAGSTER_UI_URL.",
        )
    return _foreign(method, path, host, headers, ui_url) or _not_json(method, path, headers)


def _foreign(method: str, path: str, host: str, headers: Headers, ui_url: str) -> Refusal | None:
    """Refuse a request from another site's page.

    A link to the UI, as in alerts, is allowed, as it changes nothing.
    """
    origin, site = headers.only("origin"), headers.only("sec-fetch-site")
    ours = {_origin(ui_url)} | (
        {f"http://{host.lower()}"} if _host_name(host) in LOOPBACK else set()
    )
    link = (
        method in _READING
        and not _is_graphql(path)
        and headers.only("sec-fetch-mode") == "navigate"
        and headers.only("sec-fetch-dest") == "document"
    )
    if (origin is None or origin.lower() in ours) and (site is None or site in _OWN_SITE or link):
        return None
    return Refusal(
        HTTPStatus.FORBIDDEN,
        "The request comes from a page that is not the Dagster UI. If it is, set DAGSTER_UI_URL to"
        " the address that the browser shows.",
    )


def _not_json(method: str, path: str, headers: Headers) -> Refusal | None:
    """Refuse a request that a form or an image can make.

    JSON needs a script, which browsers restrict to its own origin.
    """
    if method == "WEBSOCKET" or (method in _READING and not _is_graphql(path)):
        return None
    if method != "POST":
        return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Send GraphQL as a POST of application/json.")
    media = (headers.only("content-type") or "").split(";")[0].strip().lower()
    if media != "application/json":
        return Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Send the request with the content type application/json.",
        )
    return None


def _is_graphql(path: str) -> bool:
    return path.rstrip("/").endswith("/graphql")


def _host_name(host: str) -> str:
    """Return the name in `name:port` in lower case; empty if it is malformed."""
    found = re.fullmatch(r"(?:\[([0-9a-f:]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?", host.lower())
    return (found[1] or found[2]) if found else ""


def _origin(url: str) -> str:
    """Return the origin as a browser writes it, without a default port."""
    parts = urlsplit(url.lower())
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(default)}"


class Guard:
    """ASGI middleware that refuses foreign requests itself.

    Args:
        app: the web server's application.
        ui_url: see `refusal`.
    """

    def __init__(self, app: App, ui_url: str) -> None:
        self._app = app
        self._ui_url = ui_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        method = scope["method"].upper() if scope["type"] == "http" else "WEBSOCKET"
        refused = refusal(method, scope["path"], Headers(scope["headers"]), self._ui_url)
        if refused is None:
            await self._app(scope, receive, _without_frames(send))
        elif method == "WEBSOCKET":
            await send({"type": "websocket.close", "code": 1008, "reason": refused.reason[:100]})
        else:
            await send(_start(refused.status, {"content-type": "text/plain; charset=utf-8"}))
            await send({"type": "http.response.body", "body": f"{refused.reason}\n".encode()})


def _start(status: int, headers: Mapping[str, str]) -> Message:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def _without_frames(send: Send) -> Send:
    """Forbid other sites to frame the UI: a click on their page would be a click in it."""

    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), _NO_FRAMES]
        await send(message)

    return forward
