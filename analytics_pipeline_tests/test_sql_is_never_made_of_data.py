"""SQL text is built only from declared names; values are parameters.

Checked here by reading the source.

`cli/test_hostile_names.py` records the SQL that DuckDB gets when every cell, key and header is an
attack.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline_tests.support.judged_sql import JUDGED

PACKAGE = Path(__file__).parents[1] / "analytics_pipeline"
SQL = re.compile(
    r"\b(SELECT|INSERT|DELETE|CREATE|ALTER|COMMENT|UPDATE|FROM|ATTACH|DETACH|DROP|COPY|WITH|USE|CASE|CAST|WHERE|SET|AS|"
    r"BETWEEN|IS NOT DISTINCT|read_csv|coalesce|try_cast|try_strptime)\b"
)
ASKS = {"execute", "executemany", "sql", "query", "from_query"}
PASSES_ON = {"changed": 1, "value_of": 1}
"""Functions of ours that execute a text, and the place of the text among their arguments."""


def put_into_sql(source: str) -> Iterator[str]:
    """Return expressions that a module puts into SQL text: in f-strings, by + or %, or as the whole
    statement.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr) and SQL.search(_constants(node)):
            yield from (
                ast.unparse(part.value)
                for part in node.values
                if isinstance(part, ast.FormattedValue)
            )
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Add | ast.Mod)
            and SQL.search(_constants(node))
        ):
            yield from (
                ast.unparse(side)
                for side in (node.left, node.right)
                if not isinstance(side, ast.Constant)
            )
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in PASSES_ON
        ):
            text = node.args[PASSES_ON[node.func.id]]
            if not isinstance(text, ast.Constant | ast.JoinedStr):
                yield ast.unparse(text)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = [keyword.value for keyword in node.keywords if keyword.arg in ("query", "sql")]
            for text in [*node.args[:1], *named] if node.func.attr in ASKS else ():
                if not isinstance(text, ast.Constant | ast.JoinedStr):
                    yield ast.unparse(text)
            if node.func.attr == "format" and SQL.search(_constants(node.func.value)):
                yield from (
                    ast.unparse(argument)
                    for argument in [*node.args, *(named.value for named in node.keywords)]
                )


def _constants(node: ast.AST) -> str:
    """Return the constant text directly in an expression."""
    if isinstance(node, ast.Constant):
        return str(node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_constants, node.values))
    return _constants(node.left) + _constants(node.right) if isinstance(node, ast.BinOp) else ""


def found() -> dict[str, set[str]]:
    """Return the parts of SQL by module of the package; the demo makes data and queries no
    database.
    """
    modules = (
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if "demo" not in path.relative_to(PACKAGE).parts[:1]
    )
    made = {
        path.relative_to(PACKAGE).as_posix(): set(put_into_sql(path.read_text()))
        for path in modules
    }
    return {module: expressions for module, expressions in made.items() if expressions}


def test_sql_text_contains_only_reviewed_parts():
    new = {
        module: made - JUDGED.get(module, set())
        for module, made in found().items()
        if made - JUDGED.get(module, set())
    }
    assert new == {}, (
        "is it a declared name? Then add it to JUDGED. Is it data? Then make it a parameter"
    )


def test_every_reviewed_part_still_exists():
    now = found()
    assert {
        module: judged - now.get(module, set())
        for module, judged in JUDGED.items()
        if judged - now.get(module, set())
    } == {}


@pytest.mark.parametrize(
    "line",
    [
        "connection.execute(f\"SELECT * FROM raw.grades WHERE _source_key = '{key}'\")",
        "connection.execute('SELECT * FROM raw.grades WHERE _source_key = ' + key)",
        "connection.execute('SELECT * FROM raw.grades WHERE _source_key = %s' % key)",
        "connection.execute('SELECT * FROM raw.grades WHERE _source_key = {}'.format(key))",
        "connection.execute(key)",
        "connection.sql(key)",
        "connection.execute(query=key)",
        "changed(connection, key, [])",
        "value_of(connection, key)",
        "text = f'DELETE FROM raw.grades WHERE _source_key IN ({key})'",
    ],
)
def test_a_key_put_into_sql_in_any_way_is_seen(line: str):
    assert "key" in set(put_into_sql(line))
