"""Plan the work: the bucket's listing minus the ledger.

Pure, except for `list_deliveries`. `vocareum/` fetches the files, `read_batch.py` reads them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol

from analytics_pipeline.datasets import FEED, Cadence, Dataset, Partition, classify
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.ingest.delivery import Delivery, Listed, Place, Version
from analytics_pipeline.ingest.left_out import LeftOut, LoadedRange, out_of_range, superseded

Loaded = Mapping[Place, Version]
"""Loaded versions according to the ledger."""


@dataclass(frozen=True)
class Plan:
    """Result of comparing a listing with the ledger.

    Attributes:
        new: never loaded.
        changed: loaded in another version.
        unchanged: loaded in this version.
        left_out: recognised files that are not loaded, selected or not. Files outside the
            partitions are also in `new` or `changed`.
        unknown: keys that match no dataset.
        is_empty_bucket: whether the bucket holds no file of the organisation that is recognised,
            selected or not.
    """

    new: tuple[Delivery, ...] = ()
    changed: tuple[Delivery, ...] = ()
    unchanged: tuple[Delivery, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unknown: tuple[str, ...] = ()
    is_empty_bucket: bool = False

    @property
    def work(self) -> tuple[Delivery, ...]:
        """Return the deliveries to fetch and load."""
        return self.new + self.changed

    @property
    def delivered(self) -> tuple[Delivery, ...]:
        """Return every recognised delivery, one per partition."""
        return self.new + self.changed + self.unchanged

    def only(self, included: Callable[[Delivery], bool]) -> "Plan":
        """Return the plan for some of the deliveries."""
        new, changed, unchanged = (
            tuple(filter(included, part)) for part in (self.new, self.changed, self.unchanged)
        )
        return replace(self, new=new, changed=changed, unchanged=unchanged)


@dataclass(frozen=True)
class ClassifiedListing:
    """A listing sorted by dataset.

    Attributes:
        prefix: `org{org}/`.
        deliveries: the newest file of each partition.
        superseded: files whose partition has a newer file (a padded and an unpadded name).
        unknown: keys that match no dataset.
    """

    prefix: str
    deliveries: tuple[Delivery, ...]
    superseded: tuple[Delivery, ...] = ()
    unknown: tuple[str, ...] = ()


class AnotherOrganisation(PipelineError):
    """The warehouse belongs to another organisation; mixing two would make all numbers wrong.

    Args:
        holds: organisation whose files the warehouse holds, such as `org9001`.
        asked: organisation that the settings name, in the same form.
    """

    def __init__(self, holds: str, asked: str) -> None:
        super().__init__(
            f"This warehouse holds the files of {holds}, but the settings name {asked}.",
            "Set ANALYTICS_DATA_DIR to another folder for the other organisation, or correct"
            " VOCAREUM_ORG_ID.",
        )


@dataclass(frozen=True)
class Selection:
    """The part of the delivered files that a run is limited to; by default everything."""

    datasets: frozenset[str] = field(default_factory=frozenset)
    since: date | None = None
    until: date | None = None

    def __contains__(self, delivery: Delivery) -> bool:
        return self.covers(delivery.dataset, delivery.partition)

    def covers(self, dataset: Dataset, partition: Partition) -> bool:
        """Return whether a file of this dataset and partition is selected."""
        start = partition.start
        if self.datasets and dataset.name not in self.datasets:
            return False
        if start is None:
            return True
        monthly = dataset.cadence is Cadence.MONTHLY
        # A month is selected if any of its days is.
        since = self.since.replace(day=1) if self.since and monthly else self.since
        return (self.until is None or start <= self.until) and (since is None or start >= since)


class Source(Protocol):
    """What can be listed: a bucket, with or without the hand-written files."""

    @property
    def prefix(self) -> str:
        """`org{org}/`, the start of every key."""

    def list(self, under: str = "") -> Iterable[Listed]:
        """List the objects whose keys begin with the prefix and `under`."""


def list_deliveries(source: Source, prefixes: Iterable[str] = ("",)) -> ClassifiedListing:
    """List a source, and sort the result by dataset and partition.

    Args:
        source: the bucket.
        prefixes: prefixes below `org{org}/` to list; by default everything.

    Raises:
        VocareumError: the source can't be listed.
    """
    objects = (found for prefix in prefixes for found in source.list(prefix))
    return classify_listing(objects, source.prefix)


def classify_listing(objects: Iterable[Listed], prefix: str) -> ClassifiedListing:
    """Sort a bucket's listing by dataset and partition.

    Args:
        objects: the listed objects, in any order.
        prefix: `org{org}/`, the start of every key.
    """
    newest: dict[Place, Delivery] = {}
    older, unknown = [], []
    for listed in sorted(objects, key=lambda found: (found.last_modified, found.key)):
        match = classify(listed.key.removeprefix(prefix)) if listed.key.startswith(prefix) else None
        if match is None:
            if not listed.key.endswith("/"):  # a folder marker created in the S3 console
                unknown.append(listed.key)
            continue
        dataset, partition = match
        delivery = Delivery(
            dataset, partition, listed.key, listed.etag, listed.size, listed.last_modified
        )
        if replaced := newest.get(delivery.place):
            older.append(replaced)
        newest[delivery.place] = delivery
    return ClassifiedListing(prefix, tuple(newest.values()), tuple(older), tuple(unknown))


def plan(
    listing: ClassifiedListing,
    loaded: Loaded,
    selection: Selection = Selection(),
    within: LoadedRange | None = None,
) -> Plan:
    """Compare the delivered versions with the loaded ones.

    Args:
        listing: the listing.
        loaded: the loaded versions.
        selection: what to plan. `left_out` ignores it and covers the whole listing.
        within: the days and months that are loaded; None if that does not matter.

    Raises:
        AnotherOrganisation: ledger and listing belong to different organisations.
    """
    for key, _, _ in loaded.values():
        if not key.startswith(listing.prefix):
            raise AnotherOrganisation(key.split("/")[0], listing.prefix[:-1])
    new: list[Delivery] = []
    changed: list[Delivery] = []
    unchanged: list[Delivery] = []
    for delivery in listing.deliveries:
        if delivery not in selection:
            continue
        version = loaded.get(delivery.place)
        kind = new if version is None else unchanged if version == delivery.version else changed
        kind.append(delivery)
    is_empty = not any(delivery.dataset.name in FEED for delivery in listing.deliveries)
    plans = (tuple(new), tuple(changed), tuple(unchanged))
    left_out = tuple(_left_out(listing, loaded, within))
    return Plan(*plans, left_out, listing.unknown, is_empty)


def _left_out(
    listing: ClassifiedListing, loaded: Loaded, within: LoadedRange | None
) -> Iterator[LeftOut]:
    newest = {delivery.place: delivery for delivery in listing.deliveries}
    yield from (superseded(older, newest[older.place]) for older in listing.superseded)
    for place, delivery in newest.items():
        found = out_of_range(delivery, within) if within else None
        if found and loaded.get(place) != delivery.version:
            yield found
