"""How each declared type is stored in DuckDB and parsed from a CSV cell.

All SQL here is made of constants and of expressions that the caller wrote; no data ever becomes SQL text.
"""

from collections.abc import Callable

import polars as pl

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


def _whole_number(cell: str) -> str:
    # DuckDB casts 12.7, 1e3, 0x1f and 1_000 to BIGINT. Text that the number does not give back is looked at closer.
    number = f"try_cast({cell} AS BIGINT)"
    return (
        f"CASE WHEN {number}::VARCHAR = {cell} THEN {number} "
        f"WHEN regexp_full_match({cell}, '[+-]?[0-9]+') THEN {number} END"
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


def _instant(cell: str) -> str:
    formats = ", ".join(f"'{form}'" for form in INSTANT_FORMATS)
    # Nine and ten digits are seconds of 1973 to 2286; 20260109, a spreadsheet's 46031 and milliseconds are none.
    epoch = f"CASE WHEN regexp_full_match({cell}, '0|[1-9][0-9]{{8,9}}') THEN {cell}::BIGINT END"
    # DuckDB reads `epoch` and `infinity` as 1900, whatever the format, and takes 226 and 0000 for years: what is before
    # 1970 is no moment. It is asked in one expression, as a second try_strptime would double the time.
    told = f"make_timestamp(nullif(greatest(epoch_us(try_strptime({cell}, [{formats}])), -1), -1))"
    return f"coalesce({told}, make_timestamp({epoch} * 1000000))"


def sql_type(dtype: object) -> str:
    """The DuckDB type that stores a pandera column type.

    Raises:
        TypeError: the type is none of those in `columns.py`.
    """
    return _storage(dtype)[0]


def trim_sql(cell: str) -> str:
    """SQL that takes the blanks off both ends of a text.

    It says what `trim` does; but that walks over the whole text, and `ltrim` stops at the first character that is none.
    Blanks beyond ASCII are left to `trim`.
    """
    return (
        f"CASE WHEN suffix({cell}, ' ') OR strlen({cell}) > length({cell}) THEN trim({cell}) "
        f"WHEN prefix({cell}, ' ') THEN ltrim({cell}) ELSE {cell} END"
    )


def parse_sql(dtype: object, cell: str) -> str:
    """SQL that turns a trimmed, non-empty text into the type, or NULL where the text does not say such a value.

    Args:
        dtype: pandera's type of the column.
        cell: SQL of the text, an expression of the caller's own.
    """
    return _storage(dtype)[1](cell)


def not_a(sql: str) -> str:
    """What to call a text that is no value of this DuckDB type, for people."""
    if sql.startswith("DECIMAL"):
        return "not a number"
    return {"BIGINT": "not a whole number", "BOOLEAN": "not 0 or 1", "TIMESTAMP": "not a time in UTC"}[sql]


def _storage(dtype: object) -> tuple[str, Callable[[str], str]]:
    kind = getattr(dtype, "type", dtype)
    if isinstance(kind, pl.Decimal):
        return f"DECIMAL({kind.precision}, {kind.scale})", _decimal(kind.precision, kind.scale)
    if kind == pl.Int64:
        return "BIGINT", _whole_number
    if kind == pl.String:
        return "VARCHAR", lambda cell: cell
    if kind == pl.Boolean:
        return "BOOLEAN", _flag
    if isinstance(kind, pl.Datetime) or kind == pl.Datetime:
        return "TIMESTAMP", _instant
    raise TypeError(f"no DuckDB type is declared for {dtype!r}: add it to datasets/sql_types.py")
