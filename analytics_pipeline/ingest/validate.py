"""Validate typed rows with the dataset's pandera model: errors and warnings by row.

`datasets/` declares the rules. `read_batch.py` quarantines rows with errors. A bad cell that is not
essential is emptied here, with a warning, and its text is kept in `_extra`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pandera.polars as pa
import polars as pl

from analytics_pipeline.datasets import Column, Dataset, Person, Privacy
from analytics_pipeline.datasets.sql_types import not_a
from analytics_pipeline.ingest.csv.careful_parser import typed_columns
from analytics_pipeline.ingest.csv.typing_query import EXTRA, FILE, SHORT, UNREAD
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.emptied_cells import EmptiedCells, number_texts
from analytics_pipeline.ingest.rule_wording import describe_rule
from analytics_pipeline.words import Words, joined, words

WHOLE_ROW = "*"
"""Column of a rule about several columns."""

ISSUES = pl.Schema(
    {"row": pl.UInt32, "column": pl.String, "reason": pl.String, "error": pl.Boolean}
)
"""One row per row and broken rule. `reason` never holds a value, as the UI shows it."""

STILL_OPEN_AFTER = timedelta(days=1)
"""A time that is later than its file by more than this was not observed; it means "still open"
(9999, 2038)."""

_SHIFTED = words(", and the row is not as wide as the header, so it may be shifted")
_EMPTIED = words(", so the cell is left empty and its text kept in _extra")
_MAYBE_A_NAME = words("the row's name or email is malformed, so this may be a shifted part of them")
_STILL_OPEN = words("it is over a day later than the file and had not happened yet")
_NO_LENGTH_YET = words("it is the length of something that had not ended yet")


def validate_rows(
    dataset: Dataset, rows: pl.DataFrame, deliveries: Sequence[Delivery]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Validate rows; repair or empty the cells that need not quarantine their row.

    Runs the checks one by one for their row masks. Rendering all failures in pandera's `validate`
    takes over a minute if every row fails, and it silently ignores failed checks on a LazyFrame.

    Args:
        dataset: the dataset with the model.
        rows: as `read_files` returns them.
        deliveries: the delivery of each file, by its index.

    Returns:
        The rows to load, and a frame with the columns of ISSUES, in the order of the model's
        columns and rules.

    Raises:
        pandera.errors.SchemaError: the frame's columns or types are not the model's (a bug, not bad
            input).
    """
    columns = rows.select(column.name for column in dataset.columns)
    dataset.schema.validate(columns.clear().lazy())  # lazy: columns and types, but no rules
    validation = _Validation(dataset, rows, deliveries)
    validation.empty_suspect_texts()
    for column in dataset.columns:
        validation.check_column(column)
    validation.check_rows()
    extra = validation.emptied.merged_into(validation.rows[EXTRA]).alias(EXTRA)
    rows = validation.rows.with_columns(extra)
    return rows, pl.concat(validation.issues) if validation.issues else ISSUES.to_frame()


@dataclass
class _Validation:
    """State of a validation, column by column.

    Attributes:
        deliveries: the delivery of each file, by its index.
        latest: for each file, the latest time that can have been observed.
        issues: the issues found so far.
        emptied: the texts of emptied cells.
    """

    dataset: Dataset
    rows: pl.DataFrame
    deliveries: Sequence[Delivery]
    issues: list[pl.DataFrame] = field(default_factory=list)
    emptied: EmptiedCells = field(default_factory=EmptiedCells)

    def __post_init__(self) -> None:
        written = [delivery.last_modified.replace(tzinfo=None) for delivery in self.deliveries]
        self.latest = [time + STILL_OPEN_AFTER for time in written]
        short = self.rows[SHORT] != 0
        self.short = short if short.any() else None
        unread = self.rows[UNREAD]
        self.unread = unread if unread.null_count() < len(unread) else None
        self.position = {
            column.name: index for index, column in enumerate(typed_columns(self.dataset))
        }

    def empty_suspect_texts(self) -> None:
        """Empty the texts that analysts may see where the person's name or email breaks its rule.

        An unquoted comma in a name, or a missing cell before it, shifts the name into such a text,
        and no form tells a name from another text. A value that its column lists is no name.
        """
        names = self.dataset.columns_of(Person.NAME)
        if not names:
            return
        suspect = pl.Series([False]).new_from_index(0, self.rows.height)
        for name in (*names, *self.dataset.columns_of(Person.ADDRESS)):
            for check in self.dataset.schema.columns[name].checks:
                suspect |= _broken(check, self.rows.lazy(), name)
        if self.short is not None:
            suspect &= ~self.short  # such a row is rejected as a whole
        if not suspect.any():
            return
        for column in self.dataset.columns:
            if column.is_text and column.privacy is not Privacy.PRIVATE:
                values = self.rows[column.name]
                suspicious = suspect & values.is_not_null() & ~_is_listed(self.dataset, values)
                self._empty(column, _MAYBE_A_NAME, suspicious, values)

    def check_column(self, column: Column) -> None:
        """Check the cells of a column."""
        unread = self._unread(column)
        values = self.rows[column.name]
        if not column.nullable and values.null_count():
            empty = values.is_null()
            self._add_issue(
                column.name,
                words("it is empty"),
                True,
                empty & ~unread if unread is not None else empty,
            )
        if column.leading_zeros:
            self._restore_zeros(column)
        if column.sql_type == "TIMESTAMP":
            self._empty_open_ends(column)
        for check in self.dataset.schema.columns[column.name].checks:
            broken = _broken(check, self.rows.lazy(), column.name)
            if not broken.any():
                continue
            if check.raise_warning:
                self._warn(column.name, describe_rule(check, column), broken)
            elif column.essential:
                self._add_issue(column.name, describe_rule(check, column), True, broken)
            else:
                self._empty(
                    column,
                    describe_rule(check, column),
                    broken,
                    number_texts(self.rows[column.name], broken),
                )

    def check_rows(self) -> None:
        """Check rows as a whole, together with the period of their file."""
        rows = self.rows.lazy().with_columns(self._periods())
        for check in self.dataset.schema.checks:
            broken = _broken(check, rows, None)
            self._add_issue(WHOLE_ROW, describe_rule(check), not check.raise_warning, broken)
        key = self.dataset.row_key
        repeated = self.rows.select(pl.struct(FILE, *key).is_duplicated()).to_series()
        reason = words("it repeats the key ({}) of another row", joined(map(Words, key)))
        self._add_issue(WHOLE_ROW, reason, self.dataset.key_is_unique, repeated)

    def _periods(self) -> list[pl.Series]:
        """Return the column that stores the period of each row's file; none for snapshots."""
        if (period := self.dataset.period) is None:
            return []
        starts = [delivery.partition.start for delivery in self.deliveries]
        return [pl.Series(period.column, starts, pl.Date).gather(self.rows[FILE])]

    def _unread(self, column: Column) -> pl.Series | None:
        """Report the cells whose text is not of the column's type, and return their mask."""
        if self.unread is None or column.name not in self.position:
            return None
        texts = self.unread.list.get(self.position[column.name])
        unread = texts.is_not_null()
        if not unread.any():
            return None
        reason = words("it is {}", not_a(column.sql_type))
        if column.essential:
            self._add_issue(column.name, reason, True, unread)
        else:
            self._empty(column, reason, unread, texts)
        return unread

    def _restore_zeros(self, column: Column) -> None:
        zeros = column.leading_zeros
        assert zeros is not None
        values = self.rows[column.name]
        if not (values.str.len_bytes() < zeros.width).any():
            return
        lost = values.str.contains(rf"^[0-9]{{{zeros.shortest},{zeros.width - 1}}}$").fill_null(
            False
        )
        self.rows = self.rows.with_columns(
            pl.when(lost).then(values.str.zfill(zeros.width)).otherwise(values).alias(column.name)
        )
        self._warn(
            column.name,
            words("it has lost leading zeros, which are put back to make {} digits", zeros.width),
            lost,
        )

    def _empty_open_ends(self, column: Column) -> None:
        """Empty times that had not happened when the file was written, and the length up to one."""
        values = self.rows[column.name]
        if not (values > min(self.latest)).any():
            return
        latest = pl.Series(self.latest, dtype=pl.Datetime("us")).gather(self.rows[FILE])
        late = (values > latest).fill_null(False)
        self._empty(column, _STILL_OPEN, late, values.dt.to_string("%Y-%m-%d %H:%M:%S"))
        if self.dataset.interval and column.name == self.dataset.interval[1]:
            self._empty_lengths(late)

    def _empty_lengths(self, still_open: pl.Series) -> None:
        for column in self.dataset.columns:
            if column.name == self.dataset.length:
                delivered = still_open & self.rows[column.name].is_not_null()
                texts = number_texts(self.rows[column.name], delivered)
                self._empty(column, _NO_LENGTH_YET, delivered, texts)

    def _empty(self, column: Column, reason: Words, bad: pl.Series, texts: pl.Series) -> None:
        """Empty bad cells and keep their texts.

        In a row that may be shifted, a bad cell means that it is: an error.
        """
        unshifted = self._split_short(column.name, reason, bad)
        if not unshifted.any():
            return
        self._add_issue(column.name, words("{}{}", reason, _EMPTIED), False, unshifted)
        values = self.rows[column.name]
        self.rows = self.rows.with_columns(pl.when(~unshifted).then(values).alias(column.name))
        self.emptied.add(column.name, unshifted, texts)

    def _warn(self, column: str, reason: Words, broken: pl.Series) -> None:
        """Report a warning.

        A short row, or one from which empty cells were cut, may be shifted: there it is an error.
        """
        self._add_issue(
            column,
            reason,
            False,
            self._split_short(column, words("{}{}", reason, _SHIFTED), broken),
        )

    def _split_short(self, column: str, reason: Words, broken: pl.Series) -> pl.Series:
        """Report an error for the rows among these that may be shifted, and return the others."""
        if self.short is None:
            return broken
        self._add_issue(column, reason, True, broken & self.short)
        return broken & ~self.short

    def _add_issue(self, column: str, reason: Words, error: bool, broken: pl.Series) -> None:
        if len(bad := broken.arg_true()):
            issue = {"row": bad, "column": column, "reason": reason, "error": error}
            self.issues.append(pl.DataFrame(issue, schema=ISSUES))


def _is_listed(dataset: Dataset, values: pl.Series) -> pl.Series:
    """Return whether each value of a column is one that the column lists."""
    checks = [check for check in dataset.schema.columns[values.name].checks if check.name == "isin"]
    listed = [value for check in checks for value in (check.statistics or {})["allowed_values"]]
    return values.is_in(listed)


def _broken(check: pa.Check, rows: pl.LazyFrame, column: str | None) -> pl.Series:
    result = check(rows, column) if column else check(rows)
    return ~result.check_output.collect().to_series()
