"""Files of every dataset with cells that are no such value, or just about one, and what each cell truly says.

`says` is a second, independent reading of a typed cell: from FEED.md, in plain Python, and not from the pipeline's SQL.
"""

import random
import re
import unicodedata
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline_tests.ingest.damaged import mutated, quoted

FORMULAS = ["=1+1", "@SUM(A1)", "+1+1", "-1+1", "=cmd|' /C calc'!A0", "'5"]
NO_VALUES = [
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
        *("0.0000000005", "0.00000000049", "123456789012.1", "1e", ".", "00012.50", "\r1.5", "1.5\t"),
    ],
    "BOOLEAN": ["0", "1", "true", "FALSE", "yes", "2", "-1", "t", "01", "1.0"],
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
        *("0000-01-01", "0001-01-01", "9999-12-31 23:59:59", "10000-01-01", "-1-01-01", "2026-01-09T10:00:00.123456Z"),
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
        *("2026-01-09 10:00:00+02", "2026-01-09 10:00:00 UTC", "2026-01-09 10:61:00", "12/31/2026 10:00", "2026-1-9"),
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
        "NULL",
        "\\N",
        "\ufeffx",
    ],
}
"""By type: values on the edge, beyond it, and of other kinds."""

GOOD = {
    "BIGINT": "7",
    "DECIMAL": "1.5",
    "BOOLEAN": "1",
    "TIMESTAMP": "Jan-09-2026 9:00:00 am UTC",
    "VARCHAR": "u@v.com",
}
GOOD_OF = {"aws_account_id": "0012", "month": "1", "year": "2026", "name": "A Name"}
FORMATS = (
    *("%b-%d-%Y %I:%M:%S %p UTC", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dT%H:%M:%SZ"),
    *("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d", "%b-%d-%Y"),
)
BLANKS = "".join(chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) == "Zs")
"""What is taken off both ends of a cell: spaces, also those beyond ASCII."""
TERM = "Term"
"""A column that nobody announced, in some files."""


def key(dataset: Dataset, number: int) -> str:
    """The key of a dataset's file, one of many."""
    day = datetime(2026, 1, 1) + timedelta(days=number)  # noqa: DTZ001
    groups = {"year": "2026", "month": f"{number % 12 + 1:02}", "day": "01", "course_id": str(number + 1)}
    if "day" in dataset.key:
        groups |= {"year": f"{day:%Y}", "month": f"{day:%m}", "day": f"{day:%d}"}
    elif "year" in dataset.key:
        groups["year"] = str(1900 + number // 12)
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda found: groups[found[1]], dataset.key).replace("\\", "")


def family(sql_type: str) -> str:
    """A type without its precision."""
    return sql_type.partition("(")[0]


def make(dataset: Dataset, seed: int) -> bytes:
    """A file of the dataset by its seed: good rows, rows with odd cells, in most files, and damage in some."""
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


def says(cell: str, sql_type: str) -> object:
    """What a trimmed cell says as a value of the type; None where it says none."""
    kind = family(sql_type)
    if kind == "VARCHAR":
        return cell
    if kind == "BIGINT":
        number = int(cell) if re.fullmatch(r"[+-]?[0-9]+", cell) else None
        return number if number is not None and -(2**63) <= number < 2**63 else None
    if kind == "BOOLEAN":
        return {"1": True, "0": False, "true": True, "false": False}.get(cell.lower())
    return _decimal(cell, sql_type) if kind == "DECIMAL" else _instant(cell)


def _decimal(cell: str, sql_type: str) -> Decimal | None:
    width, scale = map(int, re.findall(r"[0-9]+", sql_type))
    cell = cell.strip(" \t\r\n\v\f")  # white space within quotes says nothing beside a number
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", cell) or len(cell) > 100:
        return None
    number = Decimal(float(cell)) if "e" in cell.lower() else Decimal(cell)  # who writes an exponent had a float
    if not number.is_finite() or (number and number.adjusted() >= width - scale):
        return None
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    return rounded if abs(rounded) < Decimal(10) ** (width - scale) else None


def _instant(cell: str) -> datetime | None:
    if re.fullmatch(r"0|[1-9][0-9]{8,9}", cell):
        return datetime(1970, 1, 1) + timedelta(seconds=int(cell))  # noqa: DTZ001
    for form in FORMATS:
        try:
            told = datetime.strptime(cell.strip(), form)  # noqa: DTZ007
        except ValueError:
            continue
        return told if told.year >= 1970 and re.search("[0-9]{4}", cell) else None
    return None


def is_good(row: dict[str, str], dataset: Dataset) -> bool:
    """Whether a row is beyond doubt: each typed cell is the plain one, and texts that a rule looks at, too."""
    return all(
        row.get(column.name, "") == GOOD_OF.get(column.name, GOOD[family(column.sql_type)])
        for column in dataset.columns
        if column.name in row and (column.sql_type != "VARCHAR" or not column.nullable or column.name in GOOD_OF)
    )


EVERY = tuple(DATASETS.values())
