"""Detect what is missing although it was there before: files, rows, or other content.

Pure: listing, ledger and counts are arguments. `warehouse/absences.py` stores the events. Loaded
rows always stay, as a listing or a file may be wrong; a person removes them with
`analytics-pipeline close`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.delivery import Place
from analytics_pipeline.ingest.plan import ClassifiedListing
from analytics_pipeline.words import Words, counted, words

LOST_SHARE = 0.5
LEAST_LOST = 2
"""A new version is held if it has no rows, or lacks at least this share of the loaded rows and at
least this number: one person leaving a course of two is no anomaly."""
LEAST_LOST_USD = 1
"""The same share applies to the sum of a file's amounts, if it falls by at least this much."""


class Kind(StrEnum):
    """What is missing."""

    GONE = "gone"
    """A loaded file is no longer in the bucket."""
    SHRUNK = "shrunk"
    """A new version lost all of its rows, or at least half of them, or of its money."""
    REPEATED = "repeated"
    """A file has the bytes, or the rows, of another file of its dataset."""
    MISDATED = "misdated"
    """Half of a file's rows or more are of other days than the one in its name."""
    REVERTED = "reverted"
    """An older warehouse was put in place. It lacks the file, or has an older version of it."""


OF_A_VERSION = (Kind.SHRUNK, Kind.REPEATED, Kind.MISDATED)
"""What can be missing from a version that is delivered."""


@dataclass(frozen=True)
class Absence:
    """Something that is missing from one file.

    Attributes:
        dataset: name of the dataset.
        partition: day, month, course id or `organisation`.
        source_key: key of the file.
        etag: the affected version: the loaded one if the file is gone, the replaced warehouse's if
            it is reverted, else the new one.
        kind: what is missing.
        held: whether the new version is held, so that the previous rows stay.
        detail: the problem, in declared words and numbers only, as it is published.
    """

    dataset: str
    partition: str
    source_key: str
    etag: str
    kind: Kind
    held: bool
    detail: Words

    @property
    def place(self) -> Place:
        """Return the dataset and partition that the file belongs to."""
        return self.dataset, self.partition

    @property
    def remedy(self) -> Words:
        """Return what a person should do."""
        close = Words(
            f"`analytics-pipeline close --dataset {self.dataset} --partition {self.partition}`"
        )
        if self.kind is Kind.GONE:
            return words(
                "If it is deleted permanently, remove its rows with {}; if it is delivered again,"
                " nothing needs to be done.",
                close,
            )
        if self.kind is Kind.REVERTED:
            return words(
                "If the file is still delivered, `analytics-pipeline sync` loads it. If not, put"
                " the replaced warehouse back (docs/operations.md, Backups), or give up the file's"
                " rows with {}.",
                close,
            )
        if self.held:
            return words(
                "If the new version is right, load it with {}; if not, {}.",
                close,
                DATASETS[self.dataset].request,
            )
        return words(
            "It is loaded. If that day or month was not idle, {}; else dismiss this with {}.",
            DATASETS[self.dataset].request,
            close,
        )


class InLedger(Protocol):
    """A loaded file, as recorded in the ledger."""

    @property
    def dataset(self) -> str:
        """Name of the dataset."""

    @property
    def partition(self) -> str:
        """Partition key."""

    @property
    def place(self) -> Place:
        """Dataset and partition."""

    @property
    def source_key(self) -> str:
        """Full key."""

    @property
    def etag(self) -> str:
        """ETag of the loaded version."""

    @property
    def last_modified(self) -> datetime:
        """When Vocareum wrote the loaded version (UTC, naive)."""

    @property
    def rows(self) -> int:
        """Number of loaded rows."""

    @property
    def loaded_at(self) -> datetime:
        """Time of the load (UTC, naive)."""


def gone(
    listing: ClassifiedListing,
    listed: Collection[str],
    listed_at: datetime,
    now: datetime,
    ledger: Iterable[InLedger],
) -> tuple[list[Absence], set[Place]]:
    """Compare a listing with the ledger.

    Args:
        listing: the listing.
        listed: prefixes below `org{org}/` that were listed completely; an empty one means the whole
            organisation. Files outside of them are ignored.
        listed_at: when the listing began (UTC, naive). Files loaded later may not be in it.
        now: UTC, naive. If a load is dated later, a clock was wrong. It counts as earlier than the
            listing.
        ledger: the loaded files.

    Returns:
        Loaded files that are no longer delivered, and the place of every delivered file.
    """
    prefixes = tuple(listing.prefix + prefix for prefix in listed)
    delivered = {delivery.place for delivery in listing.deliveries}
    absent = [
        Absence(
            file.dataset,
            file.partition,
            file.source_key,
            file.etag,
            Kind.GONE,
            held=False,
            detail=words(
                "it is no longer delivered; the warehouse keeps its {}", counted(file.rows, "row")
            ),
        )
        for file in ledger
        if file.place not in delivered
        and file.source_key.startswith(prefixes)
        and not listed_at <= file.loaded_at <= now
    ]
    return absent, delivered


def reverted(
    replaced: Iterable[InLedger], ledger: Iterable[InLedger], source: Words
) -> list[Absence]:
    """Return what a warehouse lacks of the one that it replaced.

    A version is older if Vocareum wrote it earlier and it was also loaded earlier. One time alone
    proves nothing: a hand-written file may go back to an earlier state, and a clock may have been
    wrong.

    Args:
        replaced: ledger of the replaced warehouse.
        ledger: ledger of the warehouse in its place.
        source: the replaced warehouse in words.
    """
    loaded = {file.place: file for file in ledger}
    absent = []
    for file in replaced:
        present = loaded.get(file.place)
        if present is None:
            detail = words(
                "{} has {} of it, and the older one in its place has none",
                source,
                counted(file.rows, "row"),
            )
        elif (
            present.etag != file.etag
            and present.last_modified <= file.last_modified
            and present.loaded_at < file.loaded_at
        ):
            detail = words(
                "{} has a later version of it with {}, and the older one in its place has {:,}",
                source,
                counted(file.rows, "row"),
                present.rows,
            )
        else:
            continue
        absent.append(
            Absence(
                file.dataset,
                file.partition,
                file.source_key,
                file.etag,
                Kind.REVERTED,
                held=False,
                detail=detail,
            )
        )
    return absent


def shrunk(before: int, after: int, *, by_hand: bool = False) -> Words | None:
    """Return why a version may not replace the loaded one; None if it may.

    Args:
        before: number of loaded rows.
        after: number of rows of the new version.
        by_hand: whether it is a hand-written file, whose author may remove rows on purpose, but not
            all.
    """
    lost = before - after
    if before and not after:
        return words(
            "the new version has no rows to load; the warehouse keeps its {}",
            counted(before, "row"),
        )
    if not by_hand and lost >= LEAST_LOST and lost >= LOST_SHARE * before:
        return words(
            "the new version has {}; the warehouse keeps its {:,}: half of them or more are gone",
            counted(after, "row"),
            before,
        )
    return None


def lost_money(before: Decimal, after: Decimal) -> Words | None:
    """Return why a version may not replace the loaded one; None if it may.

    Args:
        before: sum of the loaded amounts, in US dollars.
        after: sum of the new version's.
    """
    lost = before - after
    if before <= 0 or lost < LEAST_LOST_USD or lost < Decimal(LOST_SHARE) * before:
        return None
    return words(
        "the new version's amounts add up to {:,.2f} USD; the warehouse keeps its {:,.2f}: half of"
        " it or more is gone",
        float(after),
        float(before),
    )


def repeated(what: Words, partition: Words) -> Words:
    """Return the problem of a file that has the bytes, or the rows, of another one's partition."""
    return words("it has the same {} as the file of {}: one of them may be a copy", what, partition)


def misdated(rows: int, elsewhere: int) -> Words | None:
    """Return why a day's file may not be loaded; None if it may.

    Args:
        rows: number of rows.
        elsewhere: number of those that last neither on that day nor on the day before or after.
    """
    if not elsewhere or elsewhere < LOST_SHARE * rows:
        return None
    return words(
        "of its {}, {:,} lie more than a day away from the day in its name: it may be another"
        " day's file",
        counted(rows, "row"),
        elsewhere,
    )
