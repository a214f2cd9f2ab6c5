"""The models as a dbt project: SQL with `ref` and `source`, descriptions and tests in YAML.

Pure functions on text. The project attaches the published file read-only and builds into its own
file.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.sql_models.model import Layer, Model, SqlTest
from analytics_pipeline.sql_models.project import Project
from analytics_pipeline.sql_models.sql_syntax import (
    InvalidModel,
    parse_query,
    replace_tables,
    tables_read,
)
from analytics_pipeline.warehouse.checks import Severity
from analytics_pipeline.warehouse.tables import PUBLISHED, Table, tables

FILE = "published"
"""Name by which the dbt project attaches the published file."""
_NAME = "analytics_pipeline"
_PROJECT = f"""name: {_NAME}
version: "1.0"
config-version: 2
profile: {_NAME}
model-paths: [models]
test-paths: [tests]
macro-paths: [macros]
models:
  {_NAME}:
    staging:
      +schema: staging
      +materialized: view
    marts:
      +schema: marts
      +materialized: table
"""
# dbt would name schemas main_staging and main_marts.
_SCHEMA_MACRO = """{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
"""


def dbt_files(project: Project, published: Path, blocked: Mapping[str, str]) -> dict[str, str]:
    """Return the files of the dbt project by path.

    Args:
        project: the models and tests.
        published: the published file that the project's profile attaches.
        blocked: why a model or test can't be built from that file, by qualified name or name of the
            test. Such a model selects its published rows; such a test is omitted.

    Raises:
        InvalidModel: a text contains Jinja markers.
    """
    models = list(project.models.values())
    tests = [test for test in project.tests.values() if test.name not in blocked]
    built: list[Model | SqlTest] = [
        *tests,
        *(model for model in models if model.qualified not in blocked),
    ]
    read = {name for file in built for name in _reads(file)}
    files = {
        "dbt_project.yml": _PROJECT,
        "profiles.yml": _profile(published),
        "macros/generate_schema_name.sql": _SCHEMA_MACRO,
        "models/sources.yml": _sources(
            read, [model for model in models if model.qualified in blocked]
        ),
        "tests/tests.yml": "\n".join(["data_tests:", *_tests(tests)]) + "\n",
    }
    for layer in Layer:
        ours = [model for model in models if model.layer is layer]
        files[f"models/{layer}/{layer}.yml"] = "\n".join(["models:", *_models(ours)]) + "\n"
    for model in models:
        # dbt requires unique model names, and both layers have a lab_sessions.
        config = f"{{{{ config(alias='{model.name}') }}}}\n" if _name(model) != model.name else ""
        sql = _as_published(model, blocked[model.qualified]) if model.qualified in blocked else None
        files[f"models/{model.layer}/{_name(model)}.sql"] = config + (
            sql or _rendered(model, project.models)
        )
    for test in tests:
        config = "{{ config(severity='warn') }}\n" if test.severity is Severity.WARN else ""
        files[f"tests/{test.name}.sql"] = config + _rendered(test, project.models)
    return files


def _name(model: Model) -> str:
    return f"stg_{model.name}" if model.layer is Layer.STAGING else model.name


def _rendered(file: Model | SqlTest, models: Mapping[str, Model]) -> str:
    """Return the SQL with each `schema.table` replaced by `ref` or `source`."""
    _refuse_jinja(file.name, file.sql)
    calls = {}
    for table in _reads(file):
        schema, _, name = table.partition(".")
        call = (
            f"ref('{_name(models[table])}')" if table in models else f"source('{schema}', '{name}')"
        )
        calls[table] = f"{{{{ {call} }}}}"
    return replace_tables(file.sql, calls) + "\n"


def _as_published(model: Model, reason: str) -> str:
    """Return the SQL of a model that can't be built from the published file."""
    columns = ",\n".join(f"    {column}" for column in model.columns)
    return (
        f"-- As published, as it can't be built from the published file: {reason}.\n"
        f"SELECT\n{columns}\nFROM {{{{ source('{model.layer}', '{model.name}') }}}}\n"
    )


def _reads(file: Model | SqlTest) -> frozenset[str]:
    """Return the tables and views that a file names.

    `depends_on` has the tables that our views read instead.
    """
    return tables_read(parse_query(file.name, file.sql))


def _profile(published: Path) -> str:
    return f"""{_NAME}:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: dev.duckdb
      attach:
        - path: {_text(str(published))}
          alias: {FILE}
          read_only: true
"""


def _sources(read: Iterable[str], as_published: Iterable[Model]) -> str:
    """Return YAML of the tables that models read but do not create, by schema."""
    declared = {table.name: table for table in [*tables(), PUBLISHED]}
    declared |= {
        model.qualified: Table(model.qualified, model.description, ()) for model in as_published
    }
    lines = ["sources:"]
    by_schema: dict[str, list[Table]] = {}
    for name in sorted({*read, *(model.qualified for model in as_published)} & declared.keys()):
        by_schema.setdefault(name.partition(".")[0], []).append(declared[name])
    for schema, found in by_schema.items():
        lines += [f"  - name: {schema}", f"    database: {FILE}", "    tables:"]
        for table in found:
            lines += [
                f"      - name: {table.name.partition('.')[2]}",
                f"        description: {_text(table.description)}",
            ]
            open_columns = [
                column for column in table.columns if column.privacy is not Privacy.PRIVATE
            ]
            lines += ["        columns:"] if open_columns else []
            for column in open_columns:
                lines += [
                    f"          - name: {_text(column.name)}",
                    f"            description: {_text(column.description)}",
                ]
    return "\n".join(lines) + "\n"


def _models(models: Iterable[Model]) -> Iterator[str]:
    for model in models:
        yield f"  - name: {_name(model)}"
        yield f"    description: {_text(model.description)}"
        yield "    columns:"
        for column, meaning in model.columns.items():
            yield f"      - name: {_text(column)}"
            if meaning:
                yield f"        description: {_text(meaning)}"


def _tests(tests: Iterable[SqlTest]) -> Iterator[str]:
    for test in tests:
        yield f"  - name: {test.name}"
        yield f"    description: {_text(test.description)}"


def _text(text: str) -> str:
    """Return a text as YAML, of which JSON strings are a subset."""
    _refuse_jinja("a description", text)
    return json.dumps(text, ensure_ascii=False)


def _refuse_jinja(name: str, text: str) -> None:
    if any(mark in text for mark in ("{{", "{%", "{#")):
        raise InvalidModel(
            f"{name}: dbt reads {{{{, {{% and {{# as Jinja; separate these characters."
        )
