"""Text that leaves the private folder consists of declared words and numbers, never of a file's
cell.
"""

import ast
from pathlib import Path

import pytest

from analytics_pipeline.words import Words, counted, named, words

PACKAGE = Path(__file__).parents[1] / "analytics_pipeline"
DECLARES = {
    # Names of columns, of datasets and of rules, all of `datasets/`.
    "Words(self.name)",
    "Words(self.setting)",
    "Words(self.key)",  # a partition's key: digits, or `organisation`
    "Words(f'`analytics-pipeline close --dataset {self.dataset} --partition {self.partition}`')",
    "Words(aside.name)",  # the file name of a replaced warehouse: a constant and a time
    "Words(detail)",  # from ops.absences, which takes only Words
    "Words(check.description or column.rule)",
    (
        "Words(f\"it {'should' if check.raise_warning else 'must'} be"
        ' {condition.format(**check.statistics or {})}")'
    ),
    "map(Words, key)",
    # The class of an exception, without its text.
    "Words(type(error).__name__)",
    # Why S3 refused a file that nobody has read.
    "Words(outcome.reason)",
    "Words(outcome.remedy)",
    "Words(template.format(*values))",
    "Words(', '.join(names))",
    "Words(f\"{number:,} {noun}{'' if number == 1 else 's'}\")",
}


def test_undeclared_text_is_refused_and_not_repeated():
    with pytest.raises(TypeError, match="a str is neither declared text") as refused:
        words("the header lacks {}", "king@example.org")  # type: ignore[arg-type]
    assert "king@example.org" not in str(refused.value)
    assert words("{} of {:,}: {}", 1, 2_000, Words("cost")) == "1 of 2,000: cost"


def test_a_count_agrees_with_its_noun():
    assert [counted(number, "file") for number in (0, 1, 2_000)] == [
        "0 files",
        "1 file",
        "2,000 files",
    ]


def test_a_list_that_is_cut_tells_how_many_are_missing():
    assert named(["a", "b"], 2) == "a, b"
    assert named(["a", "b", "c"], 2) == "a, b, and 1 more"
    assert named(map(str, range(1_003)), 2, "\n") == "0\n1\nand 1,001 more"


def test_words_consist_only_of_constants_and_declarations():
    made: set[str] = set()
    templates: list[str] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text()
        if (
            path.name != "words.py"
            and "import Words" not in source
            and "import words" not in source
        ):
            continue  # another thing of that name
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called == "Words" or any(
                ast.unparse(argument) == "Words" for argument in node.args if called == "map"
            ):
                made.add(ast.unparse(node))
            if called == "words" and not isinstance(node.args[0], ast.Constant):
                templates.append(f"{path.name}:{node.lineno}")
    assert templates == [], "the template of a message must be a constant"
    declared = {
        ast.unparse(ast.parse(call)) for call in DECLARES
    }  # Python releases write brackets differently
    assert made == declared, (
        "is it declared? Then add it here. Is it data? Then it must not be in a message"
    )
