"""How each declared type is stored in DuckDB and parsed from a CSV cell.

A cell is read in two steps. The quick one knows the forms that the feed shows; the careful one, which costs many times as
much, is run only on cells that the quick one did not understand (`ingest/second_look.py`).

All SQL here is made of constants and of expressions that the caller wrote; no data ever becomes SQL text.
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
"""Texts taken for a moment in UTC. The article shows the first alone; the formats of the optional columns and of
`organization_terms_agreed_date_utc` are not published, so the ISO forms are taken too."""

_LESS_COMMON_FORMATS = ("%b-%d-%Y %I:%M:%S %p",)
_ISO = (
    r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
    r"(?:[T ]((?:[01]?[0-9]|2[0-3]):[0-5][0-9])(?:(:[0-5][0-9])(?:[.,]([0-9]{1,12}))?)?"
    r" ?(?:Z|UTC|([+-])(0[0-9]|1[0-4])(?::?([0-5][0-9]))?)?)?"
)
"""Groups: date, hours and minutes, seconds, fraction of a second, and sign, hours and minutes of the offset."""
_EPOCH = "[1-9][0-9]{8,9}"
"""Seconds of 1973 to 2286; 20260109, a spreadsheet's 46031 and milliseconds are none."""
_LAST = 253_402_300_799_999_999  # the end of the year 9999, in microseconds
_ASCII_BLANKS = "\t\n\v\f\r "
_NO_SPACES = [ord(char) for char in BLANKS if not char.isspace() or char in "\x85\u2028\u2029"]
"""Blanks beyond ASCII that DuckDB's own `trim` leaves alone."""


def _whole_number(cell: str) -> str:
    # DuckDB casts 12.7, 1e3, 0x1f and 1_000 to BIGINT: only text that the number gives back is sure to be one.
    number = f"try_cast({cell} AS BIGINT)"
    return f"CASE WHEN {number}::VARCHAR = {cell} THEN {number} END"


def _any_whole_number(cell: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({cell}, '{WHOLE_NUMBER}') THEN try_cast(split_part({cell}, '.', 1) AS BIGINT) END"
    )


def _decimal(width: int, scale: int) -> Callable[[str], str]:
    # DuckDB reads 1_000 as 1000. And with an exponent its text is no decimal one can trust (5e-324 becomes 0.000000001,
    # 0.0559E10 nothing, 791.7e7 more than fits), so such a cell, which a float wrote, is read as the float it was.
    def parse(cell: str) -> str:
        kind = f"DECIMAL({width}, {scale})"
        return (
            f"CASE WHEN contains({cell}, '_') THEN NULL "
            f"WHEN contains({cell}, 'e') OR contains({cell}, 'E') THEN try_cast(try_cast({cell} AS DOUBLE) AS {kind}) "
            f"ELSE try_cast({cell} AS {kind}) END"
        )

    return parse


def _flag(cell: str) -> str:
    return (
        f"CASE lower({cell}) WHEN '1' THEN true WHEN '0' THEN false WHEN 'true' THEN true WHEN 'false' THEN false END"
    )


def _any_flag(cell: str) -> str:
    return f"CASE WHEN regexp_full_match({cell}, '[01][.]0+') THEN prefix({cell}, '1') ELSE {_flag(cell)} END"


def _told(cell: str, formats: tuple[str, ...]) -> str:
    # DuckDB reads `epoch` and `infinity` as 1900, whatever the format, and takes 226 and 0000 for years: what is before
    # 1970 is no moment. It is asked in one expression, as a second try_strptime would double the time.
    forms = ", ".join(f"'{form}'" for form in formats)
    return f"make_timestamp(nullif(greatest(epoch_us(try_strptime({cell}, [{forms}])), -1), -1))"


def _instant(cell: str) -> str:
    epoch = f"CASE WHEN regexp_full_match({cell}, '{_EPOCH}') THEN {cell}::BIGINT END"
    return f"coalesce({_told(cell, INSTANT_FORMATS)}, make_timestamp({epoch} * 1000000))"


def _any_instant(cell: str) -> str:
    def group(number: int, absent: str) -> str:
        return f"coalesce(nullif(regexp_extract({cell}, '{_ISO}', {number}), ''), '{absent}')"

    # DuckDB's own cast drops an offset in silence, so the offset is taken off by hand.
    day = f"epoch_us(try_cast({group(1, '')} || ' ' || {group(2, '00:00')} || {group(3, ':00')} AS TIMESTAMP))"
    fraction = f"rpad({group(4, '0')}[:6], 6, '0')::BIGINT"
    offset = f"({group(5, '+')} || '1')::BIGINT * ({group(6, '0')}::BIGINT * 60 + {group(7, '0')}::BIGINT) * 60000000"
    iso = f"{day} + {fraction} - {offset}"
    seconds = f"(try_cast({cell} AS DECIMAL(24, 6)) * 1000000)::BIGINT"
    return (
        f"CASE WHEN regexp_full_match({cell}, '{_ISO}') AND {iso} BETWEEN 0 AND {_LAST} THEN make_timestamp({iso}) "
        f"WHEN regexp_full_match({cell}, '{_EPOCH}[.][0-9]{{1,12}}') THEN make_timestamp({seconds}) "
        f"ELSE coalesce({_instant(cell)}, {_told(cell, _LESS_COMMON_FORMATS)}) END"
    )


@dataclass(frozen=True)
class _Storage:
    """A type's name in DuckDB, and the two steps of reading a cell of it; each makes SQL of the cell's SQL."""

    name: str
    quick: Callable[[str], str]
    careful: Callable[[str], str]


def sql_type(dtype: object) -> str:
    """The DuckDB type that stores a pandera column type.

    Raises:
        TypeError: the type is none of those in `columns.py`.
    """
    return _storage(dtype).name


def trim_start_sql(cell: str) -> str:
    """SQL that takes the spaces off the start of a text, where the article's files have one in each cell.

    `ltrim` walks over no more than those; it is not asked where the text begins with something else.
    """
    return f"CASE WHEN prefix({cell}, ' ') THEN ltrim({cell}) ELSE {cell} END"


def trim_sql(cell: str) -> str:
    """SQL that takes all BLANKS off both ends of a text.

    Mostly there are none: taking off a set of characters costs many times as much as looking whether there is one of them.
    """
    ends = " OR ".join(f"suffix({cell}, chr({ord(blank)}))" for blank in _ASCII_BLANKS)
    odd = " OR ".join(f"suffix({cell}, chr({code}))" for code in _NO_SPACES)
    beyond_ascii = (
        f"strlen({cell}) > length({cell}) "
        f"AND (trim({cell}) <> {cell} OR {odd} OR unicode({cell}) IN ({', '.join(map(str, _NO_SPACES))}))"
    )
    return f"CASE WHEN {cell} < '!' OR {ends} OR ({beyond_ascii}) THEN {trim_all_sql(cell)} ELSE {cell} END"


def text_sql(column: str, *, verbatim: bool) -> str:
    """SQL that turns a trimmed text into NULL where it says no value.

    Args:
        column: SQL of a column, as it is asked several times.
        verbatim: whether words for "no value" are texts like any other.
    """
    words = ", ".join(f"'{word}'" for word in ("", *(() if verbatim else NO_VALUE)))
    return f"CASE WHEN {column} NOT IN ({words}) THEN {column} END"


def quick_sql(dtype: object, cell: str) -> str:
    """SQL that turns a text into the type, or NULL where that takes a closer look.

    Args:
        dtype: pandera's type of the column; none that is stored as text.
        cell: SQL of the text, an expression of the caller's own.
    """
    return _storage(dtype).quick(cell)


def careful_sql(dtype: object, cell: str) -> str:
    """SQL that turns a text without BLANKS around it into the type, or NULL where it does not say such a value."""
    return _storage(dtype).careful(cell)


def says_nothing_sql(dtype: object, cell: str, *, zero_is_none: bool) -> str:
    """SQL of whether a text without BLANKS around it stands for "no value"; in a time, 0 and -1 always do."""
    words = ", ".join(f"'{word}'" for word in ("", *NO_VALUE))
    none = ZERO_DATE + (f"|{NONE_ID}" if zero_is_none or sql_type(dtype) == "TIMESTAMP" else "")
    return f"({cell} IN ({words}) OR regexp_full_match({cell}, '{none}'))"


def not_a(sql: str) -> Words:
    """What to call a text that is no value of this DuckDB type, for people."""
    if sql.startswith("DECIMAL"):
        return words("not a number")
    named = {
        "BIGINT": words("not a whole number"),
        "BOOLEAN": words("not 0 or 1"),
        "TIMESTAMP": words("not a time in UTC"),
    }
    return named[sql]


def trim_all_sql(cell: str) -> str:
    """SQL that takes BLANKS off both ends of a text, at a cost that does not depend on whether there are any."""
    return f"trim({cell}, '{BLANKS}')"


def _storage(dtype: object) -> _Storage:
    kind = getattr(dtype, "type", dtype)
    if isinstance(kind, pl.Decimal):
        decimal = _decimal(kind.precision, kind.scale)
        return _Storage(f"DECIMAL({kind.precision}, {kind.scale})", decimal, decimal)
    if kind == pl.Int64:
        return _Storage("BIGINT", _whole_number, _any_whole_number)
    if kind == pl.String:
        return _Storage("VARCHAR", lambda cell: cell, lambda cell: cell)
    if kind == pl.Boolean:
        return _Storage("BOOLEAN", _flag, _any_flag)
    if isinstance(kind, pl.Datetime) or kind == pl.Datetime:
        return _Storage("TIMESTAMP", _instant, _any_instant)
    raise TypeError(f"no DuckDB type is declared for {dtype!r}: add it to datasets/sql_types.py")
