"""The data dictionary: one Markdown page of every table that analysts or operators meet. Pure; made of declarations alone.

What a table or column is, is said where it is declared: `datasets/`, `warehouse/schema.py`, `dbt_like_sql/`.
"""

import re
from collections.abc import Iterable, Sequence

from analytics_pipeline.datasets import DATASETS, Column, Dataset
from analytics_pipeline.ingest.validate import in_words
from analytics_pipeline.warehouse.schema import OPERATIONS, PUBLISHED, Table, TableColumn, history_table, raw_table

_OPENING = """\
# Data dictionary

<!-- Made by `analytics-pipeline dictionary --output docs/data_dictionary.md`; edit the declarations, not this page. -->

`analytics.duckdb` holds the schemas `marts` (tables to ask first), `staging` (one row per thing, one vocabulary), `raw`
(as delivered, typed), `history` (what Vocareum overwrites, as it was over time) and `ops` (what is loaded).
Times are UTC. Money is in US dollars, DECIMAL(18, 9); decimals beyond the ninth are rounded half up.

Privacy: **open** values may be seen by everyone who reaches the Dagster UI; an **identifier** points to a person without
naming them and is for analysts; what is **private** names a person, or may, and is published with `PUBLISH_PII=true` alone.

Rules: a record that breaks a "must" of an **essential** column, on which the row's meaning rests, or whose cell there can't be
read, goes to quarantine. Any other such cell is left empty, with a warning, and its text is kept in `_extra` under the column's
name. A record that breaks a "should" is loaded, and counted as a warning.

Cells: white space and characters without a width are taken off both ends. An empty cell, `NULL`, `\\N` and `0000-00-00` are no
value; so are 0 and -1 in a time and in an optional id. Names and free text are left alone. A whole number may be written `7.0`.
A moment is `Feb-23-2022 9:40:20 pm UTC`, ISO 8601 (UTC where it names no offset) or epoch seconds; one that is later than its
file by more than a day (9999, 2038) stands for "still open" and is left empty, with a warning.

## People

A person's role in a course is the last one that its enrollment said, also after the person is no longer listed. Words for people,
used in every table, figure and chart in the same sense:

- A **student** of a course is someone whose role there is `student`; **staff** are people in any other role.
- **Enrolled**: the newest enrollment of the course lists the person, and not as dropped. **Dropped**: listed as dropped, when last
  listed. **Left**: no longer listed, and not dropped before. Each student is one of the three.
- **Active**: with a session in the course that succeeded. **Failed-only**: with launches, none of which started a lab. **Never
  launched**: without any session. Each student is one of the three.
- Both sides of a ratio count the same people: active enrolled students of enrolled students; what active students spent by active
  students.
"""


def data_dictionary(models: Sequence[Table]) -> str:
    """The whole page.

    Args:
        models: the SQL models' tables, as `sql_models.documentation` gives them.
    """
    by_name = sorted(models, key=lambda table: table.name)
    marts = [table for table in by_name if table.name.startswith("marts.")]
    staging = [table for table in by_name if table.name.startswith("staging.")]
    sections = [
        _OPENING,
        _section("Marts", "Tables that answer questions; made by `dbt_like_sql/marts/`.", map(_table, marts)),
        _section(
            "Staging",
            "What was delivered, deduplicated and in one vocabulary; made by `dbt_like_sql/staging/`. Views, but in the "
            "published file tables where they read something private.",
            map(_table, staging),
        ),
        _section("Delivered data", "What Vocareum delivers, one table per dataset.", map(_dataset, DATASETS.values())),
        _section("History", "What Vocareum overwrites, as it was over time.", map(_history, DATASETS.values())),
        _section("Operations", "What is loaded, what is not, and why.", map(_table, (*OPERATIONS, PUBLISHED))),
    ]
    return "\n".join(sections)


def _section(title: str, about: str, parts: Iterable[str]) -> str:
    return "\n".join([f"## {title}\n\n{about}\n", *filter(None, parts)])


def _dataset(dataset: Dataset) -> str:
    facts = [
        f"- Delivered {dataset.cadence}, as `org{{id}}/{_key(dataset)}`",
        f"- One row per {', '.join(f'`{name}`' for name in dataset.row_key)} in a file",
        *(f"- Rule: {in_words(check)}" for check in dataset.schema.checks),
    ]
    declared = {column.name: column for column in dataset.columns}
    rows = [_delivered(dataset, column, declared.get(column.name)) for column in raw_table(dataset).columns]
    grid = _grid(("Column", "Type", "May be empty", "Essential", "Privacy", "Description", "Rules"), rows)
    return "\n\n".join([f"### {dataset.table}", _text(dataset.description), "\n".join(facts), grid])


def _key(dataset: Dataset) -> str:
    """The key's pattern for people: named groups as `{year}`."""
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", dataset.key).replace("\\", "")


def _delivered(dataset: Dataset, column: TableColumn, declared: Column | None) -> Sequence[str]:
    name, kind = f"`{column.name}`", f"`{column.sql_type}`"
    if declared is None:
        return name, kind, "", "", column.privacy, f"{column.description}", ""
    null = "no" if not declared.nullable else "yes" if declared.required else "yes; not in every file"
    rules = "; ".join(in_words(check, declared) for check in dataset.schema.columns[column.name].checks)
    essential = "yes" if declared.essential else "no"
    return name, kind, null, essential, column.privacy, column.description, rules


def _history(dataset: Dataset) -> str:
    if not dataset.keeps_history:
        return ""
    table = history_table(dataset)
    own = [column for column in table.columns if column.name not in {one.name for one in dataset.columns}]
    about = f"The columns of `{dataset.table}` as they are there, and:"
    return f"### {table.name}\n\n{_text(table.description)} {about}\n\n{_columns(own)}"


def _table(table: Table) -> str:
    return f"### {table.name}\n\n{_text(table.description)}\n\n{_columns(table.columns)}"


def _columns(columns: Iterable[TableColumn]) -> str:
    rows = [(f"`{one.name}`", f"`{one.sql_type}`", one.description) for one in columns]
    return _grid(("Column", "Type", "Description"), rows)


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    return " ".join(text.split())
