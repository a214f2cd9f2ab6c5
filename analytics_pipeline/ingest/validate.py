"""What is wrong with typed rows, by the dataset's pandera model: which row, which column, which rule, error or warning.

Rules are declared in `datasets/`; what becomes of a row that breaks one is decided in `batch.py`. What becomes of a bad cell on
which nothing rests is decided here: it is left empty, with a warning, and its text is kept in `_extra`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pandera.polars as pa
import polars as pl

from analytics_pipeline.datasets import Column, Dataset
from analytics_pipeline.datasets.sql_types import not_a
from analytics_pipeline.ingest.csv.read_files import EXTRA, FILE, SHORT, UNREAD
from analytics_pipeline.ingest.csv.second_look import typed_columns
from analytics_pipeline.words import Words, joined, words

WHOLE_ROW = "*"
"""Column of a rule that is about several columns."""

ISSUES = pl.Schema({"row": pl.UInt32, "column": pl.String, "reason": pl.String, "error": pl.Boolean})
"""One line per row and broken rule; `reason` never holds a value, as it is shown in the UI."""

STILL_OPEN_AFTER = timedelta(days=1)
"""An instant that is later than its file by more than this is no moment that was seen, but a word for "still open" (9999, 2038)."""

_SHIFTED = words(", and the row lacks cells, so it may be shifted")
_EMPTIED = words(", so the cell is left empty and its text kept in _extra")
_STILL_OPEN = words("it is over a day later than the file, as an end that is not known yet may be")


def judge(dataset: Dataset, rows: pl.DataFrame, written: Sequence[datetime]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judge rows by the dataset's model, and mend or empty the cells that need not send a row to quarantine.

    Checks are called one by one for their mask of rows: what pandera's `validate` would render of the failures costs
    more than a minute where every row fails, and a violated check passes in silence on a LazyFrame.

    Args:
        dataset: whose model judges.
        rows: as `read_files` returns them.
        written: for each file, by its index, when the vendor wrote it (UTC, naive).

    Returns:
        The rows as they are to be loaded, and a frame with the columns of ISSUES, in the order of the model's columns and rules.

    Raises:
        pandera.errors.SchemaError: the frame's columns or types are not the model's (a bug, not bad input).
    """
    dataset.schema.validate(rows.select(column.name for column in dataset.columns).clear())
    judged = _Judged(dataset, rows, [at + STILL_OPEN_AFTER for at in written])
    for column in dataset.columns:
        judged.judge_column(column)
    judged.judge_rows()
    judged.keep_texts()
    return judged.rows, pl.concat(judged.issues) if judged.issues else ISSUES.to_frame()


@dataclass
class _Judged:
    """Rows while they are judged, column by column.

    Attributes:
        latest: for each file, the latest moment that can have been seen.
        issues: what was found.
        kept: by column, the texts of the cells that were emptied; NULL for the other rows.
    """

    dataset: Dataset
    rows: pl.DataFrame
    latest: Sequence[datetime]
    issues: list[pl.DataFrame] = field(default_factory=list)
    kept: dict[str, pl.Series] = field(default_factory=dict)

    def __post_init__(self) -> None:
        short = self.rows[SHORT] > 0
        self.short = short if short.any() else None
        unread = self.rows[UNREAD]
        self.unread = unread if unread.null_count() < len(unread) else None
        self.place = {column.name: at for at, column in enumerate(typed_columns(self.dataset))}

    def judge_column(self, column: Column) -> None:
        """Find what is wrong with the cells of a column."""
        unread = self._unread(column)
        values = self.rows[column.name]
        if not column.nullable and values.null_count():
            empty = values.is_null()
            self._note(column.name, words("it is empty"), True, empty & ~unread if unread is not None else empty)
        if column.leading_zeros:
            self._put_zeros_back(column)
        if column.sql_type == "TIMESTAMP":
            self._take_for_open(column)
        for check in self.dataset.schema.columns[column.name].checks:
            broken = _broken(check, self.rows.lazy(), column.name)
            if not broken.any():
                continue
            if check.raise_warning:
                self._warn(column.name, in_words(check, column), broken)
            elif column.essential:
                self._note(column.name, in_words(check, column), True, broken)
            else:
                self._empty(column, in_words(check, column), broken, _as_text(self.rows[column.name], broken))

    def judge_rows(self) -> None:
        """Find what is wrong with rows as a whole."""
        for check in self.dataset.schema.checks:
            broken = _broken(check, self.rows.lazy(), None)
            self._note(WHOLE_ROW, in_words(check), not check.raise_warning, broken)
        key = self.dataset.row_key
        repeated = self.rows.select(pl.struct(FILE, *key).is_duplicated()).to_series()
        self._note(WHOLE_ROW, words("it repeats the key ({}) of another row", joined(map(Words, key))), False, repeated)

    def keep_texts(self) -> None:
        """Put the texts of emptied cells into `_extra`, under their columns' names."""
        if not self.kept:
            return
        texts = pl.DataFrame(self.kept)
        some = texts.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        extra = self.rows[EXTRA].filter(some)
        merged = pl.Series(
            [
                json.dumps(
                    {**json.loads(before or "{}"), **{name: text for name, text in row.items() if text is not None}}
                )
                for before, row in zip(extra, texts.filter(some).iter_rows(named=True), strict=True)
            ],
            dtype=pl.String,
        )
        self.rows = self.rows.with_columns(self.rows[EXTRA].scatter(some.arg_true(), merged).alias(EXTRA))

    def _unread(self, column: Column) -> pl.Series | None:
        """Find the cells whose text is no value of the column's type."""
        if self.unread is None or column.name not in self.place:
            return None
        texts = self.unread.list.get(self.place[column.name])
        unread = texts.is_not_null()
        if not unread.any():
            return None
        reason = words("it is {}", not_a(column.sql_type))
        if column.essential:
            self._note(column.name, reason, True, unread)
        else:
            self._empty(column, reason, unread, texts)
        return unread

    def _put_zeros_back(self, column: Column) -> None:
        zeros = column.leading_zeros
        assert zeros is not None
        values = self.rows[column.name]
        if not (values.str.len_bytes() < zeros.width).any():
            return
        lost = values.str.contains(rf"^[0-9]{{{zeros.shortest},{zeros.width - 1}}}$").fill_null(False)
        self.rows = self.rows.with_columns(
            pl.when(lost).then(values.str.zfill(zeros.width)).otherwise(values).alias(column.name)
        )
        self._warn(
            column.name, words("it has lost leading zeros, which are put back to make {} digits", zeros.width), lost
        )

    def _take_for_open(self, column: Column) -> None:
        values = self.rows[column.name]
        if not (values > min(self.latest)).any():
            return
        latest = pl.Series(self.latest, dtype=pl.Datetime("us")).gather(self.rows[FILE])
        late = (values > latest).fill_null(False)
        self._empty(column, _STILL_OPEN, late, values.dt.to_string("%Y-%m-%d %H:%M:%S"))

    def _empty(self, column: Column, reason: Words, bad: pl.Series, texts: pl.Series) -> None:
        """Empty bad cells and keep their texts; in a short row, a bad cell tells that it is shifted."""
        whole = self._split_short(column.name, reason, bad)
        if not whole.any():
            return
        self._note(column.name, words("{}{}", reason, _EMPTIED), False, whole)
        values = self.rows[column.name]
        self.rows = self.rows.with_columns(pl.when(~whole).then(values).alias(column.name))
        before = self.kept.get(column.name, pl.Series([None], dtype=pl.String).new_from_index(0, len(whole)))
        self.kept[column.name] = pl.select(pl.when(whole).then(texts).otherwise(before)).to_series()

    def _warn(self, column: str, reason: Words, broken: pl.Series) -> None:
        """Note a warning; a short row may be shifted: there, every cell must be plausible for the column it lands in."""
        self._note(column, reason, False, self._split_short(column, words("{}{}", reason, _SHIFTED), broken))

    def _split_short(self, column: str, reason: Words, broken: pl.Series) -> pl.Series:
        """Note an error for the short rows among those, and return the others."""
        if self.short is None:
            return broken
        self._note(column, reason, True, broken & self.short)
        return broken & ~self.short

    def _note(self, column: str, reason: Words, error: bool, broken: pl.Series) -> None:
        if len(bad := broken.arg_true()):
            found = {"row": bad, "column": column, "reason": reason, "error": error}
            self.issues.append(pl.DataFrame(found, schema=ISSUES))


def _broken(check: pa.Check, rows: pl.LazyFrame, column: str | None) -> pl.Series:
    result = check(rows, column) if column else check(rows)
    return ~result.check_output.collect().to_series()


def _plain(value: int | Decimal) -> str:
    text = str(value) if isinstance(value, int) else f"{value:f}"  # an int with `:f` is rounded to a float
    return text.rstrip("0").rstrip(".") if "." in text else text


def _as_text(values: pl.Series, wanted: pl.Series) -> pl.Series:
    """Numbers as people write them, NULL where they are not wanted."""
    texts = [_plain(value) for value in values.filter(wanted)]
    place = pl.select(pl.when(wanted).then(wanted.cum_sum().cast(pl.Int64) - 1)).to_series()
    return pl.Series(texts, dtype=pl.String).gather(place)


_WISHES = {
    "greater_than": "greater than {min_value}",
    "greater_than_or_equal_to": "{min_value} or more",
    "in_range": "from {min_value} to {max_value}",
    "isin": "one of {allowed_values}",
}


def in_words(check: pa.Check, column: Column | None = None) -> Words:
    """A rule for people: its own words where the declaration has some, else those for pandera's built-in checks."""
    if check.description or (column and column.rule):
        return Words(check.description or column.rule)  # type: ignore[union-attr]
    wish = _WISHES.get(str(check.name), str(check.error or check.name))
    return Words(f"it {'should' if check.raise_warning else 'must'} be {wish.format(**(check.statistics or {}))}")
