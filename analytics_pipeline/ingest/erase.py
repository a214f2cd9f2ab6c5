"""Remove people from delivered texts and from landed files.

`datasets/` declares which columns relate to a person. `ingest/erase_batch.py` removes people from
records that are about to be written, `warehouse/erase.py` from records that are already written.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import chain, islice, pairwise
from pathlib import Path

from analytics_pipeline.datasets import Dataset, Person, normal_form
from analytics_pipeline.datasets.cells import whole_number
from analytics_pipeline.ingest.csv.header import FileRefused, Header, read_header
from analytics_pipeline.ingest.csv.tolerant_reader import Record, cell_spans, read_records
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


def text_without(text: str, dataset: Dataset, people: People) -> str:
    """Return a text of a dataset without the people's emails.

    If texts tell the dataset's rows apart, as names of budgets do, different emails stay different.
    """
    return people.without_emails(text, distinct=dataset.text_identifies)


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
    return "" if holds_id else text_without(cell, dataset, people)


def erase_in_file(
    path: Path, dataset: Dataset, people: People, *, dry_run: bool = False, into: Path | None = None
) -> Redacted:
    """Rewrite a landed file without the people's records, and without their traces in others.

    Every other byte stays.

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
    if not people:
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
    if not people.in_bytes(content):
        return Redacted()
    lines = list(StringIO(content.decode("utf-8", "surrogateescape"), newline=""))
    edits = list(_edits(path, lines, dataset, header, people))
    if edits and not dry_run:
        with private_file(into or path) as file:
            file.write(_edited(lines, edits))
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


def _edits(
    path: Path, texts: list[str], dataset: Dataset, header: Header, people: People
) -> Iterator[_Edit]:
    """Yield the changes of records that concern the people, in file order.

    `texts` are the file's lines.
    """
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
        if dataset.is_about_people and _is_theirs(record, subjects, header.width, people):
            yield _Edit(lines, record.raw)
        elif record.fault or len(record.cells) > header.width:
            # Its cells can't be told apart. Take the file's own text, as `raw` shows other bytes.
            raw = "".join(texts[lines])
            if (text := text_without(raw, dataset, people)) != raw:
                yield _Edit(lines, raw, text, cells=1)
        else:
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


def _edited(lines: list[str], edits: list[_Edit]) -> bytes:
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
                + (text_without(text[span], dataset, people) if left else "")
                + text[span.stop :]
            )
            changed += 1
    return text, changed
