"""What is left of delivered records when some people are taken out: of a batch before it is written, of a file on disk.

Which columns stand for a person is declared in `datasets/`; what the warehouse holds is erased in `warehouse/erase.py`.
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
"""A cell of a sound record and what ends it."""
_BETWEEN_CELLS = re.compile(r'[,"\r\n]')


@dataclass(frozen=True)
class People:
    """People who are to be gone.

    Attributes:
        ids: their Vocareum ids.
        emails: what is known of their emails.
    """

    ids: frozenset[int] = frozenset()
    emails: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids)

    def also_by(self, addresses: Iterable[str | None]) -> "People":
        """The same people with addresses that stand beside their ids; what is no email is left out."""
        return replace(self, emails=self.emails | {one.strip(BLANKS) for one in addresses if one and "@" in one})

    def in_text(self, text: str) -> bool:
        """Whether a record that can't be trusted holds one of their ids as a whole cell, or an email anywhere."""
        if any(whole_number(cell) in self.ids for cell in _BETWEEN_CELLS.split(text)):
            return True
        # x@y.org is not x@y, but "x@y." is x@y at the end of a sentence.
        return any(
            re.search(rf"(?<![\w.+-]){re.escape(email)}(?![\w-]|\.\w)", text, re.IGNORECASE) for email in self.emails
        )

    def in_bytes(self, content: bytes) -> bool:
        """Whether a file may concern them; False is certain for text, but not for what is compressed or UTF-16."""
        text = content.decode("utf-8", "surrogateescape").lower()
        return any(sign in text for sign in [*map(str, self.ids), *map(str.lower, self.emails)])


@dataclass(frozen=True)
class Redacted:
    """What was taken out of a file.

    Attributes:
        records: records removed.
        cells: cells emptied in the records of others.
        removed: whether the whole file was removed, as its records can't be told apart.
    """

    records: int = 0
    cells: int = 0
    removed: bool = False

    def __bool__(self) -> bool:
        return bool(self.records or self.cells or self.removed)


def erase_in_batch(batch: Batch, people: People) -> None:
    """Drop what concerns the people from a batch, and count it in its files' verdicts."""
    subjects = batch.dataset.columns_of(Person.SUBJECT)
    if not people or not subjects:
        return
    ids = list(people.ids)
    if batch.rows.height:
        theirs = batch.rows.select(pl.any_horizontal(pl.col(subjects).is_in(ids))).to_series()
        for name in batch.dataset.columns_of(Person.ADDRESS):
            people = people.also_by(batch.rows.filter(theirs)[name])
        for at, count in batch.rows.filter(theirs)[FILE].value_counts().iter_rows():
            batch.files[at].rows -= count
            batch.files[at].erased += count
        others = [pl.col(name) for name in batch.dataset.columns_of(Person.MENTION)]
        batch.rows = batch.rows.filter(~theirs).with_columns(pl.when(~one.is_in(ids)).then(one) for one in others)
    theirs = pl.Series([people.in_text(raw or "") for raw in batch.rejects["raw"]], dtype=pl.Boolean)
    for at, count in batch.rejects.filter(theirs)[FILE].value_counts().iter_rows():
        if batch.files[at].failure is None:
            batch.files[at].rejects -= count
            batch.files[at].erased += count
    batch.rejects = batch.rejects.filter(~theirs)


def erase_in_file(
    path: Path, dataset: Dataset, people: People, *, dry_run: bool = False, into: Path | None = None
) -> Redacted:
    """Rewrite a landed file without what concerns the people; all other records stay as they are, byte by byte.

    Args:
        path: a file as delivered; nothing happens if there is none.
        dataset: what it holds.
        people: who is to be gone.
        dry_run: count and change nothing.
        into: where the rewritten file goes if there is anything to take out; by default in place of `path`.

    Raises:
        OSError: it can't be read or written; it is as it was.
    """
    if not people or not dataset.columns_of(Person.SUBJECT):
        return Redacted()
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # another run may have put it away just now
        return Redacted()
    try:
        header = read_header(path, dataset)
    except FileRefused:
        # Nothing of it is loaded. What holds a NUL byte is binary or UTF-16, and can't be searched.
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
    """What becomes of one record: some cells are emptied, or it goes if none are named.

    Attributes:
        lines: its place among the lines of the file.
        raw: its text.
        cells: places of the cells to empty.
    """

    lines: slice
    raw: str
    cells: frozenset[int] = frozenset()


def _edits(path: Path, dataset: Dataset, header: Header, people: People) -> Iterator[_Edit]:
    """The records that concern the people, in the order of the file."""
    at = {name: position for position, name in enumerate(header.names)}
    subjects = [at[name] for name in dataset.columns_of(Person.SUBJECT) if name in at]
    mentions = [at[name] for name in dataset.columns_of(Person.MENTION) if name in at]
    for position in (at[name] for name in dataset.columns_of(Person.ADDRESS) if name in at):
        # Once erased, only their ids are known; the file itself tells the emails by which damaged records are found.
        rows = (one for one in _records(path) if position < len(one.cells) <= header.width)
        known = {row.cells[position] for row in rows if any(_id_at(row, subject) in people.ids for subject in subjects)}
        people = people.also_by(known)
    for record, following in pairwise(chain(_records(path), [None])):
        assert record is not None
        lines = slice(record.line - 1, following.line - 1 if following else None)
        if _is_theirs(record, subjects, header.width, people):
            yield _Edit(lines, record.raw)
        elif cells := frozenset(cell for cell in mentions if _id_at(record, cell) in people.ids):
            yield _Edit(lines, record.raw, cells)


def _records(path: Path) -> Iterator[Record]:
    """Those behind the header."""
    return islice(read_records(path), 1, None)


def _is_theirs(record: Record, subjects: list[int], width: int, people: People) -> bool:
    """Whether a record is about the people: by its id, or by any sign of them if there is none to be trusted."""
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
    """A sound record's text with some cells empty."""
    parts = (found.groups() for found in _CELL.finditer(raw))
    return "".join(("" if at in cells else cell) + end for at, (cell, end) in enumerate(parts))
