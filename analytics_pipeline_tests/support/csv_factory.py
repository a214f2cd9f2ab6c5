"""Files of every dataset with valid, borderline and invalid cells.

`reference_values` says what each cell means.
"""

import random
import re
from datetime import datetime, timedelta

from analytics_pipeline.datasets import FEED, Dataset
from analytics_pipeline_tests.support.damaged_files import mutated, quoted
from analytics_pipeline_tests.support.reference_values import family

FORMULAS = ["=1+1", "@SUM(A1)", "+1+1", "-1+1", "=cmd|' /C calc'!A0", "'5"]
NO_VALUES = [
    "NULL",
    "\\N",
    "0000-00-00",
    "0000-00-00 00:00:00",
    "\u2003\u200b\t",
    "\u200b7\u00a0",
    "NaN",
    "nan",
    "inf",
    "-Infinity",
    "null",
    "None",
    "N/A",
    "-",
    "--1",
    "1,000",
    "1_000",
    "0x1f",
    "$5",
    "1.2.3",
    "\uff11",
    "\u0661",
    "5-",
    "1 2",
]
CELLS = {
    "BIGINT": [
        "0",
        "-1",
        "+7",
        "007",
        str(2**63 - 1),
        str(2**63),
        str(-(2**63)),
        "9" * 400,
        "1.0",
        "1e3",
        "12.7",
        "1e309",
        "-0",
        *("1731.0", "-1.0", "0.0", "+1", "-01", "\t7\u200b", "7.", "9" * 19 + ".0"),
    ],
    "DECIMAL": [
        *(
            "0",
            "-0.5",
            "+.5",
            "5.",
            "1e3",
            "1E-3",
            "1e309",
            "1e-400",
            "5e-324",
            "9e-38",
            "0.0559E10",
            "791.721e7",
            "999999999.999999999",
            "999999999.9999999999",
            "9" * 400,
        ),
        *(
            "0.0000000005",
            "0.00000000049",
            "123456789012.1",
            "1e",
            ".",
            "00012.50",
            "\r1.5",
            "1.5\t",
        ),
        *(
            "600000000",
            "-40",
            "10000000",
            "10000000.000001",
            "-10000000.5",
            "527041",
            "\u30001.5\ufeff",
        ),
    ],
    "BOOLEAN": [
        "0",
        "1",
        "true",
        "FALSE",
        "yes",
        "2",
        "-1",
        "t",
        "01",
        "1.0",
        "0.00",
        "1.5",
        "true\u200b",
    ],
    "TIMESTAMP": [
        *(
            "Feb-23-2022 9:40:20 pm UTC",
            "Feb-29-2023 9:40:20 pm UTC",
            "Feb-29-2024 09:40:20 AM UTC",
            "Feb-23-2022 13:40:20 pm UTC",
        ),
        *(
            "feb-3-2022 0:10:00 am UTC",
            "2026-01-09",
            "2026-02-30",
            "2026-01-09 24:00:00",
            "2026-01-09T10:00:00Z",
            "Jan-09-2026",
        ),
        *(
            "0000-01-01",
            "0001-01-01",
            "9999-12-31 23:59:59",
            "10000-01-01",
            "-1-01-01",
            "2026-01-09T10:00:00.123456Z",
        ),
        *(
            "1645823566",
            "0",
            "-1",
            "253402300799",
            "253402300800",
            "99999999",
            "100000000",
            "9999999999",
            "20260109",
            "46031",
            "1e10",
            "01/09/2026",
            "now",
            "epoch",
            "infinity",
        ),
        *(
            "2026-01-09T10:00:00+02:00",
            "2026-01-09 10:00:00.123456789-0330",
            "2026-01-09T10:00",
            "2026-01-09T10:00.5",
        ),
        *(
            "2026-01-09 10:00:00,5 UTC",
            "2026-01-09T24:00:00Z",
            "2026-01-09T10:00:00+15:00",
            "1970-01-01T01:00:00+02",
        ),
        *(
            "1645823566.5",
            "1645823566.0",
            "1645823566.1234567",
            "0.0",
            "-1.0",
            "2026-01-09Z",
            "2026-02-30T10:00:00+01",
        ),
        *(
            "Feb-23-2022 9:40:20 pm",
            "Jan-19-2038 3:14:07 am UTC",
            "Dec-31-9999 11:59:59 pm UTC",
            "2026-01-12 00:00:00",
        ),
        *(
            "9999-12-31T23:59:59-14:00",
            "2026-01-10 23:59:59",
            "\u00a02026-01-09T10:00:00Z\t",
            "2026-01-09 10:00:00+02",
            "2026-01-09 10:00:00 UTC",
            "2026-01-09 10:61:00",
        ),
        *("12/31/2026 10:00", "2026-1-9"),
    ],
    "VARCHAR": [
        *FORMULAS,
        *NO_VALUES,
        "1e309",
        "plain",
        "Z\u0301\u202e",
        "<b>",
        "a\0b",
        "\x1b[1m",
        "1" * 3_000,
        "\ufeffx",
        *("86225200000", "862252000", "86220000", "0862252000000", "862252000000.0"),
    ],
}
"""By type: values on the edge, beyond it, and of other types."""

GOOD = {
    "BIGINT": "7",
    "DECIMAL": "1.5",
    "BOOLEAN": "1",
    "TIMESTAMP": "Jan-09-2026 9:00:00 am UTC",
    "VARCHAR": "u@v.com",
}
GOOD_OF = {"aws_account_id": "001234567890", "month": "1", "year": "2026", "name": "A Name"}
TERM = "Term"
"""An unannounced column, in some files."""


def key(dataset: Dataset, number: int) -> str:
    """Return the key of one of many files of a dataset."""
    day = datetime(2026, 1, 1) + timedelta(days=number)  # noqa: DTZ001
    groups = {
        "year": "2026",
        "month": f"{number % 12 + 1:02}",
        "day": "01",
        "course_id": str(number + 1),
    }
    if "day" in dataset.key:
        groups |= {"year": f"{day:%Y}", "month": f"{day:%m}", "day": f"{day:%d}"}
    elif "year" in dataset.key:
        groups["year"] = str(1900 + number // 12)
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda found: groups[found[1]], dataset.key).replace(
        "\\", ""
    )


def make(dataset: Dataset, seed: int) -> bytes:
    """Return a file of the dataset for a seed: good rows, odd cells in most files, and damage in
    some.
    """
    dice = random.Random(f"{dataset.name} {seed}")
    columns = [column for column in dataset.columns if column.required or dice.random() < 0.7]
    if dice.random() < 0.3:
        dice.shuffle(columns)
    extra = [TERM] * (dice.random() < 0.3)
    lines = [",".join([*(column.name for column in columns), *extra])]
    for _ in range(dice.randint(1, 12)):
        odd = dice.choice([0.0, 0.0, 0.1, 0.4])
        cells = [_cell(dice, column.name, family(column.sql_type), odd) for column in columns]
        cells += [dice.choice(CELLS["VARCHAR"]) for _ in extra]
        lines.append(",".join(quoted(dice, cell) for cell in cells))
    end = dice.choice(["\n", "\n", "\r\n"])
    body = (end.join(lines) + dice.choice([end, ""])).encode("utf-8", "surrogatepass")
    for _ in range(dice.choice([0, 0, 0, 1, 2])):
        body = mutated(dice, body, len(lines[0]))
    return body


def _cell(dice: random.Random, name: str, kind: str, odd: float) -> str:
    if dice.random() >= odd:
        return GOOD_OF.get(name, GOOD[kind])
    return dice.choice([*CELLS[kind], *dice.sample(FORMULAS + NO_VALUES, 3), "", "  "])


def is_good(row: dict[str, str], dataset: Dataset) -> bool:
    """Return whether a row is beyond doubt: plain typed cells, and plain texts where a rule checks
    them.
    """
    return all(
        row.get(column.name, "") == GOOD_OF.get(column.name, GOOD[family(column.sql_type)])
        for column in dataset.columns
        if column.name in row
        and (column.sql_type != "VARCHAR" or not column.nullable or column.name in GOOD_OF)
    )


EVERY = tuple(FEED.values())
