"""Remove people from delivered records: from a batch before it is written, and from a landed file.

`datasets/` declares which columns relate to a person. `warehouse/erase.py` erases rows in the
warehouse.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import chain, islice, pairwise
from pathlib import Path

import polars as pl

from analytics_pipeline.datasets import Dataset, Person, normal_form
from analytics_pipeline.datasets.cells import whole_number
from analytics_pipeline.ingest.batch import Batch
from analytics_pipeline.ingest.csv.header import FileRefused, Header, read_header
from analytics_pipeline.ingest.csv.tolerant_reader import Record, cell_spans, read_records
from analytics_pipeline.ingest.csv.typing_query import EXTRA, FILE
from analytics_pipeline.ingest.people import People
from analytics_pipeline.storage.atomic_write import private_file

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True)
class Redacted:
    """What was removed from a file.

    Attributes:
        records: number of removed records.
        cells: number of cells in other people's records that were emptied, or had an email
            replaced.
        removed: whether the whole file was deleted, as its records can't be told apart.
    """

    records: int = 0
    cells: int = 0
    removed: bool = False

    def __bool__(self) -> bool:
        return bool(self.records or self.cells or self.removed)


def erase_in_batch(batch: Batch, people: People) -> None:
    """Remove the people's records from a batch, and count them in the results of its files."""
    subjects = batch.dataset.columns_of(Person.SUBJECT)
    if not people or not subjects:
        return
    ids = list(people.ids)
    if batch.rows.height:
        about_them = batch.rows.select(pl.any_horizontal(pl.col(subjects).is_in(ids))).to_series()
        for name in batch.dataset.columns_of(Person.ADDRESS):
            people = people.with_addresses(batch.rows.filter(about_them)[name])
        for index, count in batch.rows.filter(about_them)[FILE].value_counts().iter_rows():
            batch.files[index].rows -= count
            batch.files[index].erased += count
        others = [pl.col(name) for name in batch.dataset.columns_of(Person.MENTION)]
        batch.rows = batch.rows.filter(~about_them).with_columns(
            pl.when(~cell.is_in(ids)).then(cell) for cell in others
        )
    people = people.recognising("\n".join(batch.rejects["raw"].drop_nulls()))
    if batch.rows.height:
        batch.rows = _without_mentions(batch.rows, batch.dataset, people)
    about_them = pl.Series(
        [people.in_text(raw or "") for raw in batch.rejects["raw"]], dtype=pl.Boolean
    )
    for index, count in batch.rejects.filter(about_them)[FILE].value_counts().iter_rows():
        if batch.files[index].failure is None:
            batch.files[index].rejects -= count
            batch.files[index].erased += count
    batch.rejects = batch.rejects.filter(~about_them)


def _without_mentions(rows: pl.DataFrame, dataset: Dataset, people: People) -> pl.DataFrame:
    """Replace the people's emails in other people's texts, and remove their ids from EXTRA."""
    for name in texts_of_others(dataset):
        texts = rows[name].filter(rows[name].str.contains("@", literal=True)).unique().to_list()
        known = people.recognising("\n".join(texts))
        changed = {text: new for text in texts if (new := known.without_emails(text)) != text}
        if changed:
            rows = rows.with_columns(pl.col(name).replace(changed))
    extras = rows[EXTRA].drop_nulls().unique().to_list()
    without = {text: extra_without(text, dataset, people) for text in extras}
    if changes := {text: new for text, new in without.items() if new != text}:
        values = pl.Series(EXTRA, [changes.get(text, text) for text in rows[EXTRA]], pl.String)
        rows = rows.with_columns(values)
    return rows


def texts_of_others(dataset: Dataset) -> list[str]:
    """Return the text columns that do not hold the address of the row's own person."""
    return [
        column.name
        for column in dataset.columns
        if column.is_text and column.person is not Person.ADDRESS
    ]


def extra_without(extra: str, dataset: Dataset, people: People) -> str | None:
    """Return EXTRA's JSON without the people's ids and emails; None if nothing is left."""
    people = people.recognising(extra)
    cells = json.loads(extra)
    kept = {
        key: _cell_without(normal_form(key), text, dataset, people) for key, text in cells.items()
    }
    if kept == cells:
        return extra
    return (
        json.dumps({key: text for key, text in kept.items() if text}, ensure_ascii=False)
        if any(kept.values())
        else None
    )


def _cell_without(name: str, cell: str, dataset: Dataset, people: People) -> str:
    """Return another person's cell without the people's ids and emails.

    Keeps the address of the record's own person, as two users may share one. An unannounced column
    may hold ids if its name ends in `id`; keeps any other number that equals an id.
    """
    if name in dataset.columns_of(Person.ADDRESS):
        return cell
    if name in dataset.columns_of(Person.MENTION):
        holds_id = any(int(digits) in people.ids for digits in _DIGITS.findall(cell))
    else:
        announced = any(column.name == name for column in dataset.columns)
        holds_id = not announced and name.endswith("id") and whole_number(cell) in people.ids
    return "" if holds_id else people.without_emails(cell)


def erase_in_file(
    path: Path, dataset: Dataset, people: People, *, dry_run: bool = False, into: Path | None = None
) -> Redacted:
    """Rewrite a landed file without the people's records. All other records stay byte for byte.

    Args:
        path: a file as delivered; a missing one is ignored.
        dataset: its dataset.
        people: the people to remove.
        dry_run: count and change nothing.
        into: target of the rewritten file, if there is anything to remove; by default it replaces
            `path`.

    Raises:
        OSError: the file can't be read or written. It is unchanged.
    """
    if not people or not dataset.columns_of(Person.SUBJECT):
        return Redacted()
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # another run may just have removed it
        return Redacted()
    people = people.recognising(content.decode("utf-8", "surrogateescape"))
    try:
        header = read_header(path, dataset)
    except FileRefused:
        # None of it is loaded. A file with a NUL byte is binary or UTF-16, and can't be searched.
        removed = b"\0" in content or people.in_bytes(content)
        if removed and not dry_run:
            path.unlink()
        return Redacted(removed=removed)
    edits = list(_edits(path, dataset, header, people)) if people.in_bytes(content) else []
    if edits and not dry_run:
        with private_file(into or path) as file:
            file.write(_edited(content, edits))
    return Redacted(
        sum(1 for edit in edits if edit.text is None), sum(edit.cells for edit in edits)
    )


@dataclass(frozen=True)
class _Edit:
    """The change of one record.

    Attributes:
        lines: position of the record among the file's lines.
        raw: its text.
        text: new text; None to remove the record.
        cells: number of changed cells.
    """

    lines: slice
    raw: str
    text: str | None = None
    cells: int = 0


def _edits(path: Path, dataset: Dataset, header: Header, people: People) -> Iterator[_Edit]:
    """Yield the changes of records that concern the people, in file order."""
    positions = {name: position for position, name in enumerate(header.names)}
    subjects = [positions[name] for name in dataset.columns_of(Person.SUBJECT) if name in positions]
    for position in (
        positions[name] for name in dataset.columns_of(Person.ADDRESS) if name in positions
    ):
        # Of an erased person only the id is known. The file itself holds the emails by which
        # damaged records are found.
        rows = (record for record in _records(path) if position < len(record.cells) <= header.width)
        known = {
            row.cells[position]
            for row in rows
            if any(_id_at(row, subject) in people.ids for subject in subjects)
        }
        people = people.with_addresses(known)
    for record, following in pairwise(chain(_records(path), [None])):
        assert record is not None
        lines = slice(record.line - 1, following.line - 1 if following else None)
        if _is_theirs(record, subjects, header.width, people):
            yield _Edit(lines, record.raw)
        elif not record.fault:
            text, cells = _without(record, header, dataset, people)
            if cells:
                yield _Edit(lines, record.raw, text, cells)


def _records(path: Path) -> Iterator[Record]:
    """Yield the records after the header."""
    return islice(read_records(path), 1, None)


def _is_theirs(record: Record, subjects: list[int], width: int, people: People) -> bool:
    """Return whether a record is about the people, by its id or, if untrusted, by any trace."""
    ids = [_id_at(record, subject) for subject in subjects]
    if record.fault or len(record.cells) > width or None in ids:
        return people.in_text(record.raw)
    return not people.ids.isdisjoint(ids)


def _id_at(record: Record, position: int) -> int | None:
    return whole_number(record.cells[position]) if position < len(record.cells) else None


def _edited(content: bytes, edits: list[_Edit]) -> bytes:
    lines = list(StringIO(content.decode("utf-8", "surrogateescape"), newline=""))
    for edit in reversed(edits):
        text = "".join(lines[edit.lines])
        lines[edit.lines] = [] if edit.text is None else [edit.text + text[len(edit.raw) :]]
    return "".join(lines).encode("utf-8", "surrogateescape")


def _without(record: Record, header: Header, dataset: Dataset, people: People) -> tuple[str, int]:
    """Return another person's sound record without the people, and the number of changed cells.

    Other cells keep their bytes.
    """
    if not people.in_bytes(record.raw.encode()):
        return record.raw, 0
    text, changed = record.raw, 0
    cells = list(zip(header.names, record.cells, cell_spans(record.raw), strict=False))
    for name, cell, span in reversed(cells):  # from the end, so that earlier positions stay valid
        if (left := _cell_without(name, cell, dataset, people)) != cell:
            text = (
                text[: span.start]
                + (people.without_emails(text[span]) if left else "")
                + text[span.stop :]
            )
            changed += 1
    return text, changed
