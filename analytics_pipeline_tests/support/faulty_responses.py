"""Responses of misbehaving servers; `serve` in conftest.py starts them."""

from http.server import BaseHTTPRequestHandler


def answer(
    handler: BaseHTTPRequestHandler,
    body: bytes = b"",
    status: int = 200,
    *,
    announced: int | None = None,
    **headers: str,
) -> None:
    """Send a response whose Content-Length may be wrong, then close the connection."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if announced is None else announced))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True
