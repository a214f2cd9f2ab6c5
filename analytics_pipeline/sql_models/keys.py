"""The grain of each model and the targets of its keys, as declared in the SQL files.

A model's grain is the GROUP BY of its test `grain_of_<model>`. A key's target ends the column's
comment: `-> marts.course_summary`, or `-> marts.course_lineage.course_id` if the column has another
name there. `-> ..., unless ...` names values without a match.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from analytics_pipeline.sql_models.model import Model, SqlTest
from analytics_pipeline.sql_models.sql_syntax import parse_query

_TARGET = re.compile(r"-> (?P<table>\w+\.\w+)(?:\.(?P<column>\w+))?(?P<unless>, unless .+?)?\.?$")


@dataclass(frozen=True)
class Reference:
    """The column that a key refers to.

    Attributes:
        table: qualified name.
        column: name of the column in that table.
        is_total: whether every value has a match. If not, the comment names the exceptions.
    """

    table: str
    column: str
    is_total: bool


def references(model: Model) -> dict[str, Reference]:
    """Return the target of each key of a model, by column."""
    targets = {column: _TARGET.search(comment) for column, comment in model.columns.items()}
    return {
        column: Reference(target["table"], target["column"] or column, not target["unless"])
        for column, target in targets.items()
        if target
    }


def grain(model: Model, tests: Mapping[str, SqlTest]) -> tuple[str, ...]:
    """Return the columns of a model's grain; empty if no test declares it by its columns."""
    test = tests.get(f"grain_of_{model.name}")
    group = (
        parse_query(test.name, test.sql).args.get("group")
        if test and model.qualified in test.depends_on
        else None
    )
    names = tuple(column.name for column in group.find_all(exp.Column)) if group else ()
    return names if set(names) <= model.columns.keys() else ()
