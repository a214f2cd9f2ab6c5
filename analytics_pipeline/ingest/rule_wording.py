"""Word the rules that the datasets' pandera models declare."""

import pandera.polars as pa

from analytics_pipeline.datasets import Column
from analytics_pipeline.words import Words

_CONDITIONS = {
    "greater_than": "greater than {min_value}",
    "greater_than_or_equal_to": "{min_value} or more",
    "in_range": "from {min_value} to {max_value}",
    "above": "more than {min_value}, and at most {max_value}",
    "isin": "one of {allowed_values}",
}


def describe_rule(check: pa.Check, column: Column | None = None) -> Words:
    """Return a rule in words: the declaration's wording, else one for pandera's check."""
    if check.description or (column and column.rule):
        return Words(check.description or column.rule)  # type: ignore[union-attr]
    name = str(check.name)
    if name == "in_range" and not (check.statistics or {}).get("include_min", True):
        name = "above"
    condition = _CONDITIONS.get(name, str(check.error or check.name))
    return Words(
        f"it {'should' if check.raise_warning else 'must'} be"
        f" {condition.format(**(check.statistics or {}))}"
    )
