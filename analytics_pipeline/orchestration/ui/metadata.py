"""Words, tables and pictures for the Dagster UI. The UI is seen by many: no value of a record that points to a person.

Formatting only; the facts are computed elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.remedies import remedy
from analytics_pipeline.warehouse.ledger import FailedFile
from analytics_pipeline.warehouse.quality import Reason, Unaccounted
from analytics_pipeline.warehouse.schema import raw_table

MOST_FILES = 20
"""Files that a text or a table names."""

Metadata = dict[str, Any]


def dataset(one: Dataset) -> str:
    """The asset's description."""
    prefix = f"`org<id>/{one.prefix}...`"
    return f"{one.description}\n\nDelivered {one.cadence} as {prefix}; loaded into `{one.table}`."


def column_schema(one: Dataset) -> dg.TableSchema:
    """Columns with types, constraints and privacy."""
    declared = {column.name: column for column in one.columns}

    def constraints(name: str) -> dg.TableColumnConstraints:
        column = declared.get(name)
        rules = [check.error for check in one.schema.columns[name].checks] if column else []
        return dg.TableColumnConstraints(
            nullable=column is None or column.nullable, other=[str(rule) for rule in rules]
        )

    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.sql_type,
                description=column.description,
                constraints=constraints(column.name),
                tags={"privacy": declared[column.name].privacy.value} if column.name in declared else {},
            )
            for column in raw_table(one).columns
        ]
    )


def loaded_file(result: FileResult, bucket_uri: str) -> Metadata:
    """Metadata of the partition that a file was loaded into."""
    delivery = result.landed.delivery
    return {
        "dagster/partition_row_count": result.rows,
        "rows": result.rows,
        "records": result.records,
        "rejects": result.rejects,
        "warnings": result.warnings,
        "bytes": delivery.size,
        "files": 1,
        "key": delivery.key,
        "etag": delivery.etag,
        "delivered_at": dg.MetadataValue.timestamp(delivery.last_modified),
        "dagster/uri": f"{bucket_uri}/{delivery.key}",
        **({"findings": findings_table(result)} if result.findings else {}),
    }


def snapshot(results: Sequence[FileResult], newest: Mapping[str, Any]) -> Metadata:
    """Metadata of a snapshot's materialization: the files of this run together."""
    figures = {name: sum(getattr(one, name) for one in results) for name in ("rows", "records", "rejects", "warnings")}
    return {
        **figures,
        "dagster/row_count": figures["rows"],
        "bytes": sum(one.landed.delivery.size for one in results),
        "files": len(results),
        "keys": table(
            ["key", "etag", "rows", "rejects"],
            [
                (one.landed.delivery.key, one.landed.delivery.etag, one.rows, one.rejects)
                for one in results[:MOST_FILES]
            ],
        ),
        **({"preview": newest["preview"]} if "preview" in newest else {}),
    }


def failure(result: FileResult) -> str:
    """One line: file, line, reason, remedy."""
    assert result.failure is not None
    return _failed_line(result.landed.delivery.key, result.failure.line, result.failure.reason, result.failure.remedy)


def failures(failed: Sequence[FailedFile]) -> str:
    """A paragraph on files that could not be loaded; empty if there is none."""
    lines = [
        f"{_failed_line(one.source_key, one.line, one.reason, one.remedy)} "
        f"Failing since {one.failed_since:%Y-%m-%d %H:%M} UTC, {one.attempts} attempts."
        for one in failed[:MOST_FILES]
    ]
    if len(failed) > MOST_FILES:
        lines.append(f"... and {len(failed) - MOST_FILES} more")
    return "\n".join(lines)


def _failed_line(key: str, line: int | None, reason: str, remedy: str) -> str:
    return f"{key}{f', line {line}' if line else ''}: {reason}. {remedy}"


def failed_table(failed: Sequence[FailedFile]) -> dg.TableMetadataValue:
    """Files that could not be loaded, with reason and remedy."""
    rows = [
        (one.source_key, one.line or 0, one.reason, one.remedy, f"{one.failed_since:%Y-%m-%d %H:%M}", one.attempts)
        for one in failed[:MOST_FILES]
    ]
    return table(["file", "line", "reason", "remedy", "since", "attempts"], rows)


def unaccounted_table(wrong: Sequence[Unaccounted]) -> dg.TableMetadataValue:
    """Files whose rows and rejects are not their records."""
    rows = [(one.source_key, one.records, one.rows, one.rejects) for one in wrong[:MOST_FILES]]
    return table(["file", "records", "rows", "rejects"], rows)


def reasons_table(name: str, found: Sequence[Reason]) -> dg.TableMetadataValue:
    """Broken rules over the whole dataset of that name, with the newest file as an example, and what to do."""
    rows = [
        (
            *(one.column, one.reason, one.records, one.files, one.example_file, ", ".join(map(str, one.example_lines))),
            remedy(name, one.reason, is_error=one.is_error),
        )
        for one in found
    ]
    return table(["column", "rule", "count", "files", "file", "lines", "remedy"], rows)


def findings_table(result: FileResult) -> dg.TableMetadataValue:
    """Broken rules of one file."""
    rows = [
        (one.column, one.reason, "quarantined" if one.error else "loaded", one.count, ", ".join(map(str, one.lines)))
        for one in result.findings[:MOST_FILES]
    ]
    return table(["column", "rule", "records", "count", "lines"], rows)


def preview(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.TableMetadataValue:
    """A few rows in the columns that everyone may see."""
    return table(columns, [[_plain(cell) for cell in row] for row in rows])


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dg.TableMetadataValue:
    """A table in the UI."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name, _kind(rows, at)) for at, name in enumerate(columns)]),
    )


def _kind(rows: Sequence[Sequence[Any]], at: int) -> str:
    return "int" if rows and all(isinstance(row[at], int) for row in rows) else "string"


def _plain(cell: object) -> str | int | bool:
    return cell if isinstance(cell, int) else "" if cell is None else str(cell)
