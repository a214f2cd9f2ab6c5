"""Quality of a dataset according to the ledger: broken rules and unaccounted records.

Returns reasons, files and lines, never a record's value, as the UI shows them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from analytics_pipeline.datasets import Dataset, Person, Privacy
from analytics_pipeline.warehouse.emails import holds_email, without_email
from analytics_pipeline.warehouse.sql_text import quoted

REASONS_SHOWN = 50
_PREVIEWED = 5
"""Number of rows in a preview."""


@dataclass(frozen=True)
class Reason:
    """A rule that records of a dataset's loaded files break."""

    column: str
    reason: str
    is_error: bool
    records: int
    files: int
    example_file: str
    example_lines: tuple[int, ...]


@dataclass(frozen=True)
class Unaccounted:
    """A loaded file whose rows, rejects and erased records do not add up to its records."""

    source_key: str
    records: int
    rows: int
    rejects: int


@dataclass(frozen=True)
class Totals:
    """A dataset's counts over all its loaded files."""

    files: int
    records: int
    rows: int
    rejects: int
    warnings: int
    newest_partition: str | None


def reasons(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Reason]:
    """Return why records are quarantined or warned about, the most frequent reason first."""
    rows = connection.execute(
        """SELECT "column", reason, is_error, sum(count)::BIGINT, count(*), arg_max(source_key,
           source_key),
                  arg_max(lines, source_key)
           FROM ops.findings WHERE dataset = ? GROUP BY ALL
           ORDER BY is_error DESC, 4 DESC, 1, 2 LIMIT ?""",
        [dataset.name, REASONS_SHOWN],
    ).fetchall()
    return [
        Reason(column, reason, is_error, records, files, file, tuple(lines))
        for column, reason, is_error, records, files, file, lines in rows
    ]


def unaccounted(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, keys: Sequence[str]
) -> list[Unaccounted]:
    """Return loaded files whose records are not all loaded or quarantined."""
    rows = connection.execute(
        f"""WITH ledger AS (SELECT source_key, etag, records, coalesce(erased, 0) AS erased
            FROM ops.loaded_files
                            WHERE dataset = $dataset AND list_contains($keys, source_key)),
                 loaded AS (SELECT _source_key, count(*) AS rows FROM {dataset.table}
                            WHERE list_contains($keys, _source_key) GROUP BY 1),
                 rejected AS (SELECT source_key, etag, count(*) AS rejects FROM quarantine.rejects
                              WHERE dataset = $dataset AND list_contains($keys, source_key)
                              GROUP BY ALL)
            SELECT ledger.source_key, records, coalesce(rows, 0) AS rows, coalesce(rejects,
              0) AS rejects
            FROM ledger LEFT JOIN loaded ON _source_key = ledger.source_key
                        LEFT JOIN rejected USING (source_key, etag)
            WHERE records <> coalesce(rows, 0) + coalesce(rejects, 0) + erased ORDER BY 1""",
        {"dataset": dataset.name, "keys": list(keys)},
    ).fetchall()
    return [Unaccounted(*row) for row in rows]


def totals(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> Totals:
    """Return the dataset's counts over all its loaded files."""
    row = connection.execute(
        """SELECT count(*), coalesce(sum(records), 0)::BIGINT, coalesce(sum(rows), 0)::BIGINT,
                  coalesce(sum(rejects), 0)::BIGINT, coalesce(sum(warnings), 0)::BIGINT,
                    max(partition)
           FROM ops.loaded_files WHERE dataset = ?""",
        [dataset.name],
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY has one row
    return Totals(*row)


@dataclass(frozen=True)
class Preview:
    """First rows of a file, open columns only.

    Attributes:
        emptied: number of cells that hold an email address and are not shown, by column.
    """

    columns: list[str]
    rows: list[tuple[object, ...]]
    emptied: Mapping[str, int]


def preview(connection: duckdb.DuckDBPyConnection, dataset: Dataset, key: str) -> Preview | None:
    """Return the first rows of a file; None if each row is about one person.

    A cell with an email address is emptied and counted, as in the published file: people write
    addresses into names of courses.
    """
    if dataset.columns_of(Person.SUBJECT):
        return None
    shown = [column for column in dataset.columns if column.privacy is Privacy.OPEN]
    texts = [column.name for column in shown if column.sql_type == "VARCHAR"]
    cells = ", ".join(
        without_email(column.name) if column.name in texts else quoted(column.name)
        for column in shown
    )
    flags = ", ".join(f"coalesce({holds_email(name)}, false)" for name in texts)
    found = connection.execute(
        f"""SELECT {cells}, [{flags}]::BOOLEAN[] FROM {dataset.table}
            WHERE _source_key = ? ORDER BY ALL LIMIT ?""",
        [key, _PREVIEWED],
    ).fetchall()
    emptied = {name: sum(row[-1][at] for row in found) for at, name in enumerate(texts)}
    return Preview(
        [column.name for column in shown],
        [row[:-1] for row in found],
        {name: count for name, count in emptied.items() if count},
    )
