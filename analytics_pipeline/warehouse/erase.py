"""Erase one person from the live warehouse.

`datasets/` declares which columns relate to a person. `ingest/erase.py` rewrites files.
`operations/erase_person.py` orders the steps.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

import duckdb

from analytics_pipeline.datasets import DATASETS, Dataset, Person
from analytics_pipeline.ingest.erase import extra_without, text_without, texts_of_others
from analytics_pipeline.ingest.people import People, hashed
from analytics_pipeline.warehouse.tables import EXTRA, history_table
from analytics_pipeline.warehouse.transactions import changed, write


@dataclass(frozen=True)
class Removed:
    """What was erased in a table: the person's rows, and cells in other people's rows."""

    rows: int
    cells: int = 0


def erased_people(connection: duckdb.DuckDBPyConnection) -> People:
    """Return everybody who was erased. Their rows are never loaded again."""
    rows = connection.execute("SELECT user_id, email_hashes, salt FROM ops.erased").fetchall()
    return People(
        frozenset(user_id for user_id, _, _ in rows),
        hashes=frozenset(hashed for _, hashes, _ in rows for hashed in hashes or ()),
        salt=next((salt for _, _, salt in rows if salt), ""),
    )


def remember(connection: duckdb.DuckDBPyConnection, person: People, now: datetime) -> None:
    """Keep a person out of later loads.

    Keeps only their id and salted hashes of their emails. Without the id, the next delivery would
    bring them back; without the hashes, their damaged records without a readable id would return.

    Args:
        connection: the live warehouse.
        person: one id and its emails, as `known_as` returns them.
        now: UTC, naive.
    """
    (user_id,) = person.ids

    def add() -> None:
        salt = erased_people(connection).salt or token_hex(16)
        hashes = [hashed(email, salt) for email in person.emails]
        connection.execute(
            "INSERT INTO ops.erased (user_id, erased_at, times) SELECT $id, $now, 0 WHERE $id NOT"
            " IN (SELECT user_id FROM ops.erased)",
            {"id": user_id, "now": now},
        )
        connection.execute(
            """UPDATE ops.erased SET salt = $salt,
               unfinished_since = coalesce(unfinished_since, $now),
               email_hashes = list_distinct(list_concat(coalesce(email_hashes, []), $hashes))
               WHERE user_id = $id""",
            {"id": user_id, "salt": salt, "hashes": hashes, "now": now},
        )

    write(connection, add)


def finish(connection: duckdb.DuckDBPyConnection, user_id: int) -> None:
    """Record that an erasure is finished, which `remember` began."""
    write(
        connection,
        lambda: connection.execute(
            "UPDATE ops.erased SET unfinished_since = NULL WHERE user_id = ?", [user_id]
        ),
    )


def unfinished(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return the ids of people whose erasure was interrupted or is in progress, in order.

    None of a published file, which does not hold them, or of a warehouse of an earlier release.
    """
    try:
        rows = connection.execute(
            "SELECT user_id FROM ops.erased WHERE unfinished_since IS NOT NULL OR times = 0"
            " ORDER BY user_id"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []
    return [user_id for (user_id,) in rows]


def run_again(user_id: int) -> str:
    """Return the line for people about an erasure that is not finished."""
    return (
        f"The erasure of user {user_id} is not finished: run `analytics-pipeline erase --user-id"
        f" {user_id}` again."
    )


def known_as(connection: duckdb.DuckDBPyConnection, user_id: int) -> People:
    """Return a person with every email under which they were ever delivered."""
    emails: set[str] = set()
    for dataset, table in _tables():
        for subject in dataset.columns_of(Person.SUBJECT):
            for address in dataset.columns_of(Person.ADDRESS):
                rows = connection.execute(
                    f'SELECT DISTINCT "{address}" FROM {table} WHERE "{subject}" = ? AND'
                    f" contains(\"{address}\", '@')",
                    [user_id],
                ).fetchall()
                emails.update(email for (email,) in rows)
    before = erased_people(connection)  # an interrupted erasure may have removed the emails
    return People(frozenset([user_id]), frozenset(emails), before.hashes, before.salt)


def erase_rows(
    connection: duckdb.DuckDBPyConnection, person: People, *, dry_run: bool = False
) -> dict[str, Removed]:
    """Remove a person from raw, history and quarantine, and drop the marts, in one transaction.

    Deletes the rows and records about them, and replaces their emails in all others.

    The next build recreates the marts without them. A mart that fails to build is better missing
    than holding the person.

    Args:
        connection: the live warehouse, with no transaction open.
        person: one id and its emails, as `known_as` returns them.
        dry_run: count, then roll back.

    Returns:
        What was erased, by table; tables without any are omitted.
    """

    def remove() -> dict[str, Removed]:
        removed_from = {
            table: _erase_in_table(connection, dataset, table, person)
            for dataset, table in _tables()
        }
        removed_from["quarantine.rejects"] = _erase_rejects(connection, person)
        connection.execute("DROP SCHEMA IF EXISTS marts CASCADE")
        # In the same transaction: from now on no earlier published file may be used as a source.
        connection.execute(
            "UPDATE ops.erased SET times = coalesce(times, 0) + 1 WHERE list_contains(?, user_id)",
            [list(person.ids)],
        )
        return removed_from

    removed_from = write(connection, remove, dry_run=dry_run)
    return {
        table: removed for table, removed in removed_from.items() if removed.rows or removed.cells
    }


def searched_tables() -> list[str]:
    """Return the names of the tables that `erase_rows` searches."""
    return [*(table for _, table in _tables()), "quarantine.rejects"]


def _tables() -> Iterator[tuple[Dataset, str]]:
    """Yield all tables of delivered rows: any text may mention a person."""
    for dataset in DATASETS.values():
        yield dataset, dataset.table
        if dataset.keeps_history:
            yield dataset, history_table(dataset).name


def _erase_in_table(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: str, person: People
) -> Removed:
    rows = _delete_rows(connection, dataset, table, person) if dataset.is_about_people else 0
    mentions = sum(
        changed(
            connection,
            f'UPDATE {table} SET "{name}" = NULL WHERE list_contains($ids, "{name}")',
            {"ids": list(person.ids)},
        )
        for name in dataset.columns_of(Person.MENTION)
    )
    emails = sum(
        _replaced(connection, dataset, table, name, person) for name in texts_of_others(dataset)
    )
    extras = _replaced(connection, dataset, table, EXTRA.name, person)
    return Removed(rows, mentions + emails + extras)


def _delete_rows(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: str, person: People
) -> int:
    """Delete the rows about the person; return their number."""
    theirs = " OR ".join(
        f'list_contains($ids, "{name}")' for name in dataset.columns_of(Person.SUBJECT)
    )
    ids = {"ids": list(person.ids)}
    if table == dataset.table:
        counted = connection.execute(
            f"SELECT _source_key, count(*) FROM {table} WHERE {theirs} GROUP BY 1", ids
        )
        _correct_ledger(connection, "rows", dict(counted.fetchall()))
    return changed(connection, f"DELETE FROM {table} WHERE {theirs}", ids)


def _replaced(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: str, name: str, person: People
) -> int:
    """Replace the person's emails, and in EXTRA also their ids, in a column of other people's rows.

    Return the number of changed cells.
    """
    holds = "true" if name == EXTRA.name else f"contains(\"{name}\", '@')"
    texts = connection.execute(
        f'SELECT DISTINCT "{name}"::VARCHAR FROM {table} WHERE "{name}" IS NOT NULL AND {holds}'
    ).fetchall()

    def without(text: str) -> str | None:
        return (
            extra_without(text, dataset, person)
            if name == EXTRA.name
            else text_without(text, dataset, person.recognising(text))
        )

    changes = [(new, text) for (text,) in texts if (new := without(text)) != text]
    return sum(
        changed(
            connection,
            f'UPDATE {table} SET "{name}" = $new WHERE "{name}"::VARCHAR = $text',
            {"new": new, "text": text},
        )
        for new, text in changes
    )


def _erase_rejects(connection: duckdb.DuckDBPyConnection, person: People) -> Removed:
    """Delete rejected records about people that hold the person in any cell of their text.

    In all other rejected records, replace their emails.
    """
    rejects = connection.execute(
        """SELECT rejects.rowid, dataset, raw, source_key,
           etag IN (SELECT etag FROM ops.loaded_files AS ledger
                                                          WHERE ledger.source_key =
                                                            rejects.source_key)
           FROM quarantine.rejects AS rejects
           WHERE list_contains(?, dataset) AND raw IS NOT NULL""",
        [list(DATASETS)],
    ).fetchall()
    theirs, changes = list[tuple[int, str, bool]](), dict[tuple[str, str], str]()
    for row, name, raw, key, loaded in rejects:
        dataset, known = DATASETS[name], person.recognising(raw)
        if not dataset.is_about_people:
            changes[name, raw] = text_without(raw, dataset, known)
        elif known.in_text(raw):
            theirs.append((row, key, loaded))
    _correct_ledger(connection, "rejects", Counter(key for _, key, loaded in theirs if loaded))
    connection.execute(
        "DELETE FROM quarantine.rejects WHERE list_contains(?, rowid)",
        [[row for row, _, _ in theirs]],
    )
    cells = sum(
        changed(
            connection,
            "UPDATE quarantine.rejects SET raw = ? WHERE dataset = ? AND raw = ?",
            [new, name, raw],
        )
        for (name, raw), new in changes.items()
        if new != raw
    )
    return Removed(len(theirs), cells)


def _correct_ledger(
    connection: duckdb.DuckDBPyConnection, figure: str, removed: Mapping[str, int]
) -> None:
    """Move erased records from a file's count of rows or rejects to its count of erased ones."""
    for key, count in removed.items():
        connection.execute(
            f"""UPDATE ops.loaded_files SET {figure} = {figure} - $count, erased = coalesce(erased,
                0) + $count
                WHERE source_key = $key""",
            {"key": key, "count": count},
        )
