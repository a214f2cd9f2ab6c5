"""A file of the feed as a table and as bytes: the article's headers, cells, dialects."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from analytics_pipeline.demo.organisation.spec import Dialect

# Source: the vendor's article, with its exact spacing and case.
HEADERS: dict[str, tuple[str, ...]] = {
    "lab_sessions": (
        *(
            "User ID",
            "User Email",
            "Course ID",
            "Course Name",
            "Assignment ID",
            "Assignment Name",
            "Part ID",
        ),
        *(
            "Part Name",
            "Lab Type",
            "Start Time",
            "End Time",
            "Duration (min)",
            "Log",
            "Tags",
            "Launch Time",
        ),
        *(
            "Init Time",
            "Launch To Ready Duration (mins)",
            "Concurrent Labs Count",
            "Disconnects",
            "Latency Time (ms)",
        ),
    ),
    "aws_cost": (
        "AWS Account ID",
        "User ID",
        "User Email",
        "Part ID",
        "Part Name",
        "Cost",
        "File Updated Time",
    ),
    "azure_cost": (
        "User ID",
        "User Email",
        "Part ID",
        "Part Name",
        "Month",
        "Year",
        "Monthly-cost-to-date",
    ),
    "service_spend": (
        "AWS Account ID",
        "User Id",
        "User Email",
        "Course ID",
        "Part ID",
        "Service",
        "Cost",
    ),
    "asn_mapping": (
        *("org_id", "course_id", "assignment_id", "assignment_name", "part_id", "part_name"),
        *("parent_assignment_id", "parent_part_id"),
    ),
    "course_mapping": (
        "org_id",
        "org_name",
        "course_id",
        "course_name",
        "create_method",
        "parent_course_id",
    ),
    "grades": (
        *(
            "courseid",
            "coursename",
            "asnid",
            "asnname",
            "ispeerreviewon",
            "maxscore",
            "userid",
            "partnerid",
        ),
        *(
            "asnscore",
            "isoverride",
            "partid",
            "partname",
            "partscore",
            "rubricid",
            "rubricname",
            "rubricscore",
        ),
        "graderid",
    ),
    "enrollment": (
        *("userid", "courseid", "role", "name", "email", "client_key", "client_userid", "dropped"),
        *("organization_terms_agreed", "organization_terms_agreed_date_utc"),
    ),
}
_TIGHT_HEADERS = {"azure_cost"}  # the article prints only this header without blanks
# The article's lab_sessions example has no blank before the start time and the log.
_TIGHT = {9, 12}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NEEDS_QUOTES = re.compile(r'[",\r\n]')
_HAS_BLANK = re.compile(r'[",\r\n ]')


@dataclass(frozen=True)
class Record:
    """One record.

    `why` marks a planted one that a reader must refuse; `column` is the faulty column's name.
    Undecodable bytes are surrogate escapes in a cell. With `open_quote` the last cell's quote is
    never closed.
    """

    cells: tuple[str, ...]
    column: str | None = None
    why: str | None = None
    open_quote: bool = False


@dataclass
class Table:
    """One file of the feed: its dataset, its header and its records."""

    dataset: str
    header: tuple[str, ...]
    records: list[Record] = field(default_factory=list)


def table(dataset: str, rows: Iterable[tuple[object, ...]], extra: tuple[str, ...] = ()) -> Table:
    """Create a file of the dataset with the article's header and additional `extra` columns."""
    return Table(
        dataset, HEADERS[dataset] + extra, [Record(tuple(map(as_cell, row))) for row in rows]
    )


def normal_form(header: str) -> str:
    """Return a header as our column name: "Duration (min)" is `duration_min` (docs/feed.md)."""
    return re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")


def as_cell(value: object) -> str:
    """Return a value's text: None is empty, flags are 0 and 1, floats have PHP's 14 digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.14g}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return vendor_time(value) if isinstance(value, datetime) else str(value)


def vendor_time(at: datetime) -> str:
    """Return a UTC instant as the article writes it: `Feb-23-2022 9:40:20 pm UTC`."""
    half = "pm" if at.hour >= 12 else "am"
    return f"{_MONTHS[at.month - 1]}-{at:%d-%Y} {at.hour % 12 or 12}:{at:%M:%S} {half} UTC"


def render(table: Table, dialect: Dialect) -> tuple[bytes, list[int]]:
    """Return the file's bytes, and the line (from 1, the header's) on which each record begins."""
    lines, begins, line = [_header_line(table, dialect)], [], 2
    for record in table.records:
        written = _line(record, dialect)
        lines.append(written)
        begins.append(line)
        line += 1 + written.count("\n")
    text = "".join(f"{line}\n" for line in lines)
    if dialect is Dialect.BOM_CRLF:
        text = "\ufeff" + text.replace("\n", "\r\n")
    return text.encode(errors="surrogateescape"), begins


def _header_line(table: Table, dialect: Dialect) -> str:
    """Return the header as the article prints it, with its blanks and its needless quote."""
    if dialect is not Dialect.ARTICLE:
        return ",".join(_quote(name, dialect) for name in table.header)
    return ("," if table.dataset in _TIGHT_HEADERS else ", ").join(
        '"Disconnects"' if name == "Disconnects" else _quote(name, dialect) for name in table.header
    )


def _line(record: Record, dialect: Dialect) -> str:
    cells = [_quote(cell, dialect) for cell in record.cells]
    if record.open_quote:
        cells[-1] = f'"{record.cells[-1]}'
    if dialect is not Dialect.ARTICLE:
        return ",".join(cells)
    return cells[0] + "".join(
        f",{cell}" if n in _TIGHT or not cell or not before else f", {cell}"
        for n, (before, cell) in enumerate(pairwise(cells), 1)
    )


def _quote(cell: str, dialect: Dialect) -> str:
    special = _HAS_BLANK if dialect is Dialect.ARTICLE else _NEEDS_QUOTES
    return '"' + cell.replace('"', '""') + '"' if special.search(cell) else cell
