"""Texts of the cells that validation empties, on their way into `_extra`."""

import json
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl


@dataclass
class EmptiedCells:
    """Texts of emptied cells, by column; NULL for the rows whose cell is kept."""

    texts: dict[str, pl.Series] = field(default_factory=dict)

    def add(self, column: str, emptied: pl.Series, texts: pl.Series) -> None:
        """Add the texts of a column's emptied cells; the mask selects their rows."""
        earlier = self.texts.get(
            column, pl.Series([None], dtype=pl.String).new_from_index(0, len(emptied))
        )
        self.texts[column] = pl.select(pl.when(emptied).then(texts).otherwise(earlier)).to_series()

    def merged_into(self, extra: pl.Series) -> pl.Series:
        """Return the JSON texts of `_extra` with these texts under their columns' names."""
        if not self.texts:
            return extra
        texts = pl.DataFrame(self.texts)
        has_texts = texts.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        by_row = zip(
            extra.filter(has_texts), texts.filter(has_texts).iter_rows(named=True), strict=True
        )
        merged = [_merged(before, row) for before, row in by_row]
        return extra.scatter(has_texts.arg_true(), pl.Series(merged, dtype=pl.String))


def number_texts(values: pl.Series, selected: pl.Series) -> pl.Series:
    """Format the selected numbers as people write them; NULL elsewhere."""
    texts = [_plain(value) for value in values.filter(selected)]
    place = pl.select(pl.when(selected).then(selected.cum_sum().cast(pl.Int64) - 1)).to_series()
    return pl.Series(texts, dtype=pl.String).gather(place)


def _merged(before: str | None, texts: dict[str, str | None]) -> str:
    added = {name: text for name, text in texts.items() if text is not None}
    return json.dumps({**json.loads(before or "{}"), **added})


def _plain(value: int | Decimal) -> str:
    # `:f` would round an int to a float.
    text = str(value) if isinstance(value, int) else f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
