"""The SQL of the page, from `sql/`: reads marts and `ops`, returns no person's id.

`prepare/` runs once per connection, in name order; `figures/` and `charts/` then read its tables
and macros. Every query groups by `course`: a course id as text, 'other' beyond the largest courses,
'unknown' for unmapped parts. A query whose figures can't be summed over courses (percentiles,
peaks) also has rows for the course 'all'. Money in charts is rounded only for drawing, at the very
end.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_SQL = files("analytics_pipeline.report") / "sql"


@cache
def query(name: str) -> str:
    """Return the text of a file in `sql/`, such as `span`."""
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


@cache
def folder(name: str) -> Mapping[str, str]:
    """Return the texts of a folder in `sql/` by file name without suffix, in name order."""
    names = sorted(file.name for file in (_SQL / name).iterdir() if file.name.endswith(".sql"))
    return {
        file.removesuffix(".sql"): query(f"{name}/{file.removesuffix('.sql')}") for file in names
    }
