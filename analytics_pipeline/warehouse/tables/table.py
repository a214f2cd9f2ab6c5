"""The form of a declared table: its columns, types, comments and privacy."""

from dataclasses import dataclass, field

from analytics_pipeline.datasets import Privacy


@dataclass(frozen=True)
class TableColumn:
    """A column of a table that the pipeline creates.

    Attributes:
        name: its name.
        sql_type: DuckDB type.
        description: its comment.
        privacy: who may see the values.
        computed: SQL of its value over the row's other columns; empty if it is written.
    """

    name: str
    sql_type: str
    description: str
    privacy: Privacy = Privacy.OPEN
    computed: str = ""


@dataclass(frozen=True)
class Table:
    """A table or view that the pipeline creates, with its comments.

    Attributes:
        name: `schema.table`.
        description: its comment.
        columns: with their comments, in order.
        secret: never published, whatever the settings.
        query: the SELECT of a view; empty for a table.
        reads: names of the tables that a view reads.
    """

    name: str
    description: str
    columns: tuple[TableColumn, ...]
    secret: bool = False
    query: str = ""
    reads: frozenset[str] = field(default=frozenset(), repr=False)  # the order differs by process
