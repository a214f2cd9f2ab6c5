"""Texts and tables for the Dagster UI. Formatting only; the facts are computed elsewhere.

Many people see the UI, so no value that points to a person is shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.remedies import remedy
from analytics_pipeline.warehouse.ledger import FailedFile
from analytics_pipeline.warehouse.quality import Preview, Reason, Unaccounted
from analytics_pipeline.warehouse.tables import raw_table
from analytics_pipeline.words import named

MOST_FILES = 20
"""Maximum number of files in a text or a table."""

Metadata = dict[str, Any]


def dataset(declared: Dataset) -> str:
    """Return the description of a dataset's asset."""
    origin = f"Delivered {declared.cadence} as `org<id>/{declared.prefix}...`"
    if declared.setting:
        origin = f"Read from the file of {declared.setting}"
    return f"{declared.description}\n\n{origin}; loaded into `{declared.table}`."


def column_schema(dataset: Dataset) -> dg.TableSchema:
    """Return the columns with types, constraints and privacy."""
    declared = {column.name: column for column in dataset.columns}

    def constraints(name: str) -> dg.TableColumnConstraints:
        column = declared.get(name)
        rules = [check.error for check in dataset.schema.columns[name].checks] if column else []
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
                tags=(
                    {"privacy": declared[column.name].privacy.value}
                    if column.name in declared
                    else {}
                ),
            )
            for column in raw_table(dataset).columns
        ]
    )


def loaded_file(result: FileResult, bucket_uri: str) -> Metadata:
    """Return the metadata of the partition that a file was loaded into."""
    delivery = result.landed.delivery
    return {
        "dagster/partition_row_count": result.rows,
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
    """Return the metadata of a snapshot's materialization: the files of this run together."""
    counts = ("records", "rejects", "warnings")
    figures = {name: sum(getattr(result, name) for result in results) for name in counts}
    return {
        **figures,
        "dagster/row_count": sum(result.rows for result in results),
        "bytes": sum(result.landed.delivery.size for result in results),
        "files": len(results),
        "keys": table(
            ["key", "etag", "rows", "rejects"],
            [
                (
                    result.landed.delivery.key,
                    result.landed.delivery.etag,
                    result.rows,
                    result.rejects,
                )
                for result in results[:MOST_FILES]
            ],
        ),
        **{name: newest[name] for name in ("preview", "emptied_in_preview") if name in newest},
    }


def failure(result: FileResult) -> str:
    """Return one line: file, line, reason, remedy."""
    assert result.failure is not None
    place = _place(result.landed.delivery.key, result.failure.line)
    return f"{place}: {result.failure.reason}. {result.failure.remedy}"


def failures(failed: Sequence[FailedFile]) -> str:
    """Return a paragraph about files that failed to load, without remedies; may be empty."""
    lines = [
        f"{_place(file.source_key, file.line)}: {file.reason}. "
        f"Failing since {file.failed_since:%Y-%m-%d %H:%M} UTC, {file.attempts} attempts."
        for file in failed
    ]
    return named(lines, MOST_FILES, "\n")


def remedies(failed: Sequence[FailedFile]) -> str:
    """Return their remedies, each once."""
    return "\n".join(dict.fromkeys(failure.remedy for failure in failed[:MOST_FILES]))


def _place(key: str, line: int | None) -> str:
    return f"{key}{f', line {line}' if line else ''}"


def failed_table(failed: Sequence[FailedFile]) -> dg.TableMetadataValue:
    """Return a table of files that could not be loaded, with reason and remedy."""
    rows = [
        (
            file.source_key,
            file.line or 0,
            file.reason,
            file.remedy,
            f"{file.failed_since:%Y-%m-%d %H:%M}",
            file.attempts,
        )
        for file in failed[:MOST_FILES]
    ]
    return table(["file", "line", "reason", "remedy", "since", "attempts"], rows)


def unaccounted_table(wrong: Sequence[Unaccounted]) -> dg.TableMetadataValue:
    """Return a table of files whose rows and rejects do not add up to their records."""
    rows = [(file.source_key, file.records, file.rows, file.rejects) for file in wrong[:MOST_FILES]]
    return table(["file", "records", "rows", "rejects"], rows)


def reasons_table(name: str, found: Sequence[Reason]) -> dg.TableMetadataValue:
    """Return a table of a dataset's broken rules, with the newest file as an example."""
    rows = [
        (
            *(broken.column, broken.reason, broken.records, broken.files),
            *(broken.example_file, ", ".join(map(str, broken.example_lines))),
            remedy(name, broken.reason, is_error=broken.is_error),
        )
        for broken in found
    ]
    return table(["column", "rule", "count", "files", "file", "lines", "remedy"], rows)


def findings_table(result: FileResult) -> dg.TableMetadataValue:
    """Return a table of the broken rules of one file."""
    rows = [
        (
            *(
                finding.column,
                finding.reason,
                "quarantined" if finding.error else "loaded",
                finding.count,
            ),
            ", ".join(map(str, finding.lines)),
        )
        for finding in result.findings[:MOST_FILES]
    ]
    return table(["column", "rule", "records", "count", "lines"], rows)


def preview(shown: Preview) -> Metadata:
    """Return a table of a few rows, and one of the cells emptied in it, if there are any."""
    rows = table(shown.columns, [[_plain(cell) for cell in row] for row in shown.rows])
    if not shown.emptied:
        return {"preview": rows}
    return {
        "preview": rows,
        "emptied_in_preview": table(["column", "cells with an email"], list(shown.emptied.items())),
    }


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dg.TableMetadataValue:
    """Return a table for the UI."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows],
        schema=dg.TableSchema(
            [dg.TableColumn(name, _kind(rows, index)) for index, name in enumerate(columns)]
        ),
    )


def _kind(rows: Sequence[Sequence[Any]], index: int) -> str:
    return "int" if rows and all(isinstance(row[index], int) for row in rows) else "string"


def _plain(cell: object) -> str | int | bool:
    return cell if isinstance(cell, int) else "" if cell is None else str(cell)
