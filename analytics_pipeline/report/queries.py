"""The SQL of the page, from the files of `sql/`: marts and `ops` only, never an id of a person in the result.

`prepare/` runs once per connection, in the order of its names; `figures/` and `charts/` then read its tables and macros.
Every query groups by `course`: a course id as text, 'other' beyond the largest courses, 'unknown' where no mapping knows
the part. A query whose figures can't be added up over courses (percentiles, peaks) has rows with course 'all' as well.
Money of charts is rounded for drawing only, at the very end.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_SQL = files("analytics_pipeline.report") / "sql"


@cache
def query(name: str) -> str:
    """Return the text of a file of `sql/`, such as `span`."""
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


@cache
def folder(name: str) -> Mapping[str, str]:
    """Return the texts of a folder of `sql/` by file name without its ending, in the order of the names."""
    found = sorted(file.name for file in (_SQL / name).iterdir() if file.name.endswith(".sql"))
    return {file.removesuffix(".sql"): query(f"{name}/{file.removesuffix('.sql')}") for file in found}
