"""Events about missing deliveries: recorded when seen, closed by a later delivery or by a person.

`ingest/absence.py` decides what counts as missing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from analytics_pipeline.ingest.absence import Absence, Kind, gone
from analytics_pipeline.ingest.delivery import Place
from analytics_pipeline.ingest.plan import ClassifiedListing
from analytics_pipeline.warehouse.ledger import LoadedFile, failed_files, loaded_files
from analytics_pipeline.warehouse.transactions import write
from analytics_pipeline.words import Words


@dataclass(frozen=True)
class OpenAbsence(Absence):
    """An event that is not closed."""

    first_seen: datetime


def open_absences(
    connection: duckdb.DuckDBPyConnection, dataset: str | None = None, partition: str | None = None
) -> list[OpenAbsence]:
    """Return the open events of a dataset or partition, or of all."""
    rows = connection.execute(
        """SELECT dataset, partition, source_key, etag, kind, held, detail, first_seen
           FROM ops.absences
           WHERE closed_at IS NULL AND (dataset = $1 OR $1 IS NULL)
           AND (partition = $2 OR $2 IS NULL)
           ORDER BY dataset, partition, kind""",
        [dataset, partition],
    ).fetchall()
    return [
        OpenAbsence(name, place, key, etag, Kind(kind), held, Words(detail), first_seen)
        for name, place, key, etag, kind, held, detail, first_seen in rows
    ]


def is_damage(absence: Absence) -> bool:
    """Return whether an event needs a person's decision.

    A copy that was loaded may be the file of an idle day.
    """
    return absence.held or absence.kind in (Kind.GONE, Kind.REVERTED)


def held_versions(absences: Iterable[Absence]) -> set[tuple[str, str]]:
    """Return (partition, ETag) of the held versions."""
    return {(absence.partition, absence.etag) for absence in absences if absence.held}


def compared(
    known: Iterable[OpenAbsence],
    listing: ClassifiedListing,
    ledger: Iterable[LoadedFile],
    listed_at: datetime,
    now: datetime,
) -> list[OpenAbsence]:
    """Return the events that `record_listing` would leave open. Writes nothing.

    Args:
        known: the open events.
        listing: the listing.
        ledger: the loaded files.
        listed_at: when the listing began (UTC, naive); the first time of new events.
        now: UTC, naive.
    """
    ledger, known = list(ledger), list(known)
    absent, _ = gone(listing, [""], listed_at, now, ledger)
    ended = set(_ended(known, listing, ledger))
    still_open = [event for event in known if event not in ended]
    recorded = {event.place for event in still_open if event.kind is Kind.GONE}
    fresh = [
        OpenAbsence(**vars(absence), first_seen=listed_at)
        for absence in absent
        if absence.place not in recorded
    ]
    return sorted([*still_open, *fresh], key=lambda event: (event.place, event.kind))


def record_listing(
    connection: duckdb.DuckDBPyConnection,
    listing: ClassifiedListing,
    listed: Collection[str],
    listed_at: datetime,
    now: datetime,
) -> None:
    """Record loaded files that a listing lacks, and close the events that it ends.

    A failed file that never loaded and is no longer delivered is forgotten, with its rejects:
    nothing is left to load.

    Args:
        connection: the live warehouse.
        listing: the listing.
        listed: prefixes below `org{org}/` that were listed completely.
        listed_at: when the listing began (UTC, naive).
        now: UTC, naive.
    """

    def compare() -> None:
        loaded = loaded_files(connection)
        absent, delivered = gone(listing, listed, listed_at, now, loaded)
        present = {*delivered} | {file.place for file in loaded}
        _forget_withdrawn(connection, listing, listed, listed_at, now, present)
        known = open_absences(connection)
        missed = {event.place for event in known if event.kind is Kind.GONE}
        fresh = [absence for absence in absent if absence.place not in missed]
        for event in _ended(known, listing, loaded):
            # A listing that waited for the writer's lock may be older than the event. If the event
            # is dated after now, a clock was wrong.
            if not listed_at < event.first_seen <= now:
                close_absences(connection, [event.place], now, "delivered", [event.kind])
        record_absences(connection, fresh, now)

    write(connection, compare)


def _ended(
    known: Iterable[OpenAbsence], listing: ClassifiedListing, loaded: Iterable[LoadedFile]
) -> list[OpenAbsence]:
    """Return the events that a listing ends.

    A file that was gone is delivered again, or the version that an older warehouse has of a file is
    the delivered one.
    """
    delivered = {delivery.place: delivery.version for delivery in listing.deliveries}
    versions = {file.place: file.version for file in loaded}

    def is_ended(event: OpenAbsence) -> bool:
        return event.place in delivered and (
            event.kind is Kind.GONE
            or (event.kind is Kind.REVERTED and delivered[event.place] == versions.get(event.place))
        )

    return [event for event in known if is_ended(event)]


def _forget_withdrawn(
    connection: duckdb.DuckDBPyConnection,
    listing: ClassifiedListing,
    listed: Collection[str],
    listed_at: datetime,
    now: datetime,
    present: Collection[Place],
) -> None:
    """Forget failed files that never loaded and are no longer delivered."""
    prefixes = tuple(listing.prefix + prefix for prefix in listed)
    withdrawn = [
        file.place
        for file in failed_files(connection)
        if file.place not in present
        and file.source_key.startswith(prefixes)
        and not listed_at <= file.failed_at <= now
    ]
    if withdrawn:
        for table in ("ops.failed_files", "quarantine.rejects"):
            connection.executemany(
                f"DELETE FROM {table} WHERE (dataset, partition) = (?, ?)", withdrawn
            )


def record_absences(
    connection: duckdb.DuckDBPyConnection, absences: Iterable[Absence], now: datetime
) -> None:
    """Record events as open.

    A known event keeps its first time; one about another version of the file is superseded.
    """
    for absence in absences:
        place = [*absence.place, absence.kind.value]
        connection.execute(
            """UPDATE ops.absences SET closed_at = ?, closed_by = 'superseded'
               WHERE closed_at IS NULL AND (dataset, partition, kind) = (?, ?, ?) AND etag <> ?""",
            [now, *place, absence.etag],
        )
        connection.execute(
            """INSERT INTO ops.absences BY NAME
               SELECT $dataset AS dataset, $partition AS partition, $source_key AS source_key,
                 $etag AS etag, $kind AS kind,
                      $held AS held, $detail AS detail, $now AS first_seen
               WHERE NOT EXISTS (SELECT 1 FROM ops.absences WHERE closed_at IS NULL
                                 AND (dataset, partition, kind) = ($dataset, $partition, $kind))""",
            {
                **{name: getattr(absence, name) for name in Absence.__dataclass_fields__},
                "kind": absence.kind.value,
                "now": now,
            },
        )


def close_absences(
    connection: duckdb.DuckDBPyConnection,
    places: Iterable[Place],
    now: datetime,
    closed_by: str,
    kinds: Sequence[Kind] = tuple(Kind),
) -> None:
    """Close the open events of some (dataset, partition), inside the caller's transaction."""
    for dataset, partition in places:
        connection.execute(
            """UPDATE ops.absences SET closed_at = ?, closed_by = ?
               WHERE closed_at IS NULL AND (dataset, partition) = (?, ?)
                 AND list_contains(?, kind)""",
            [now, closed_by, dataset, partition, [kind.value for kind in kinds]],
        )


def supersede_repeats(
    connection: duckdb.DuckDBPyConnection, dataset: str, partition: str, now: datetime
) -> None:
    """Close events of copies that a later file of the dataset followed: the feed is alive."""
    connection.execute(
        """UPDATE ops.absences SET closed_at = ?, closed_by = 'superseded'
           WHERE closed_at IS NULL AND kind = 'repeated' AND NOT held AND dataset = ?
           AND partition < ?""",
        [now, dataset, partition],
    )
