"""Events about missing deliveries: recorded when seen, closed by a later delivery or by a person.

`ingest/absence.py` decides what counts as missing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.absence import Absence, Kind, gone
from analytics_pipeline.ingest.plan import ClassifiedListing
from analytics_pipeline.warehouse import checks
from analytics_pipeline.warehouse.ledger import LoadedFile, failed_files, loaded_files
from analytics_pipeline.warehouse.tables import history_table
from analytics_pipeline.warehouse.transactions import changed, transaction
from analytics_pipeline.words import Words

LOST = "nothing_lost"
"""Name of the check that reports absences."""
NAMED = 20
"""Maximum number of files that a message names."""


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
    return absence.held or absence.kind is Kind.GONE


def held_versions(absences: Iterable[Absence]) -> set[tuple[str, str]]:
    """Return (partition, ETag) of the held versions."""
    return {(absence.partition, absence.etag) for absence in absences if absence.held}


def lost_check(dataset: Dataset, absences: Sequence[Absence]) -> checks.Check:
    """Return the verdict on a dataset: which files are gone, held or copies, and the remedy."""
    named = [f"{absence.source_key}: {absence.detail}." for absence in absences[:NAMED]]
    if len(absences) > NAMED:
        named.append(f"... and {len(absences) - NAMED:,} more, see ops.absences.")
    return checks.Check(
        name=LOST,
        subject=dataset.table,
        kind=checks.Kind.FEED,
        severity=(
            checks.Severity.WARN
            if absences and not any(map(is_damage, absences))
            else checks.Severity.ERROR
        ),
        passed=not absences,
        violations=None,
        text="\n".join(named)
        or "Everything that was loaded is still delivered, and no version lost its rows.",
        remedy="\n".join(dict.fromkeys(absence.remedy for absence in absences[:NAMED])),
    )


def record_lost_check(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Record the absences in `ops.checks`, except held versions, which are failed files."""
    checks.record(connection, checks.Kind.FEED, lost_checks(open_absences(connection)), now)


def lost_checks(absences: Iterable[OpenAbsence]) -> list[checks.Check]:
    """Return the verdict on every dataset, without held versions, which are failed files."""
    reported = [absence for absence in absences if not absence.held]
    return [
        lost_check(dataset, [absence for absence in reported if absence.dataset == name])
        for name, dataset in DATASETS.items()
    ]


def compared(
    known: Iterable[OpenAbsence],
    listing: ClassifiedListing,
    ledger: Iterable[LoadedFile],
    listed_at: datetime,
) -> list[OpenAbsence]:
    """Return the events that `record_listing` would leave open. Writes nothing.

    Args:
        known: the open events.
        listing: the listing.
        ledger: the loaded files.
        listed_at: when the listing began (UTC, naive); the first time of new events.
    """
    absent, delivered = gone(listing, [""], listed_at, ledger)
    still = [
        event
        for event in known
        if event.kind is not Kind.GONE or (event.dataset, event.partition) not in delivered
    ]
    recorded = {(event.dataset, event.partition) for event in still if event.kind is Kind.GONE}
    fresh = [
        OpenAbsence(**vars(absence), first_seen=listed_at)
        for absence in absent
        if (absence.dataset, absence.partition) not in recorded
    ]
    return sorted([*still, *fresh], key=lambda event: (event.dataset, event.partition, event.kind))


def record_listing(
    connection: duckdb.DuckDBPyConnection,
    listing: ClassifiedListing,
    listed: Collection[str],
    listed_at: datetime,
    now: datetime,
) -> None:
    """Record loaded files that a listing lacks, and close the events of returned files.

    A failed file that never loaded and is no longer delivered is forgotten, with its rejects:
    nothing is left to load.

    Args:
        connection: the live warehouse.
        listing: the listing.
        listed: prefixes below `org{org}/` that were listed completely.
        listed_at: when the listing began (UTC, naive).
        now: UTC, naive.
    """
    loaded = loaded_files(connection)
    absent, delivered = gone(listing, listed, listed_at, loaded)
    there = delivered | {(file.dataset, file.partition) for file in loaded}
    prefixes = tuple(listing.prefix + prefix for prefix in listed)
    withdrawn = [
        [file.dataset, file.partition]
        for file in failed_files(connection)
        if (file.dataset, file.partition) not in there
        and file.source_key.startswith(prefixes)
        and file.failed_at < listed_at
    ]
    if withdrawn:
        with transaction(connection):
            for table in ("ops.failed_files", "quarantine.rejects"):
                connection.executemany(
                    f"DELETE FROM {table} WHERE (dataset, partition) = (?, ?)", withdrawn
                )
    known = {
        (event.dataset, event.partition)
        for event in open_absences(connection)
        if event.kind is Kind.GONE
    }
    fresh = [absence for absence in absent if (absence.dataset, absence.partition) not in known]
    returned = known & delivered
    if fresh or returned:
        with transaction(connection):
            close_absences(connection, returned, now, "delivered", [Kind.GONE])
            record_absences(connection, fresh, now)


def record_absences(
    connection: duckdb.DuckDBPyConnection, absences: Iterable[Absence], now: datetime
) -> None:
    """Record events as open.

    A known event keeps its first time; one about another version of the file is superseded.
    """
    for absence in absences:
        place = [absence.dataset, absence.partition, absence.kind.value]
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
    places: Iterable[tuple[str, str]],
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


@dataclass(frozen=True)
class ClosedFile:
    """Counts of a closed file: removed rows and rejects, ended states of its history."""

    rows: int
    rejects: int
    states: int


def close_file(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    absence: OpenAbsence,
    now: datetime,
    *,
    dry_run: bool = False,
) -> ClosedFile:
    """Close a file that is gone: remove it from raw, quarantine and ledger; end its states.

    A state ends when the file was first missed, or when it began if that is later. If the file is
    delivered again, it is loaded as a new one.

    Args:
        connection: the live warehouse, with no transaction open.
        dataset: dataset of the file.
        absence: the open event.
        now: UTC, naive.
        dry_run: count, then roll back.
    """
    place = [absence.dataset, absence.partition]
    connection.begin()
    try:
        rows = changed(
            connection, f"DELETE FROM {dataset.table} WHERE _source_key = ?", [absence.source_key]
        )
        states = 0
        if dataset.keeps_history:
            states = changed(
                connection,
                f"""UPDATE {history_table(dataset).name} SET valid_to = greatest(valid_from, ?)
                    WHERE _source_key = ? AND valid_to IS NULL""",
                [absence.first_seen, absence.source_key],
            )
        rejects = changed(
            connection, "DELETE FROM quarantine.rejects WHERE (dataset, partition) = (?, ?)", place
        )
        for table in ("ops.findings", "ops.failed_files", "ops.loaded_files"):
            connection.execute(f"DELETE FROM {table} WHERE (dataset, partition) = (?, ?)", place)
        close_absences(connection, [(absence.dataset, absence.partition)], now, "close")
    except BaseException:
        connection.rollback()
        raise
    if dry_run:
        connection.rollback()
    else:
        connection.commit()
    return ClosedFile(rows, rejects, states)


def closed_files(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, datetime]]:
    """Return (dataset, partition, time) of the files that the command closed."""
    return connection.execute(
        "SELECT dataset, partition, closed_at FROM ops.absences WHERE closed_by = 'close' ORDER"
        " BY ALL"
    ).fetchall()


def last_change(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return when an event was last recorded or closed, or a file last failed; None if never.

    The time is UTC, naive.
    """
    row = connection.execute(
        """SELECT max(changed_at)
           FROM (SELECT greatest(first_seen, closed_at) AS changed_at FROM ops.absences
                 UNION ALL SELECT failed_at FROM ops.failed_files)"""
    ).fetchone()
    assert row is not None  # an aggregate has one row
    when: datetime | None = row[0]
    return when
