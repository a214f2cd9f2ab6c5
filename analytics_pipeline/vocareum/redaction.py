"""The one place that hides secrets in texts that are said, logged or kept.

Secrets are hidden in decoded text: a token with `/` is echoed as `\\/` in JSON, and replacing bytes before they are decoded
misses it. Whoever holds a secret registers it; every `VocareumError` hides what is registered, whoever wrote its text.
"""

import html
import json
from functools import lru_cache
from urllib.parse import quote

HIDDEN = "[hidden]"
_SHORTEST = 8  # a shorter secret would take words out of every text
_MOST_WORDS = 200  # characters that are quoted of somebody else's text

_KEPT = 200  # secrets: a token, and hourly credentials of four days

_secrets: dict[str, None] = {}


def register(*secrets: str) -> None:
    """Have these secrets hidden from here on, until 200 others were registered later."""
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            _secrets.pop(secret, None)
            _secrets[secret] = None
    for oldest in list(_secrets)[:-_KEPT]:
        del _secrets[oldest]


def hide(text: str) -> str:
    """Return the text with each registered secret, in each usual spelling, replaced."""
    for secret in list(_secrets):
        for spelling in _spellings(secret):
            text = text.replace(spelling, HIDDEN)
    return text


def vendor_words(text: str, *, cut: bool = False) -> str:
    """Return the beginning of a sender's text in one line, for a message.

    Args:
        text: decoded.
        cut: whether the text breaks off, perhaps within a secret: then as much as the longest spelling is left out at its end.
    """
    longest = max((len(spelling) for secret in list(_secrets) for spelling in _spellings(secret)), default=0)
    whole = hide(text)
    return " ".join((whole[:-longest] if cut and longest else whole).split())[:_MOST_WORDS]


@lru_cache(maxsize=_KEPT)
def _spellings(secret: str) -> tuple[str, ...]:
    """The secret as it is, in JSON, in a URL and in HTML; the longest first, so that no rest of one stays."""
    in_json = json.dumps(secret)[1:-1]
    found = {secret, in_json, in_json.replace("/", "\\/"), quote(secret), quote(secret, safe=""), html.escape(secret)}
    return tuple(sorted(found, key=len, reverse=True))
