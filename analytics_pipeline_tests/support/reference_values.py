"""What a cell and a row of the feed mean: a second parser, independent of the pipeline's.

From FEED.md, in plain Python, and not from the pipeline's SQL.
"""

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

from analytics_pipeline.datasets import Dataset

FORMATS = ("%b-%d-%Y %I:%M:%S %p UTC", "%b-%d-%Y %I:%M:%S %p", "%b-%d-%Y")
NO_SUCH = object()
"""Marks a text that is not a value of the type."""
ZERO_IS_NONE = {
    "asn_mapping.org_id",
    "asn_mapping.parent_assignment_id",
    "asn_mapping.parent_part_id",
    "course_mapping.org_id",
    "course_mapping.parent_course_id",
    "grades.graderid",
    "grades.partid",
    "grades.partnerid",
    "grades.rubricid",
    "lab_sessions.assignment_id",
    "service_spend.course_id",
}
"""Columns in which 0 and -1 stand for no value."""
VERBATIM = re.compile(r"\w+\.((\w+_)?name|log|tags|\w+name)")
"""Columns in which `NULL` is a text."""
UNIMPORTANT = {
    "asn_mapping.parent_assignment_id",
    "asn_mapping.parent_part_id",
    "aws_cost.deactivation_date",
    "aws_cost.file_updated_time",
    "course_mapping.parent_course_id",
    "enrollment.organization_terms_agreed",
    "enrollment.organization_terms_agreed_date_utc",
    "grades.graderid",
    "grades.isoverride",
    "grades.ispeerreviewon",
    "grades.maxscore",
    "grades.partnerid",
    "grades.submission_time",
    "lab_sessions.assignment_id",
    "lab_sessions.concurrent_labs_count",
    "lab_sessions.disconnects",
    "lab_sessions.duration_min",
    "lab_sessions.init_time",
    "lab_sessions.latency_time_ms",
    "lab_sessions.launch_to_ready_duration_mins",
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
ROLES = {"student", "teacher", "ta", "instructor", "grader", "admin", "observer"}
_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})([T ](\d{1,2}):(\d\d)(:(\d\d)([.,](\d{1,12}))?)?"
    r" ?(Z|UTC|([+-])(\d\d)(:?(\d\d))?)?)?",
    re.ASCII,
)


def family(sql_type: str) -> str:
    """Return a type without its precision."""
    return sql_type.partition("(")[0]


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
    is_open = False
    for column in dataset.columns:
        name, cell = f"{dataset.name}.{column.name}", cells.get(column.name, "")
        zero, words = name in ZERO_IS_NONE, bool(VERBATIM.fullmatch(name))
        value = says(cell, column.sql_type, zero_is_none=zero, verbatim=words)
        left_out = cell if value is NO_SUCH else None
        if isinstance(value, datetime) and value > latest:
            is_open |= column.name == "end_time"
            left_out, value = f"{value:%Y-%m-%d %H:%M:%S}", None
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            least, most = DOMAIN.get(column.name, (1, 2**63))
            if not least <= value <= most:
                left_out = _number_text(value)
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
    if is_open and values["duration_min"] is not None:
        kept["duration_min"], values["duration_min"] = _number_text(values["duration_min"]), None
    for name in _maybe_a_name(dataset, values):
        kept[name], values[name] = str(values[name]), None
    return values, kept, forbidden


def _number_text(value: object) -> str:
    return format(Decimal(value).normalize(Context(prec=40)), "f")  # type: ignore[arg-type]


def _maybe_a_name(dataset: Dataset, values: dict[str, object]) -> list[str]:
    """Return the filled columns to which a name may have shifted."""
    if dataset.name != "enrollment":
        return []
    name, email = (str(values[column] or "") for column in ("name", "email"))
    if "@" not in name and (not email or "@" in email):
        return []
    reached = ["role"] if values["role"] not in ROLES else []
    return [name for name in (*reached, "client_key", "client_userid") if values[name] is not None]
