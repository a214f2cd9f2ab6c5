"""What is wrong with typed rows, by the dataset's pandera model: which row, which column, which rule, error or warning.

Rules are declared in `datasets/`; what becomes of a row that breaks one is decided in `batch.py`.
"""

from collections.abc import Iterator

import pandera.polars as pa
import polars as pl

from analytics_pipeline.datasets import Column, Dataset
from analytics_pipeline.datasets.sql_types import not_a
from analytics_pipeline.ingest.read import FILE, SHORT, UNREAD

WHOLE_ROW = "*"
"""Column of a rule that is about several columns."""

ISSUES = pl.Schema({"row": pl.UInt32, "column": pl.String, "reason": pl.String, "error": pl.Boolean})
"""One line per row and broken rule; `reason` never holds a value, as it is shown in the UI."""


def find_issues(dataset: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
    """Judge rows by the dataset's model.

    Checks are called one by one for their mask of rows: what pandera's `validate` would render of the failures costs
    more than a minute where every row fails, and a violated check passes in silence on a LazyFrame.

    Args:
        dataset: whose model judges.
        rows: as `read_files` returns them.

    Returns:
        A frame with the columns of ISSUES, in the order of the model's columns and rules.

    Raises:
        pandera.errors.SchemaError: the frame's columns or types are not the model's (a bug, not bad input).
    """
    names = [column.name for column in dataset.columns]
    dataset.schema.validate(rows.select(names).clear())
    found = [
        pl.DataFrame({"row": bad, "column": column, "reason": reason, "error": error}, schema=ISSUES)
        for column, reason, error, mask in _masks(dataset, rows)
        if len(bad := mask.arg_true())
    ]
    return pl.concat(found) if found else ISSUES.to_frame()


def _masks(dataset: Dataset, rows: pl.DataFrame) -> Iterator[tuple[str, str, bool, pl.Series]]:
    """Each rule that some row breaks, with the mask of those rows."""
    short = rows[SHORT] > 0
    any_short = bool(short.any())
    any_unread = bool((rows[UNREAD] != 0).any())
    lazy = rows.lazy()
    for position, column in enumerate(dataset.columns):
        values = rows[column.name]
        unread = (rows[UNREAD] & (1 << position)) != 0 if any_unread else None
        if unread is not None and unread.any():
            yield column.name, f"it is {not_a(column.sql_type)}", True, unread
        if not column.nullable and values.null_count():
            empty = values.is_null()
            yield column.name, "it is empty", True, empty & ~unread if unread is not None else empty
        for check in dataset.schema.columns[column.name].checks:
            broken = _broken(check, lazy, column.name)
            if not broken.any():
                continue
            reason = in_words(check, column)
            if not check.raise_warning:
                yield column.name, reason, True, broken
                continue
            # A short row may be shifted: there, every cell must be plausible for the column it lands in.
            if any_short:
                yield column.name, f"{reason}, and the row lacks cells, so it may be shifted", True, broken & short
            yield column.name, reason, False, broken & ~short
    for check in dataset.schema.checks:
        broken = _broken(check, lazy, None)
        if broken.any():
            yield WHOLE_ROW, in_words(check), not check.raise_warning, broken
    repeated = rows.select(pl.struct(FILE, *dataset.row_key).is_duplicated()).to_series()
    if repeated.any():
        yield WHOLE_ROW, f"it repeats the key ({', '.join(dataset.row_key)}) of another row", False, repeated


def _broken(check: pa.Check, rows: pl.LazyFrame, column: str | None) -> pl.Series:
    result = check(rows, column) if column else check(rows)
    return ~result.check_output.collect().to_series()


_WISHES = {
    "greater_than": "greater than {min_value}",
    "greater_than_or_equal_to": "{min_value} or more",
    "in_range": "from {min_value} to {max_value}",
    "isin": "one of {allowed_values}",
}


def in_words(check: pa.Check, column: Column | None = None) -> str:
    """A rule for people: its own words where the declaration has some, else those for pandera's built-in checks."""
    if check.description or (column and column.rule):
        return str(check.description or column.rule)  # type: ignore[union-attr]
    wish = _WISHES.get(str(check.name), str(check.error or check.name))
    return f"it {'should' if check.raise_warning else 'must'} be {wish.format(**(check.statistics or {}))}"
