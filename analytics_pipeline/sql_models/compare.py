"""Compare a model's rows in the sandbox with the published ones, by key and column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from analytics_pipeline.sql_models.keys import grain
from analytics_pipeline.sql_models.model import Model
from analytics_pipeline.sql_models.sandbox import FILE, Sandbox
from analytics_pipeline.warehouse.sql_text import quoted
from analytics_pipeline.warehouse.transactions import value_of


@dataclass(frozen=True)
class Difference:
    """The difference between a model's rows and the published ones.

    Attributes:
        rows: number of rows as built now.
        before: number of published rows; None without a published table.
        added, removed: rows that only one of them has. Without a key, a changed row counts as both.
        changed: rows with the same key and another value; None if no test declares the model's key.
        columns: number of rows with the same key that differ, by column.
        added_columns, removed_columns: names of columns that only one of them has.
        retyped: columns with another type, such as `cost: DOUBLE, was DECIMAL(38,9)`.
    """

    rows: int
    before: int | None = None
    added: int = 0
    removed: int = 0
    changed: int | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
    added_columns: Sequence[str] = ()
    removed_columns: Sequence[str] = ()
    retyped: Sequence[str] = ()

    @property
    def is_same(self) -> bool:
        """Return whether nothing differs."""
        return self.before is not None and not any(
            (
                self.added,
                self.removed,
                self.changed,
                self.added_columns,
                self.removed_columns,
                self.retyped,
            )
        )


def difference(sandbox: Sandbox, model: Model) -> Difference:
    """Compare a model that was built in the sandbox with its published rows."""
    connection = sandbox.connection
    new, old = _new(model), _old(model)
    rows = value_of(connection, f"SELECT count(*) FROM {new}")
    published = sandbox.published.get(model.qualified)
    if published is None:
        return Difference(rows)
    types = {name: str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE {new}").fetchall()}
    common = [name for name in types if name in published]
    added, removed = (
        value_of(connection, f"SELECT count(*) FROM ({_only(first, second, common)})")
        for first, second in ((new, old), (old, new))
    )
    key = grain(model, sandbox.project.tests)
    columns: dict[str, int] = {}
    changed: int | None = None
    if key and set(key) <= set(common):
        columns, changed = _changes(
            connection, new, old, key, [name for name in common if name not in key]
        )
        added, removed = added - changed, removed - changed
    return Difference(
        rows,
        value_of(connection, f"SELECT count(*) FROM {old}"),
        added,
        removed,
        changed,
        columns,
        [name for name in types if name not in published],
        [name for name in published if name not in types],
        [
            f"{name}: {types[name]}, was {published[name]}"
            for name in common
            if types[name] != published[name]
        ],
    )


def changed_rows(
    sandbox: Sandbox, model: Model, most: int
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return changed rows by key: `-` as published and `+` as built now."""
    published = sandbox.published.get(model.qualified, {})
    common = [name for name in model.columns if name in published]
    if not common:
        return sandbox.rows(f"SELECT '+' AS change, * FROM {_new(model)}", most)
    order = [name for name in grain(model, sandbox.project.tests) if name in common]
    if order and (differing := difference(sandbox, model).columns):
        common = [name for name in common if name in order or name in differing]
    order = order or common
    sql = f"""SELECT '-' AS change, * FROM ({_only(_old(model), _new(model), common)})
              UNION ALL SELECT '+', * FROM ({_only(_new(model), _old(model), common)})
              ORDER BY {", ".join(map(quoted, order))}, change DESC"""
    return sandbox.rows(sql, most)


def _changes(
    connection: duckdb.DuckDBPyConnection,
    new: str,
    old: str,
    key: Sequence[str],
    others: Sequence[str],
) -> tuple[dict[str, int], int]:
    """Return the number of rows with the same key that differ, by column and in any column."""
    same = " AND ".join(f"n.{quoted(name)} IS NOT DISTINCT FROM o.{quoted(name)}" for name in key)
    differs = [f"n.{quoted(name)} IS DISTINCT FROM o.{quoted(name)}" for name in others]
    counts = [
        f"count(*) FILTER ({condition})"
        for condition in [*differs, " OR ".join(differs) or "false"]
    ]
    [(*by_column, in_any)] = connection.execute(
        f"SELECT {', '.join(counts)} FROM {new} AS n JOIN {old} AS o ON {same}"
    ).fetchall()
    return {name: count for name, count in zip(others, by_column, strict=True) if count}, in_any


def _only(first: str, second: str, columns: Sequence[str]) -> str:
    """Return SQL of the rows that one table has and another lacks, with duplicates."""
    names = ", ".join(map(quoted, columns))
    return f"SELECT {names} FROM {first} EXCEPT ALL SELECT {names} FROM {second}"


def _new(model: Model) -> str:
    return f'{model.layer}."{model.name}"'


def _old(model: Model) -> str:
    return f'{FILE}.{model.layer}."{model.name}"'
