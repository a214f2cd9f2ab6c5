"""Load files through every stage into a real warehouse, and compare its tables with an independent
parser.
"""

import json
from collections import Counter
from datetime import timedelta

import duckdb

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.quality import unaccounted
from analytics_pipeline_tests.support import csv_factory, reference_values
from analytics_pipeline_tests.support.damaged_files import normal, refusal
from analytics_pipeline_tests.support.loaded_warehouse import FIRST_NIGHT, Warehouse
from analytics_pipeline_tests.support.reference_parser import BLANKS, Read, columns, read

LATEST = FIRST_NIGHT + timedelta(days=1)
"""The files are written in the first night; a time that is later by more than a day means still
open."""


def wrong_in_the_tables(
    warehouse: Warehouse, dataset: Dataset, bodies: dict[str, bytes], etag: str
) -> tuple[str | None, int]:
    """Load files and compare the tables with them; return the first difference, and the number of
    records compared.
    """
    deliveries = warehouse.deliver(bodies, etag)
    records = 0
    for result in warehouse.load(deliveries):
        key = result.landed.delivery.key
        found = read(bodies[key.partition("/")[2]])
        with open_warehouse(warehouse.path) as connection:
            if result.failure:
                rows = _count(
                    connection, f"SELECT count(*) FROM {dataset.table} WHERE _source_key = ?", key
                )
                required = [column.name for column in dataset.columns if column.required]
                wrong = refusal(result.failure.reason, found, rows, required)
            else:
                records += len(found) - 1
                wrong = _wrong(connection, dataset, key, found)
        if wrong:
            return f"{key}: {wrong}\n{bodies[key.partition('/')[2]]!r}", records
    return None, records


def _wrong(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, key: str, found: list[Read]
) -> str | None:
    header, *rest = found
    names = [normal(cell) for cell in columns(header)]
    lines = connection.execute(
        "SELECT line FROM quarantine.rejects WHERE source_key = ?", [key]
    ).fetchall()
    rejected = {line for (line,) in lines}
    wanted = ", ".join(f'"{column.name}"' for column in dataset.columns)
    rows = connection.execute(
        f"SELECT {wanted}, _extra::VARCHAR FROM {dataset.table} WHERE _source_key = ?", [key]
    ).fetchall()
    if len(rows) + len(lines) != len(rest) or len(rejected) != len(lines):
        return (
            f"{len(rows)} loaded + {len(lines)} in quarantine on {sorted(rejected)}, but there are"
            f" {len(rest)} records"
        )
    if strange := rejected - {record.line for record in rest}:
        return f"rejects on lines {strange}, where no record begins"
    if broken := unaccounted(connection, dataset, [key]):
        return f"the ledger says otherwise: {broken}"
    wide = [
        record
        for record in rest
        if record.cells is not None and len(record.cells) == len(names) and not record.cut
    ]
    good = [
        record.line
        for record in wide
        if csv_factory.is_good(dict(zip(names, record.cells or (), strict=True)), dataset)
    ]
    if lost := rejected.intersection(good):
        return f"good rows are in quarantine: lines {lost}"
    expected: Counter[tuple[object, ...]] = Counter()
    for record in rest:
        if record.line in rejected:
            continue
        if record.cells is None:
            return f"line {record.line} is loaded though its cells can't be told apart"
        row = {name: cell.strip(BLANKS) for name, cell in zip(names, record.cells, strict=False)}
        values, kept, forbidden = reference_values.meant(dataset, row, LATEST)
        if forbidden or (kept and (record.cut or len(record.cells) < len(names))):
            return (
                f"line {record.line} is loaded though {forbidden or kept} say no such value: {row}"
            )
        expected[(*values.values(), _extra(dataset, header, names, row, kept))] += 1
    got = Counter(
        (*row[:-1], json.dumps(json.loads(row[-1]), sort_keys=True) if row[-1] else None)
        for row in rows
    )
    return (
        f"values differ: {list(got - expected)[:2]} are there for {list(expected - got)[:2]}"
        if got != expected
        else None
    )


def _extra(
    dataset: Dataset, header: Read, names: list[str], row: dict[str, str], kept: dict[str, str]
) -> str | None:
    announced = {column.name for column in dataset.columns}
    delivered = {
        name: cell.strip(BLANKS) or name for name, cell in zip(names, columns(header), strict=True)
    }
    unknown = {
        delivered[name]: cell for name, cell in row.items() if name not in announced and cell
    }
    return json.dumps({**unknown, **kept}, sort_keys=True) if unknown or kept else None


def _count(connection: duckdb.DuckDBPyConnection, sql: str, *parameters: object) -> int:
    ((count,),) = connection.execute(sql, list(parameters)).fetchall()
    return int(count)
