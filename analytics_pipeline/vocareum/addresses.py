"""Which addresses may be sent a secret: HTTPS anywhere, plain HTTP on this machine only.

Pure functions over URLs; whoever sends something asks here first.
"""

import ipaddress
from urllib.parse import urlsplit

from analytics_pipeline.vocareum.errors import UnsafeAddress


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine by its literal name or address (no look-up is made)."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_safe(url: str, variable: str) -> str:
    """Return the URL without a trailing slash if it is HTTPS, or HTTP to loopback.

    Args:
        url: an absolute URL.
        variable: the environment variable it came from, for the error's text.

    Raises:
        UnsafeAddress: for any other URL, or one that carries a user name.
    """
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and parts.username is None and (parts.port or 1) > 0
        safe = valid and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))
    except ValueError:  # a port that is no number, a broken IPv6 address
        safe = False
    if not safe:
        raise UnsafeAddress(
            f"The address in {variable} is not one that secrets may be sent to.",
            f"Set {variable} to a URL that begins with https:// (http:// only for this machine itself).",
        )
    return url.rstrip("/")
