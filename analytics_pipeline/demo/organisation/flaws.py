"""Rows and files that a reader must refuse, report or ignore, planted at known places.

A planted row is an additional, broken copy of a sound one, so that the truth about the sound rows
does not change.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from analytics_pipeline.demo.organisation.table import Record, Table, normal_form
from analytics_pipeline.demo.organisation.truth import Oddity
from analytics_pipeline.demo.organisation.world import World, key

Breaker = Callable[[dict[str, str]], tuple[str, ...]]
"""Returns the cells of a broken row for a sound one, by column name."""


@dataclass(frozen=True)
class Fault:
    """One way to break a row; `column` is None if the row as a whole is at fault."""

    column: str | None
    why: str
    cells: Breaker


def _reads(column: str, text: str, why: str) -> Fault:
    return Fault(column, why, lambda row: tuple({**row, column: text}.values()))


def _lacks(column: str) -> Fault:
    why = f"short: {column} is missing inside the row and the following cells are shifted"
    return Fault(None, why, lambda row: tuple(cell for name, cell in row.items() if name != column))


def _swapped(row: dict[str, str]) -> tuple[str, ...]:
    return tuple({**row, "start_time": row["end_time"], "end_time": row["start_time"]}.values())


_TOO_LONG = Fault(
    None, "long: one cell more than the header", lambda row: (*row.values(), "surplus")
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "lab_sessions": (
        _reads("user_id", "1731xxx", "an id that is not a number, as the article masks them"),
        _reads("start_time", "Feb-30-2026 9:40:20 pm UTC", "a date that does not exist"),
        Fault("end_time", "the end is before the start", _swapped),
        _lacks("part_name"),
        _TOO_LONG,
    ),
    "aws_cost": (
        _reads("cost", "N/A", "a cost that is not a number"),
        _reads("cost", "600000000", "an amount that no account can spend"),
        _reads("part_id", "76008x", "an id that is not a number"),
        _lacks("user_email"),
    ),
    "azure_cost": (
        _reads("month", "13", "a month that does not exist"),
        _reads("monthly_cost_to_date", "N/A", "a cost that is not a number"),
    ),
    "service_spend": (_reads("cost", "N/A", "a cost that is not a number"), _TOO_LONG),
    "asn_mapping": (_reads("part_id", "none", "an id that is not a number"),),
    "course_mapping": (_reads("course_id", "4051a", "an id that is not a number"),),
    "grades": (
        _lacks("partnerid"),
        _reads("rubricscore", "ten", "a score that is not a number"),
        _TOO_LONG,
    ),
    "enrollment": (
        _lacks("name"),
        _reads("courseid", "none", "an id that is not a number"),
        _reads("dropped", "maybe", "a flag that is neither 0 nor 1"),
    ),
}
"""The faults of the planted rows. The short rows of grades and enrollment are those of the
article's examples."""


def plant(world: World, as_of: date, tables: dict[str, Table]) -> tuple[Oddity, ...]:
    """Break the tables in place; return the files that are unusual but valid."""
    days, spec = world.calendar, world.spec
    broken = {
        key(spec, "lab_sessions/lab_sessions", days.broken_rows),
        key(spec, "cloud_spend/aws_cost", days.broken_rows),
        key(spec, "cloud_spend/azure/azure_cost", days.broken_azure_rows),
        *(
            _first(tables, dataset)
            for dataset in FAULTS
            if dataset not in ("lab_sessions", "aws_cost", "azure_cost")
        ),
    }
    for name in broken & tables.keys():
        _plant_rows(tables[name])
    odd: list[Oddity] = []
    for day, change in {
        days.header_only: lambda table: "a header and no rows",  # the simulation made it so
        days.broken_bytes: _break_bytes,
        days.open_quote: _cut_off,
        days.other_order: _reverse,
        days.extra_column: _add_column,
        days.cut_short: _cut_short,
    }.items():
        name = key(spec, "lab_sessions/lab_sessions", day)
        if name in tables and (oddity := change(tables[name])):
            odd.append(Oddity(name, oddity))
    return (
        *odd,
        *(Oddity(name, "belongs to none of the eight datasets") for name in strays(world, as_of)),
    )


def strays(world: World, as_of: date) -> dict[str, bytes]:
    """Return files of no dataset: an unannounced provider, and a text file."""
    month = world.calendar.month_opening.replace(day=1)
    gcp = key(world.spec, "cloud_spend/gcp/gcp_cost", month)
    bodies = {f"org{world.spec.org_id}/lab_sessions/README.txt": b"One file per UTC day.\n"}
    if world.calendar.month_opening <= as_of:
        bodies[gcp] = b'"Project ID", "User ID", Cost\nlab-9001, 1731000, 0.07\n'
    return bodies


def _first(tables: dict[str, Table], dataset: str) -> str:
    return min(name for name, table in tables.items() if table.dataset == dataset)


def _sound(table: Table) -> dict[str, str] | None:
    """Return the row with the most filled cells by column name, as it shows a fault best."""
    if not table.records:
        return None
    record = max(table.records, key=lambda record: sum(1 for cell in record.cells if cell))
    return dict(zip(map(normal_form, table.header), record.cells, strict=True))


def _plant_rows(table: Table) -> None:
    if row := _sound(table):
        for n, fault in enumerate(FAULTS[table.dataset]):
            table.records.insert(3 * n + 1, Record(fault.cells(row), fault.column, fault.why))


def _break_bytes(table: Table) -> None:
    if row := _sound(table):
        cells = tuple({**row, "course_name": "caf\udce9 2026"}.values())
        table.records.insert(1, Record(cells, "course_name", "bytes that are not UTF-8"))


def _cut_off(table: Table) -> None:
    """Append a row with an open quote, which swallows the rest of the file: it must be the last."""
    if row := _sound(table):
        cells = tuple(row.values())[: list(row).index("log") + 1]
        cut = (*cells[:-1], cells[-1].partition("\n")[0].replace('"', "").rstrip(")"))
        table.records.append(Record(cut, "log", "a quote that is never closed", open_quote=True))


def _reverse(table: Table) -> str:
    table.header = table.header[::-1]
    table.records = [Record(record.cells[::-1]) for record in table.records]
    return "columns in another order"


def _add_column(table: Table) -> str:
    table.header = (*table.header[:9], "Region", *table.header[9:])
    table.records = [Record((*r.cells[:9], "us-west-2", *r.cells[9:])) for r in table.records]
    return "an unannounced column: Region"


def _cut_short(table: Table) -> str:
    """Cut rows after the 18th of 20 columns, as in the article's example; such rows load."""
    # A short row must be plausible in every cell, so the row with the unknown lab type stays
    # complete.
    complete = [n for n, record in enumerate(table.records) if "Quantum" not in record.cells]
    for n in complete[:2]:
        table.records[n] = Record(table.records[n].cells[:18])
    return "rows without their last two cells, and the unknown lab type Quantum"


def planted(table: Table) -> Iterator[tuple[int, Record]]:
    """Yield the planted records with their index in the file, from 0."""
    return ((n, record) for n, record in enumerate(table.records) if record.why)
