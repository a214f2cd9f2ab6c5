"""What is missing from a delivery although it was there before: files that are gone, rows that are gone, copies.

Pure: the listing, the ledger and the counts are arguments. Events are kept by `warehouse/absences.py`. The rows that are
loaded always stay, as a listing or a file may be wrong; a person ends them with `analytics-pipeline close`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from analytics_pipeline.ingest.plan import ClassifiedListing
from analytics_pipeline.words import Words, words

LOST_SHARE = 0.5
LEAST_LOST = 2
"""A new version is held back if it has no rows, or lacks this share of the loaded rows and at least so many: one person
who leaves a course of two is no damage."""


class Kind(StrEnum):
    """What is missing."""

    GONE = "gone"
    """A loaded file is not in the bucket any more."""
    SHRUNK = "shrunk"
    """A new version lost all of its rows, or half of them or more."""
    REPEATED = "repeated"
    """A file has the bytes of another file of its dataset."""


@dataclass(frozen=True)
class Absence:
    """Something that is missing from one file.

    Attributes:
        dataset: name of the dataset.
        partition: day, month, course id or `organisation`.
        source_key: key of the file.
        etag: the version concerned: the loaded one of a file that is gone, else the new one.
        kind: what is missing.
        held: whether the new version is held back, so that the rows it had before stay.
        detail: what is wrong, in declared words and numbers alone: it is published.
    """

    dataset: str
    partition: str
    source_key: str
    etag: str
    kind: Kind
    held: bool
    detail: Words

    @property
    def remedy(self) -> Words:
        """What a person should do."""
        close = Words(f"`analytics-pipeline close --dataset {self.dataset} --partition {self.partition}`")
        if self.kind is Kind.GONE:
            return words(
                "If it is deleted for good, end its rows with {}; if it is delivered again, nothing is to be done.",
                close,
            )
        if self.held:
            return words(
                "If the new version is right, load it with {}; if not, ask Vocareum for the file again.", close
            )
        return words(
            "It is loaded. If that day or month was not idle, ask Vocareum for the file again; else dismiss this with {}.",
            close,
        )


class InLedger(Protocol):
    """A loaded file, as the ledger has it."""

    @property
    def dataset(self) -> str:
        """Name of the dataset."""

    @property
    def partition(self) -> str:
        """Its place in the dataset."""

    @property
    def source_key(self) -> str:
        """Whole key."""

    @property
    def etag(self) -> str:
        """Version that is loaded."""

    @property
    def rows(self) -> int:
        """Rows that are loaded."""

    @property
    def loaded_at(self) -> datetime:
        """When (UTC, naive)."""


def gone(
    listing: ClassifiedListing, listed: Collection[str], listed_at: datetime, ledger: Iterable[InLedger]
) -> tuple[list[Absence], set[tuple[str, str]]]:
    """Compare a listing with the ledger.

    Args:
        listing: the listing.
        listed: prefixes below `org{org}/` that were listed completely; an empty one is the whole organisation. A file under
            no such prefix is not judged.
        listed_at: when the listing began (UTC, naive). What was loaded later may not be in it.
        ledger: the loaded files.

    Returns:
        Loaded files that are not delivered any more, and the (dataset, partition) of all that is delivered.
    """
    prefixes = tuple(listing.prefix + one for one in listed)
    delivered = {(one.dataset.name, one.partition.key) for one in listing.deliveries}
    absent = [
        Absence(
            file.dataset,
            file.partition,
            file.source_key,
            file.etag,
            Kind.GONE,
            held=False,
            detail=words("it is no longer delivered; its {:,} rows are kept", file.rows),
        )
        for file in ledger
        if (file.dataset, file.partition) not in delivered
        and file.source_key.startswith(prefixes)
        and file.loaded_at < listed_at
    ]
    return absent, delivered


def shrunk(before: int, after: int) -> Words | None:
    """Return why a new version with `after` rows may not replace `before` loaded ones; None if it may."""
    lost = before - after
    if before and not after:
        return words("the new version has no rows to load and {:,} are loaded, which are kept", before)
    if lost >= LEAST_LOST and lost >= LOST_SHARE * before:
        return words(
            "the new version has {:,} rows and {:,} are loaded, which are kept: it lost half of them or more",
            after,
            before,
        )
    return None


def repeated(partition: Words) -> Words:
    """Return what is wrong with a file that has the bytes of another one."""
    return words("it has the same bytes as the file of {}: one of them may be a copy", partition)
