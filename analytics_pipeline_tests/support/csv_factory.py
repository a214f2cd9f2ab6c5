"""Files of every dataset with valid, borderline and invalid cells, and the true value of each cell.

`says` is a second, independent parser of a typed cell: from FEED.md, in plain Python, and not from
the pipeline's SQL.
"""

import random
import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

from analytics_pipeline.datasets import FEED, Dataset
from analytics_pipeline_tests.support.damaged_files import mutated, quoted

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
FORMATS = ("%b-%d-%Y %I:%M:%S %p UTC", "%b-%d-%Y %I:%M:%S %p", "%b-%d-%Y")
NO_SUCH = object()
"""Marks a text that is not a value of the type."""
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


def family(sql_type: str) -> str:
    """Return a type without its precision."""
    return sql_type.partition("(")[0]


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


def says(cell: str, sql_type: str, *, zero_is_none: bool = False, verbatim: bool = False) -> object:
    """Parse a trimmed cell as the type: None for "no value", NO_SUCH if it is not of the type."""
    kind = family(sql_type)
    if not cell or (cell in ("NULL", "\\N") and not verbatim):
        return None
    if kind == "VARCHAR":
        return cell
    if re.fullmatch(r"0000-00-00([ T]00:00:00(\.0+)?( ?UTC|Z)?)?", cell):
        return None
    number = re.fullmatch(r"([+-]?[0-9]+)(\.0+)?", cell)
    if (
        (zero_is_none or kind == "TIMESTAMP")
        and number
        and int(number[1]) in (0, -1)
        and cell[:2] != "+1"
    ):
        return None
    if kind == "BIGINT":
        whole = int(number[1]) if number and len(number[1]) < 40 else 2**63
        return whole if -(2**63) <= whole < 2**63 else NO_SUCH
    if kind == "BOOLEAN":
        flags = {"1": True, "0": False, "true": True, "false": False}
        return flags.get(re.sub(r"^([01])\.0+$", r"\1", cell.lower()), NO_SUCH)
    found = _decimal(cell, sql_type) if kind == "DECIMAL" else _instant(cell)
    return NO_SUCH if found is None else found


def _decimal(cell: str, sql_type: str) -> Decimal | None:
    width, scale = map(int, re.findall(r"[0-9]+", sql_type))
    if (
        not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", cell)
        or len(cell) > 100
    ):
        return None
    # whoever writes an exponent had a float
    number = Decimal(float(cell)) if "e" in cell.lower() else Decimal(cell)
    if not number.is_finite() or (number and number.adjusted() >= width - scale):
        return None
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    return rounded if abs(rounded) < Decimal(10) ** (width - scale) else None


_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})([T ](\d{1,2}):(\d\d)(:(\d\d)([.,](\d{1,12}))?)?"
    r" ?(Z|UTC|([+-])(\d\d)(:?(\d\d))?)?)?",
    re.ASCII,
)


def _instant(cell: str) -> datetime | None:
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001
    if re.fullmatch(r"[1-9][0-9]{8,9}(\.[0-9]{1,12})?", cell):
        return epoch + timedelta(
            microseconds=int((Decimal(cell) * 10**6).quantize(Decimal(1), ROUND_HALF_UP))
        )
    if iso := _ISO.fullmatch(cell):
        year, month, day, _, hour, minute, _, second, _, fraction, _, sign, hours, _, minutes = (
            iso.groups("0")
        )
        if int(hours) > 14 or int(minutes) > 59:
            return None
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
        try:
            local = datetime(  # noqa: DTZ001
                *map(int, (year, month, day, hour, minute, second)), int(f"{fraction:0<6}"[:6])
            )
            return local - offset if local - offset >= epoch else None
        except (ValueError, OverflowError):
            return None
    # strptime would take every blank of Unicode for a space, and every digit for 0 to 9.
    if re.search(r"[^\t-\r -~]", cell):
        return None
    for form in FORMATS:
        try:
            instant = datetime.strptime(cell, form)  # noqa: DTZ007
        except ValueError:
            continue
        return instant if instant >= epoch and re.search("[0-9]{4}", cell) else None
    return None


ZERO_IS_NONE = {
    *(f"{dataset}.org_id" for dataset in ("asn_mapping", "course_mapping")),
    *(
        "asn_mapping.parent_assignment_id",
        "asn_mapping.parent_part_id",
        "course_mapping.parent_course_id",
    ),
    *("grades.partnerid", "grades.graderid", "grades.partid", "grades.rubricid"),
    *("lab_sessions.assignment_id", "service_spend.course_id"),
}
VERBATIM = re.compile(r"\w+\.((\w+_)?name|log|tags|\w+name)")
UNIMPORTANT = {
    *(
        "lab_sessions.assignment_id",
        "lab_sessions.duration_min",
        "lab_sessions.init_time",
        "lab_sessions.latency_time_ms",
    ),
    *(
        "lab_sessions.launch_to_ready_duration_mins",
        "lab_sessions.concurrent_labs_count",
        "lab_sessions.disconnects",
    ),
    *("aws_cost.file_updated_time", "aws_cost.deactivation_date"),
    *(
        "asn_mapping.parent_assignment_id",
        "asn_mapping.parent_part_id",
        "course_mapping.parent_course_id",
    ),
    *(
        "grades.ispeerreviewon",
        "grades.maxscore",
        "grades.partnerid",
        "grades.isoverride",
        "grades.graderid",
    ),
    *(
        "grades.submission_time",
        "enrollment.organization_terms_agreed",
        "enrollment.organization_terms_agreed_date_utc",
    ),
}
"""Typed columns that are not essential: their cells never send a row to quarantine."""
DOMAIN = {
    **dict.fromkeys(("cost", "monthly_cost_to_date"), (-10_000_000, 10_000_000)),
    **dict.fromkeys(("maxscore", "asnscore", "partscore", "rubricscore"), (-1_000_000, 1_000_000)),
    **dict.fromkeys(("duration_min", "launch_to_ready_duration_mins"), (0, 527_040)),
    **dict.fromkeys(("concurrent_labs_count", "disconnects"), (0, 1_000_000)),
    "submission": (0, 2**63),
    "latency_time_ms": (0, 86_400_000),
    "month": (1, 12),
    "year": (2000, 2100),
}
"""Allowed range of a number, by column; all others are ids, from 1."""


def meant(
    dataset: Dataset, cells: dict[str, str], latest: datetime
) -> tuple[dict[str, object], dict[str, str], list[str]]:
    """Return a row's values, the texts of emptied cells, and the columns that forbid the row.

    Args:
        dataset: dataset of the row.
        cells: its trimmed cells by column.
        latest: later times count as still open.
    """
    values: dict[str, object] = {}
    kept: dict[str, str] = {}
    forbidden: list[str] = []
    for column in dataset.columns:
        name, cell = f"{dataset.name}.{column.name}", cells.get(column.name, "")
        zero, words = name in ZERO_IS_NONE, bool(VERBATIM.fullmatch(name))
        value = says(cell, column.sql_type, zero_is_none=zero, verbatim=words)
        left_out = cell if value is NO_SUCH else None
        if isinstance(value, datetime) and value > latest:
            left_out, value = f"{value:%Y-%m-%d %H:%M:%S}", None
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            least, most = DOMAIN.get(column.name, (1, 2**63))
            if not least <= value <= most:
                left_out = format(Decimal(value).normalize(Context(prec=40)), "f")
        if column.name == "aws_account_id" and isinstance(value, str):
            value = value.zfill(12) if re.fullmatch("[0-9]{9,12}", value) else NO_SUCH
            left_out = cell if value is NO_SUCH else None
        if left_out is not None:
            kept[column.name] = left_out
            if name not in UNIMPORTANT and not isinstance(value, type(None)):
                forbidden.append(column.name)
            value = None
        if value is None and not column.nullable:
            forbidden.append(column.name)
        values[column.name] = value
    for name in _maybe_a_name(dataset, values):
        kept[name], values[name] = str(values[name]), None
    return values, kept, forbidden


ROLES = {"student", "teacher", "ta", "instructor", "grader", "admin", "observer"}


def _maybe_a_name(dataset: Dataset, values: dict[str, object]) -> list[str]:
    """Return the filled columns to which a name may have shifted."""
    if dataset.name != "enrollment":
        return []
    name, email = (str(values[column] or "") for column in ("name", "email"))
    if "@" not in name and (not email or "@" in email):
        return []
    reached = ["role"] if values["role"] not in ROLES else []
    return [name for name in (*reached, "client_key", "client_userid") if values[name] is not None]


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
