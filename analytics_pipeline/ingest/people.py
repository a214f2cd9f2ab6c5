"""The people to remove from deliveries, and the detection of texts about them.

The warehouse keeps an erased person's id and salted hashes of their emails. Emails are guessable,
so hashes hide them from readers of a file, but not from somebody who has the warehouse and tries
addresses.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from analytics_pipeline.datasets.cells import BLANKS, whole_number

ERASED = "[erased]"
"""Replaces an erased person's email in other people's texts. Has no character that CSV or JSON
would escape."""

_BETWEEN_CELLS = re.compile(r'[,"\r\n]')
_ADDRESS = re.compile(r"[^\s@,;:<>\"()\[\]{}|=\\]+@[\w-]+(?:\.[\w-]+)*")
_BEFORE_ADDRESS = ".'`*_+-"
"""Punctuation that may precede an address in prose."""


def hashed(email: str, salt: str) -> str:
    """Return the salted hash of an email, case-insensitively."""
    return hmac.digest(
        salt.encode(), email.strip(BLANKS).lower().encode("utf-8", "surrogateescape"), "sha256"
    ).hex()


@dataclass(frozen=True)
class People:
    """People to remove.

    Attributes:
        ids: their Vocareum ids.
        emails: their known emails.
        hashes: salted hashes of further emails.
        salt: salt of the hashes.
    """

    ids: frozenset[int] = frozenset()
    emails: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()
    salt: str = ""

    def __bool__(self) -> bool:
        return bool(self.ids)

    def with_addresses(self, addresses: Iterable[str | None]) -> "People":
        """Return the same people with additional addresses; texts without an @ are ignored."""
        emails = {address.strip(BLANKS) for address in addresses if address and "@" in address}
        return replace(self, emails=self.emails | emails)

    def recognising(self, text: str) -> "People":
        """Return the same people with the emails of a text that match their hashes."""
        if not self.hashes or "@" not in text:
            return self
        addresses = set(_ADDRESS.findall(text))
        addresses |= {address.lstrip(_BEFORE_ADDRESS) for address in addresses}
        return self.with_addresses(
            address for address in addresses if hashed(address, self.salt) in self.hashes
        )

    def in_text(self, text: str) -> bool:
        """Return whether an untrusted record holds one of their ids as a cell, or an email."""
        return self.has_id(text) or bool(self._emails and self._emails.search(text))

    def has_id(self, text: str) -> bool:
        """Return whether any cell of a text equals one of their ids."""
        return any(whole_number(cell) in self.ids for cell in _BETWEEN_CELLS.split(text))

    def without_emails(self, text: str, *, distinct: bool) -> str:
        """Return a text with ERASED in place of their emails.

        Args:
            text: any text.
            distinct: whether different emails remain different, as in `[erased 5f0c21d9]`.
        """
        if not self._emails:
            return text
        return self._emails.sub(
            lambda found: self._stand_in(found[0]) if distinct else ERASED, text
        )

    def lines_with_emails(self, text: str) -> list[int]:
        """Return the lines of a text, from 1, on which their emails begin."""
        found = self._emails.finditer(text) if self._emails else ()
        return sorted({text.count("\n", 0, match.start()) + 1 for match in found})

    def _stand_in(self, email: str) -> str:
        # Not the stored hash: it must not lead to the person's id in ops.erased.
        digest = hmac.digest(
            self.salt.encode(), b"stand-in " + email.encode("utf-8", "surrogateescape"), "sha256"
        )
        return f"{ERASED[:-1]} {digest.hex()[:8]}{ERASED[-1]}"

    def in_bytes(self, content: bytes) -> bool:
        """Return whether a file may concern them.

        False is certain for text, not for compressed data or UTF-16.
        """
        text = content.decode("utf-8", "surrogateescape").lower()
        return any(sign in text for sign in [*map(str, self.ids), *map(str.lower, self.emails)])

    @cached_property
    def _emails(self) -> re.Pattern[str] | None:
        # x@y.org is not x@y, but "x@y." is x@y at the end of a sentence.
        any_of = "|".join(map(re.escape, sorted(self.emails, key=len, reverse=True)))
        return (
            re.compile(rf"(?<![\w.+-])(?:{any_of})(?![\w-]|\.\w)", re.IGNORECASE)
            if any_of
            else None
        )
