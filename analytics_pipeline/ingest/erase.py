"""Remove people from delivered records: from a batch before it is written, and from a landed file.

`datasets/` declares which columns relate to a person. `warehouse/erase.py` erases rows in the warehouse.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from itertools import chain, islice, pairwise
from pathlib import Path

import polars as pl

from analytics_pipeline.datasets import Dataset, Person
from analytics_pipeline.datasets.cells import BLANKS, whole_number
from analytics_pipeline.ingest.batch import Batch
from analytics_pipeline.ingest.csv.header import FileRefused, Header, read_header
from analytics_pipeline.ingest.csv.read_files import FILE
from analytics_pipeline.ingest.csv.tolerant_reader import Record, read_records
from analytics_pipeline.storage.private_files import private_file

_CELL = re.compile(r'( *"(?:[^"]|"")*"[ \t]*|[^,]*)(,|\Z)')
"""A cell of a sound record, and its separator."""
_BETWEEN_CELLS = re.compile(r'[,"\r\n]')


@dataclass(frozen=True)
class People:
    """People to remove.

    Attributes:
        ids: their Vocareum ids.
        emails: their known emails.
    """

    ids: frozenset[int] = frozenset()
    emails: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids)

    def with_addresses(self, addresses: Iterable[str | None]) -> "People":
        """Return the same people with additional addresses; texts without an @ are ignored."""
        emails = {address.strip(BLANKS) for address in addresses if address and "@" in address}
        return replace(self, emails=self.emails | emails)

    def in_text(self, text: str) -> bool:
        """Return whether an untrusted record holds one of their ids as a whole cell, or an email anywhere."""
        if any(whole_number(cell) in self.ids for cell in _BETWEEN_CELLS.split(text)):
            return True
        # x@y.org is not x@y, but "x@y." is x@y at the end of a sentence.
        return any(
            re.search(rf"(?<![\w.+-]){re.escape(email)}(?![\w-]|\.\w)", text, re.IGNORECASE) for email in self.emails
        )

    def in_bytes(self, content: bytes) -> bool:
        """Return whether a file may concern them. False is certain for text, not for compressed data or UTF-16."""
        text = content.decode("utf-8", "surrogateescape").lower()
        return any(sign in text for sign in [*map(str, self.ids), *map(str.lower, self.emails)])


@dataclass(frozen=True)
class Redacted:
    """What was removed from a file.

    Attributes:
        records: number of removed records.
        cells: number of cells emptied in other people's records.
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
        theirs = batch.rows.select(pl.any_horizontal(pl.col(subjects).is_in(ids))).to_series()
        for name in batch.dataset.columns_of(Person.ADDRESS):
            people = people.with_addresses(batch.rows.filter(theirs)[name])
        for index, count in batch.rows.filter(theirs)[FILE].value_counts().iter_rows():
            batch.files[index].rows -= count
            batch.files[index].erased += count
        others = [pl.col(name) for name in batch.dataset.columns_of(Person.MENTION)]
        batch.rows = batch.rows.filter(~theirs).with_columns(pl.when(~cell.is_in(ids)).then(cell) for cell in others)
    theirs = pl.Series([people.in_text(raw or "") for raw in batch.rejects["raw"]], dtype=pl.Boolean)
    for index, count in batch.rejects.filter(theirs)[FILE].value_counts().iter_rows():
        if batch.files[index].failure is None:
            batch.files[index].rejects -= count
            batch.files[index].erased += count
    batch.rejects = batch.rejects.filter(~theirs)


def erase_in_file(
    path: Path, dataset: Dataset, people: People, *, dry_run: bool = False, into: Path | None = None
) -> Redacted:
    """Rewrite a landed file without the people's records. All other records stay byte for byte.

    Args:
        path: a file as delivered; a missing one is ignored.
        dataset: its dataset.
        people: the people to remove.
        dry_run: count and change nothing.
        into: target of the rewritten file, if there is anything to remove; by default it replaces `path`.

    Raises:
        OSError: the file can't be read or written. It is unchanged.
    """
    if not people or not dataset.columns_of(Person.SUBJECT):
        return Redacted()
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # another run may just have removed it
        return Redacted()
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
    return Redacted(sum(1 for edit in edits if not edit.cells), sum(len(edit.cells) for edit in edits))


@dataclass(frozen=True)
class _Edit:
    """Change of one record: some cells are emptied, or the record is removed if none are named.

    Attributes:
        lines: position of the record among the file's lines.
        raw: its text.
        cells: positions of the cells to empty.
    """

    lines: slice
    raw: str
    cells: frozenset[int] = frozenset()


def _edits(path: Path, dataset: Dataset, header: Header, people: People) -> Iterator[_Edit]:
    """Yield the changes of records that concern the people, in file order."""
    positions = {name: position for position, name in enumerate(header.names)}
    subjects = [positions[name] for name in dataset.columns_of(Person.SUBJECT) if name in positions]
    mentions = [positions[name] for name in dataset.columns_of(Person.MENTION) if name in positions]
    for position in (positions[name] for name in dataset.columns_of(Person.ADDRESS) if name in positions):
        # Of an erased person only the id is known. The file itself holds the emails by which damaged records are found.
        rows = (record for record in _records(path) if position < len(record.cells) <= header.width)
        known = {row.cells[position] for row in rows if any(_id_at(row, subject) in people.ids for subject in subjects)}
        people = people.with_addresses(known)
    for record, following in pairwise(chain(_records(path), [None])):
        assert record is not None
        lines = slice(record.line - 1, following.line - 1 if following else None)
        if _is_theirs(record, subjects, header.width, people):
            yield _Edit(lines, record.raw)
        elif cells := frozenset(cell for cell in mentions if _id_at(record, cell) in people.ids):
            yield _Edit(lines, record.raw, cells)


def _records(path: Path) -> Iterator[Record]:
    """Yield the records after the header."""
    return islice(read_records(path), 1, None)


def _is_theirs(record: Record, subjects: list[int], width: int, people: People) -> bool:
    """Return whether a record is about the people: by its id, or by any trace of them if the id can't be trusted."""
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
        lines[edit.lines] = [_without(edit.raw, edit.cells) + text[len(edit.raw) :]] if edit.cells else []
    return "".join(lines).encode("utf-8", "surrogateescape")


def _without(raw: str, cells: frozenset[int]) -> str:
    """Return a sound record's text with some cells emptied."""
    parts = (found.groups() for found in _CELL.finditer(raw))
    return "".join(("" if index in cells else cell) + end for index, (cell, end) in enumerate(parts))
