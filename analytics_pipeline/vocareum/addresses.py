"""Which addresses may receive a secret: HTTPS anywhere, plain HTTP only on this machine.

Pure functions over URLs. Every sender calls them first.
"""

import ipaddress
from urllib.parse import urlsplit

from analytics_pipeline.vocareum.errors import UnsafeAddress


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is literally this machine, without a DNS lookup."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_safe(url: str, variable: str) -> str:
    """Return the URL without a trailing slash, if it is HTTPS, or HTTP to loopback.

    Args:
        url: an absolute URL.
        variable: the environment variable that holds it, for the message.

    Raises:
        UnsafeAddress: any other URL, or one with a user name.
    """
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and parts.username is None and (parts.port or 1) > 0
        safe = valid and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))
    except ValueError:  # a port that is no number, a broken IPv6 address
        safe = False
    if not safe:
        raise UnsafeAddress(
            f"The address in {variable} is not safe for secrets.",
            f"Set {variable} to a URL that begins with https:// (http:// is allowed only for this"
            " machine).",
        )
    return url.rstrip("/")
