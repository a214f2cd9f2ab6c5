"""Column lineage of the models, computed with sqlglot: which source columns make each column.

Works on names and SQL only, without a database. Table lineage is `Model.depends_on`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.schema import MappingSchema

from analytics_pipeline.sql_models.model import Model
from analytics_pipeline.sql_models.project import Project
from analytics_pipeline.sql_models.sql_syntax import DIALECT, parse_query
from analytics_pipeline.warehouse.tables import tables

ColumnLineage = Mapping[str, frozenset[tuple[str, str]]]
"""Column -> (qualified table, column) pairs that its value is computed from; empty for a count or a
constant."""


def column_lineage(project: Project, models: Iterable[Model]) -> dict[str, ColumnLineage]:
    """Return the column lineage of some of the project's models, by qualified name.

    Takes about 10 ms per model.
    """
    schema = _schema({name: tuple(model.columns) for name, model in project.models.items()})
    return {model.qualified: _of_model(model, schema) for model in models}


def _of_model(model: Model, schema: MappingSchema) -> ColumnLineage:
    return _lineage(model.qualified, model.sql, tuple(model.columns), schema)


@lru_cache(1_000)  # a build asks twice, and a process may build a project several times
def _lineage(
    name: str, sql: str, declared_columns: tuple[str, ...], schema: MappingSchema
) -> ColumnLineage:
    query = parse_query(name, sql)
    # trim_selects makes nodes prettier and copies a query for each; nobody looks at ours.
    nodes = lineage(None, query, schema, dialect=DIALECT, trim_selects=False)
    declared = {
        column.lower(): column for column in declared_columns
    }  # sqlglot folds case, as DuckDB's lookup does
    return {
        declared[column.lower()]: frozenset(filter(None, map(_origin, node.walk())))
        for column, node in nodes.items()
    }


def _origin(node: Node) -> tuple[str, str] | None:
    """Return the table column at a leaf of the graph; None for any other node."""
    table = node.expression
    if node.downstream or not isinstance(table, exp.Table) or not table.db:
        return None
    return f"{table.db}.{table.name}", exp.to_column(node.name, dialect=DIALECT).name


def _schema(models: Mapping[str, Sequence[str]]) -> MappingSchema:
    """Return the columns of every declared table and of the models; the same object for the same
    columns.

    Their types don't matter for lineage.
    """
    declared = {table.name: [column.name for column in table.columns] for table in tables()}
    return _schema_of(
        tuple(sorted((name, tuple(columns)) for name, columns in {**declared, **models}.items()))
    )


@lru_cache(4)
def _schema_of(columns: tuple[tuple[str, tuple[str, ...]], ...]) -> MappingSchema:
    schema = MappingSchema(dialect=DIALECT)
    for name, names in columns:
        schema.add_table(name, dict.fromkeys(names, "TEXT"))
    return schema
