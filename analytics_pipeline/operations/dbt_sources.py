"""The published models as a dbt `sources.yml`: descriptions, types and tests.

Pure: derived from the models and their tests. Requires dbt 1.10.5 or later (`data_tests` with
`arguments`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from analytics_pipeline.sql_models import Project
from analytics_pipeline.sql_models.keys import Reference, grain, references
from analytics_pipeline.warehouse.tables import Table, TableColumn

_OPENING = """\
# Made by `analytics-pipeline dictionary --format dbt`. In profiles.yml attach the published file
# under the name given by `database`.
version: 2

sources:
"""
_DESCRIPTIONS = {
    "marts": "Tables that answer questions.",
    "staging": "Delivered data without duplicates, in one vocabulary, without personal data.",
}


def dbt_sources(models: Sequence[Table], project: Project) -> str:
    """Return the YAML text.

    Args:
        models: the SQL models' tables, as `sql_models.documentation` gives them.
        project: models and tests, which declare unique columns and the targets of keys.
    """
    lines = []
    for schema, about in _DESCRIPTIONS.items():
        lines += [
            f"  - name: {schema}",
            "    database: analytics",
            f"    description: {_text(about)}",
            "    tables:",
        ]
        for table in sorted(models, key=lambda table: table.name):
            if table.name.startswith(f"{schema}."):
                lines += _table(table, project)
    return _OPENING + "\n".join(lines) + "\n"


def _table(table: Table, project: Project) -> Iterator[str]:
    model = project.models[table.name]
    key, targets = grain(model, project.tests), references(model)
    yield f"      - name: {model.name}"
    yield f"        description: {_text(table.description)}"
    if len(key) > 1:
        # A tuple is not NULL even if its parts are, so NULLs count as equal, as in the grain.
        columns = _text(f"({', '.join(key)})")
        yield "        data_tests:"
        yield f"          - unique: {{arguments: {{column_name: {columns}}}}}"
    yield "        columns:"
    for column in table.columns:
        yield from _column(column, key, targets)


def _column(
    column: TableColumn, key: Sequence[str], targets: Mapping[str, Reference]
) -> Iterator[str]:
    yield f"          - name: {column.name}"
    yield f"            data_type: {_text(column.sql_type)}"
    yield f"            description: {_text(column.description)}"
    tests = []
    if [column.name] == list(key):
        tests.append("unique")
    if column.name in key and "NULL" not in column.description:
        tests.append("not_null")
    target = targets.get(column.name)
    if target and target.is_total:
        schema, _, name = target.table.partition(".")
        to = _text(f"source('{schema}', '{name}')")
        tests.append(f"relationships: {{arguments: {{to: {to}, field: {target.column}}}}}")
    if tests:
        yield "            data_tests:"
        yield from (f"              - {test}" for test in tests)


def _text(text: str) -> str:
    """Return a text as a YAML scalar (JSON is YAML), with no braces that dbt takes for Jinja."""
    return json.dumps(
        " ".join(text.split()).replace("{{", "{ {").replace("{%", "{ %"), ensure_ascii=False
    )
