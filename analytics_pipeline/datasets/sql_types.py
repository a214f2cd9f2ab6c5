"""How DuckDB stores each declared type, and how it parses a CSV cell.

A cell is parsed in two steps. The quick step knows the forms that the feed shows. The careful step
costs many times as much and runs only on cells that the quick step rejected
(`ingest/csv/careful_parser.py`).

All SQL here is built from constants and from expressions that the caller wrote. Data never becomes
SQL text.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from analytics_pipeline.datasets.cells import BLANKS, NO_VALUE, NONE_ID, WHOLE_NUMBER, ZERO_DATE
from analytics_pipeline.words import Words, words

INSTANT_FORMATS = (
    "%b-%d-%Y %I:%M:%S %p UTC",  # the article: Feb-23-2022 9:40:20 pm UTC
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S UTC",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%d",
    "%b-%d-%Y",
)
"""Texts accepted as a moment in UTC. The vendor's article shows only the first. The formats of the
optional columns and of `organization_terms_agreed_date_utc` are not published, so ISO forms are
accepted too."""

_LESS_COMMON_FORMATS = ("%b-%d-%Y %I:%M:%S %p",)
_ISO = (
    r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
    r"(?:[T ]((?:[01]?[0-9]|2[0-3]):[0-5][0-9])(?:(:[0-5][0-9])(?:[.,]([0-9]{1,12}))?)?"
    r" ?(?:Z|UTC|([+-])(0[0-9]|1[0-4])(?::?([0-5][0-9]))?)?)?"
)
"""Groups: date; hours and minutes; seconds; fraction of a second; sign, hours and minutes of the
offset."""
_EPOCH = "[1-9][0-9]{8,9}"
"""Seconds of 1973 to 2286. Excludes 20260109, a spreadsheet's 46031, and milliseconds."""
_LAST = 253_402_300_799_999_999  # the end of the year 9999, in microseconds
_ASCII_BLANKS = "\t\n\v\f\r "
_NO_SPACES = [ord(char) for char in BLANKS if not char.isspace() or char in "\x85\u2028\u2029"]
"""Blanks beyond ASCII that DuckDB's one-argument `trim` does not remove."""


def _whole_number(cell: str) -> str:
    # DuckDB casts 12.7, 1e3, 0x1f and 1_000 to BIGINT. Only a text that survives the round trip is
    # a whole number.
    number = f"try_cast({cell} AS BIGINT)"
    return f"CASE WHEN {number}::VARCHAR = {cell} THEN {number} END"


def _any_whole_number(cell: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({cell}, '{WHOLE_NUMBER}') THEN try_cast(split_part({cell},"
        " '.', 1) AS BIGINT) END"
    )


def _decimal(width: int, scale: int) -> Callable[[str], str]:
    # DuckDB reads 1_000 as 1000. Its cast of exponents to DECIMAL is wrong (5e-324 becomes
    # 0.000000001, 0.0559E10 nothing, 791.7e7 overflows). A float wrote such a cell, so it is parsed
    # as a float first.
    def parse(cell: str) -> str:
        kind = f"DECIMAL({width}, {scale})"
        return (
            f"CASE WHEN contains({cell}, '_') THEN NULL WHEN contains({cell}, 'e') OR"
            f" contains({cell}, 'E') THEN try_cast(try_cast({cell} AS DOUBLE) AS {kind}) ELSE"
            f" try_cast({cell} AS {kind}) END"
        )

    return parse


def _flag(cell: str) -> str:
    return (
        f"CASE lower({cell}) WHEN '1' THEN true WHEN '0' THEN false WHEN 'true' THEN true WHEN"
        " 'false' THEN false END"
    )


def _any_flag(cell: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({cell}, '[01][.]0+') THEN prefix({cell}, '1') ELSE"
        f" {_flag(cell)} END"
    )


def _day(cell: str) -> str:
    # A plain cast would also accept blanks, and a time after the day.
    return (
        f"CASE WHEN regexp_full_match({cell}, '[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}') THEN"
        f" try_cast({cell} AS DATE) END"
    )


def _accepted_time(cell: str, formats: tuple[str, ...]) -> str:
    # DuckDB reads `epoch` and `infinity` as 1900 whatever the format, and accepts the years 226 and
    # 0000. So reject everything before 1970, in one expression: a second try_strptime would double
    # the time.
    forms = ", ".join(f"'{form}'" for form in formats)
    return f"make_timestamp(nullif(greatest(epoch_us(try_strptime({cell}, [{forms}])), -1), -1))"


def _instant(cell: str) -> str:
    epoch = f"CASE WHEN regexp_full_match({cell}, '{_EPOCH}') THEN {cell}::BIGINT END"
    return f"coalesce({_accepted_time(cell, INSTANT_FORMATS)}, make_timestamp({epoch} * 1000000))"


def _any_instant(cell: str) -> str:
    def group(number: int, absent: str) -> str:
        return f"coalesce(nullif(regexp_extract({cell}, '{_ISO}', {number}), ''), '{absent}')"

    # DuckDB's own cast silently drops an offset, so subtract it here.
    day = (
        f"epoch_us(try_cast({group(1, '')} || ' ' || {group(2, '00:00')} || {group(3, ':00')} AS"
        " TIMESTAMP))"
    )
    fraction = f"rpad({group(4, '0')}[:6], 6, '0')::BIGINT"
    offset = (
        f"({group(5, '+')} || '1')::BIGINT * ({group(6, '0')}::BIGINT * 60 +"
        f" {group(7, '0')}::BIGINT) * 60000000"
    )
    iso = f"{day} + {fraction} - {offset}"
    seconds = f"(try_cast({cell} AS DECIMAL(24, 6)) * 1000000)::BIGINT"
    return (
        f"CASE WHEN regexp_full_match({cell}, '{_ISO}') AND {iso} BETWEEN 0 AND {_LAST} THEN"
        f" make_timestamp({iso}) WHEN regexp_full_match({cell}, '{_EPOCH}[.][0-9]{{1,12}}') THEN"
        f" make_timestamp({seconds}) ELSE coalesce({_instant(cell)},"
        f" {_accepted_time(cell, _LESS_COMMON_FORMATS)}) END"
    )


@dataclass(frozen=True)
class _Storage:
    """A type's name in DuckDB, and functions from a cell's SQL to the SQL of each parsing step."""

    name: str
    quick: Callable[[str], str]
    careful: Callable[[str], str]


def sql_type(dtype: object) -> str:
    """Return the DuckDB type that stores a pandera column type.

    Raises:
        TypeError: the type is not declared in `columns.py`.
    """
    return _storage(dtype).name


def trim_start_sql(cell: str) -> str:
    """Return SQL that strips leading spaces, which the article's example has in each cell.

    `ltrim` strips only spaces. The prefix test avoids calling it for most cells.
    """
    return f"CASE WHEN prefix({cell}, ' ') THEN ltrim({cell}) ELSE {cell} END"


def trim_sql(cell: str) -> str:
    """Return SQL that strips all BLANKS from both ends of a text.

    Most cells have none, and testing for one is many times as fast as trimming a set of characters.
    """
    ends = " OR ".join(f"suffix({cell}, chr({ord(blank)}))" for blank in _ASCII_BLANKS)
    odd = " OR ".join(f"suffix({cell}, chr({code}))" for code in _NO_SPACES)
    beyond_ascii = (
        f"strlen({cell}) > length({cell}) AND (trim({cell}) <> {cell} OR {odd} OR unicode({cell})"
        f" IN ({', '.join(map(str, _NO_SPACES))}))"
    )
    return (
        f"CASE WHEN {cell} < '!' OR {ends} OR ({beyond_ascii}) THEN {trim_all_sql(cell)} ELSE"
        f" {cell} END"
    )


def text_sql(column: str, *, verbatim: bool) -> str:
    """Return SQL that turns a trimmed text into NULL if it means "no value".

    Args:
        column: SQL of a column; it is evaluated several times.
        verbatim: whether only an empty text means "no value".
    """
    words = ", ".join(f"'{word}'" for word in ("", *(() if verbatim else NO_VALUE)))
    return f"CASE WHEN {column} NOT IN ({words}) THEN {column} END"


def quick_sql(dtype: object, cell: str) -> str:
    """Return SQL that parses a text as the type, or yields NULL if it needs the careful step.

    Args:
        dtype: pandera type of the column, not stored as text.
        cell: SQL expression of the text, written by the caller.
    """
    return _storage(dtype).quick(cell)


def careful_sql(dtype: object, cell: str) -> str:
    """Return SQL that parses a text trimmed of BLANKS; it yields NULL for any other type's text."""
    return _storage(dtype).careful(cell)


def no_value_sql(dtype: object, cell: str, *, zero_is_none: bool) -> str:
    """Return SQL that tests whether a trimmed text means "no value"; 0 and -1 do in a time."""
    words = ", ".join(f"'{word}'" for word in ("", *NO_VALUE))
    pattern = ZERO_DATE + (f"|{NONE_ID}" if zero_is_none or sql_type(dtype) == "TIMESTAMP" else "")
    return f"({cell} IN ({words}) OR regexp_full_match({cell}, '{pattern}'))"


def not_a(sql: str) -> Words:
    """Return a description for people of a text that is not of this DuckDB type."""
    if sql.startswith("DECIMAL"):
        return words("not a number")
    named = {
        "BIGINT": words("not a whole number"),
        "BOOLEAN": words("not 0 or 1"),
        "TIMESTAMP": words("not a time in UTC"),
        "DATE": words("not a calendar day, such as 2026-01-09"),
    }
    return named[sql]


def trim_all_sql(cell: str) -> str:
    """Return SQL that strips BLANKS from both ends of a text, without testing for them first."""
    return f"trim({cell}, '{BLANKS}')"


def _storage(dtype: object) -> _Storage:
    base = getattr(dtype, "type", dtype)
    if isinstance(base, pl.Decimal):
        decimal = _decimal(base.precision, base.scale)
        return _Storage(f"DECIMAL({base.precision}, {base.scale})", decimal, decimal)
    if base == pl.Int64:
        return _Storage("BIGINT", _whole_number, _any_whole_number)
    if base == pl.String:
        return _Storage("VARCHAR", lambda cell: cell, lambda cell: cell)
    if base == pl.Boolean:
        return _Storage("BOOLEAN", _flag, _any_flag)
    if isinstance(base, pl.Datetime) or base == pl.Datetime:
        return _Storage("TIMESTAMP", _instant, _any_instant)
    if base == pl.Date:
        return _Storage("DATE", _day, _day)
    raise TypeError(f"no DuckDB type is declared for {dtype!r}: add it to datasets/sql_types.py")
