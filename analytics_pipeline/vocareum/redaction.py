"""Hide secrets in text that is shown, logged or stored.

Secrets are hidden in decoded text: JSON may write `/` in a token as `\\/`, which a replacement in
the raw bytes would miss. Code that obtains a secret registers it. Every `VocareumError` hides all
registered secrets in its text.
"""

import html
import json
from functools import lru_cache
from urllib.parse import quote

HIDDEN = "[hidden]"
_SHORTEST = 8  # characters; a shorter secret would hide ordinary words
_MOST_WORDS = 200  # characters quoted of somebody else's text

_KEPT = 200  # secrets: the token, and hourly credentials of four days

_secrets: dict[str, None] = {}


def register(*secrets: str) -> None:
    """Register secrets to hide from now on. The 200 most recent are kept."""
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            _secrets.pop(secret, None)
            _secrets[secret] = None
    for oldest in list(_secrets)[:-_KEPT]:
        del _secrets[oldest]


def hide(text: str) -> str:
    """Replace each registered secret in the text, in each usual spelling."""
    for secret in list(_secrets):
        for spelling in _spellings(secret):
            text = text.replace(spelling, HIDDEN)
    return text


def vendor_words(text: str, *, cut: bool = False) -> str:
    """Return the start of a sender's text on one line, for a message.

    Args:
        text: decoded text.
        cut: whether the text was truncated, perhaps inside a secret. Then as many characters as the
            longest spelling has are removed from its end.
    """
    longest = max(
        (len(spelling) for secret in list(_secrets) for spelling in _spellings(secret)), default=0
    )
    redacted = hide(text)
    return " ".join((redacted[:-longest] if cut and longest else redacted).split())[:_MOST_WORDS]


@lru_cache(maxsize=_KEPT)
def _spellings(secret: str) -> tuple[str, ...]:
    """Return the secret's spellings (plain, JSON, URL, HTML), longest first."""
    in_json = json.dumps(secret)[1:-1]
    spellings = {
        secret,
        in_json,
        in_json.replace("/", "\\/"),
        quote(secret),
        quote(secret, safe=""),
        html.escape(secret),
    }
    return tuple(sorted(spellings, key=len, reverse=True))
