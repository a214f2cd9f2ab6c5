"""What a person should do about a broken rule, by kind of rule.

`validate.py` and `csv/` word the rules. The declarations in `datasets/` may have their own wording,
with "must" if the row is quarantined and "should" if it loads.
"""

import re

from analytics_pipeline.datasets import DATASETS

_NEW_FORM = (
    "If Vocareum now writes such values in this form, add it in"
    " analytics_pipeline/datasets/sql_types.py: a time's format to INSTANT_FORMATS, another type's"
    " form to the parser that `_storage` names. If it is a word for no value, add it to NO_VALUE in"
    " analytics_pipeline/datasets/cells.py."
)

KINDS: tuple[tuple[str, str], ...] = (
    (
        r"not as wide as the header, so it may be shifted|cells and the header",
        (
            "The row is not as wide as its header, so its cells may be in the wrong columns. Ask"
            " Vocareum for the file again; the row is not loaded until then."
        ),
    ),
    (
        r"later than the file",
        (
            "The row is loaded without this time, whose text is kept in `_extra`. An end far ahead"
            " means that it is still open: a newer version of the file will bring the end. For any"
            " other time, and if no end comes, ask Vocareum."
        ),
    ),
    (
        r"unannounced column",
        (
            "Nothing is lost. If Vocareum delivers them from now on, declare them in"
            " analytics_pipeline/datasets/{dataset}.py, then run `analytics-pipeline sync --full"
            " --dataset {dataset}`."
        ),
    ),
    (
        r"shifted part",
        (
            "The row is loaded without this cell, whose text is kept in `_extra`. Compare the line"
            " with Vocareum's own pages, and ask Vocareum for the file again."
        ),
    ),
    (
        r"^it is not .*left empty",
        (
            f"The row is loaded without this cell, whose text is kept in `_extra`. {_NEW_FORM} Then"
            " run `analytics-pipeline sync --full --dataset {dataset}`."
        ),
    ),
    (
        r"left empty",
        (
            "The row is loaded without this cell, whose text is kept in `_extra`. If the value is"
            " right, change the rule in analytics_pipeline/datasets/{dataset}.py, then run"
            " `analytics-pipeline sync --full --dataset {dataset}`."
        ),
    ),
    (
        r"credit or refund",
        (
            "It is loaded and part of every sum. Nothing needs to be done if the bill has such a"
            " line; otherwise ask Vocareum."
        ),
    ),
    (
        r"leading zeros",
        (
            "It is loaded with the zeros restored. If the number is another one, ask Vocareum for"
            " the file again."
        ),
    ),
    (
        r"quote|UTF-8|characters|can't be told apart",
        (
            "The file is damaged at that line. Look at it with `analytics-pipeline quarantine list"
            " --dataset {dataset} --records`, and ask Vocareum for the file again."
        ),
    ),
    (
        r"repeats the key",
        (
            "All of the rows are loaded. If they are one record delivered twice, tell Vocareum; if"
            " they differ, a column is missing from `row_key` in"
            " analytics_pipeline/datasets/{dataset}.py."
        ),
    ),
    (
        r"^it is empty",
        (
            "The row has no meaning without this value. Ask Vocareum for it; the row loads with the"
            " next version of the file."
        ),
    ),
    (
        r"^it is not ",
        (
            f"The cell has no known form of its type. {_NEW_FORM} Then run `analytics-pipeline"
            " quarantine replay --dataset {dataset}`. Otherwise ask Vocareum for the file again."
        ),
    ),
    (
        r"should be one of",
        (
            "It is loaded as delivered. If it is a new value that Vocareum now uses, add it in "
            "analytics_pipeline/datasets/{dataset}.py, and check whether the models need it."
        ),
    ),
    (
        r"\bshould\b",
        (
            "It is loaded as delivered. Compare the line with Vocareum's own pages; if such values"
            " are right, change the rule in analytics_pipeline/datasets/{dataset}.py."
        ),
    ),
    (
        r"\bmust\b",
        (
            "Compare the line with Vocareum's own pages. If the value is right, change the rule in"
            " analytics_pipeline/datasets/{dataset}.py and run `analytics-pipeline quarantine"
            " replay --dataset {dataset}`; otherwise ask Vocareum for the file again."
        ),
    ),
)
"""Kinds of rules by a pattern of their wording, most specific first, with their remedies."""

LOADED = "It is loaded. Compare the line with Vocareum's own pages."
QUARANTINED = (
    "Look at the record with `analytics-pipeline quarantine list --dataset {dataset} --records`."
    " Once its cause is fixed, run `analytics-pipeline quarantine replay --dataset {dataset}`."
)
"""Remedy of a rule of no kind above."""


def remedy(dataset: str, reason: str, *, is_error: bool) -> str:
    """Return what a person should do about records that break a rule.

    Args:
        dataset: name of the dataset.
        reason: the rule's wording, as in a finding.
        is_error: whether the records are quarantined.
    """
    if setting := DATASETS[dataset].setting:
        outcome = "It is not loaded" if is_error else "It is loaded"
        return (
            f"{outcome}. Correct the line in {setting} and save the file. The next `sync`, or the"
            " daemon, loads it."
        )
    found = next(
        (text for pattern, text in KINDS if re.search(pattern, reason)),
        QUARANTINED if is_error else LOADED,
    )
    return found.replace("{dataset}", dataset)
