"""What a person should do about a broken rule, by the kind of rule.

The rules' words are made in `validate.py`, `read.py` and `records.py`; the declarations in `datasets/` may have words of their own,
which say "must" if the row is quarantined and "should" if it loads.
"""

import re

KINDS: tuple[tuple[str, str], ...] = (
    (
        r"lacks cells, so it may be shifted|cells and the header",
        "The row is not as wide as its header, so its cells may stand in wrong columns. Ask Vocareum for the file again; nothing of "
        "the row is loaded until then.",
    ),
    (
        r"later than the file",
        "It is loaded as not ended. The end comes with a newer version of the file; if none comes, ask Vocareum.",
    ),
    (
        r"_extra|is left empty|loads empty",
        "The row is loaded without this cell, whose text stays in `_extra`. If Vocareum has changed the form of such values, have the "
        "reader learn it, then run `analytics-pipeline sync --full --dataset {dataset}`.",
    ),
    (
        r"credit or refund",
        "It is loaded, and part of every sum. Nothing is to be done if the bill has such a line; else ask Vocareum.",
    ),
    (
        r"leading zeros",
        "It is loaded with the zeros put back. If the number is another one, ask Vocareum for the file again.",
    ),
    (
        r"quote|UTF-8|characters|can't be told apart",
        "The file is damaged at that line. Look at it with `analytics-pipeline quarantine list --dataset {dataset} --records`, and ask "
        "Vocareum for the file again.",
    ),
    (
        r"repeats the key",
        "All of the rows are loaded. If they are the same record delivered twice, tell Vocareum; if they differ, a column is missing "
        "from `row_key` in analytics_pipeline/datasets/{dataset}.py.",
    ),
    (
        r"^it is empty",
        "The row has no meaning without this value. Ask Vocareum for it; the row loads with the next version of the file.",
    ),
    (
        r"^it is (not|no) |is beyond|is too ",
        "The cell has no form that is known for its type. If Vocareum has changed the form, have the reader learn it and run "
        "`analytics-pipeline quarantine replay --dataset {dataset}`; else ask Vocareum for the file again.",
    ),
    (
        r"should be one of",
        "It is loaded as delivered. If the value is a new one that Vocareum uses now, add it in "
        "analytics_pipeline/datasets/{dataset}.py, and look whether the models need it.",
    ),
    (
        r"\bshould\b",
        "It is loaded as delivered. Compare the line with Vocareum's own pages; if such values are right, change the rule in "
        "analytics_pipeline/datasets/{dataset}.py.",
    ),
    (
        r"\bmust\b",
        "Compare the line with Vocareum's own pages. If the value is right, change the rule in "
        "analytics_pipeline/datasets/{dataset}.py and run `analytics-pipeline quarantine replay --dataset {dataset}`; else ask Vocareum "
        "for the file again.",
    ),
)
"""Kinds of rules by what their words hold, the most special first, and what to do."""

LOADED = "It is loaded. Compare the line with Vocareum's own pages."
QUARANTINED = (
    "Look at the record with `analytics-pipeline quarantine list --dataset {dataset} --records`; when its cause is gone, run "
    "`analytics-pipeline quarantine replay --dataset {dataset}`."
)
"""What to do about a rule of no kind above."""


def remedy(dataset: str, reason: str, *, is_error: bool) -> str:
    """Return what a person should do about records that break a rule.

    Args:
        dataset: name of the dataset.
        reason: the rule in words, as a finding has it.
        is_error: whether the records are in quarantine.
    """
    found = next((text for pattern, text in KINDS if re.search(pattern, reason)), QUARANTINED if is_error else LOADED)
    return found.replace("{dataset}", dataset)
