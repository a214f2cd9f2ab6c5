"""Published files of organisations, attached read-only, and whether their marts fit together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.database_log import log_beside
from analytics_pipeline.warehouse.signature import Signature, read_signature
from analytics_pipeline.warehouse.sql_text import literal

OLD = timedelta(days=2)
"""Age of a published file above which it is named: each day's load publishes."""


class AcrossImpossible(PipelineError):
    """Published files can't be put into one file."""


@dataclass(frozen=True)
class Source:
    """An attached published file: its path, alias, organisation, description, and marts by name
    with the type of each column.
    """

    path: Path
    alias: str
    organisation: str
    signature: Signature
    marts: Mapping[str, Mapping[str, str]]


def attach(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> Source:
    """Attach a published file read-only.

    Raises:
        AcrossImpossible: it is not the published file of one organisation, or another program
            wrote into it.
    """
    if log := log_beside(path):
        raise AcrossImpossible(
            f"{log} lies beside {path}: another program wrote into that file.",
            "Run `analytics-pipeline sync` for its organisation, which publishes it again.",
        )
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS {alias} (READ_ONLY)")
        connection.execute(f"USE {alias}")
        signature = read_signature(connection)
        folders = connection.execute(
            "SELECT DISTINCT split_part(source_key, '/', 1) FROM ops.loaded_files"
        ).fetchall()
        columns = connection.execute(
            """SELECT table_name, column_name, data_type FROM duckdb_columns()
               WHERE database_name = current_database() AND schema_name = 'marts'
               ORDER BY table_name, column_index"""
        ).fetchall()
    except duckdb.Error as error:
        raise _no_source(path, f": {str(error).splitlines()[0]}") from None
    finally:
        connection.execute("USE memory")
    if signature is None or len(folders) != 1:
        raise _no_source(path)
    marts: dict[str, dict[str, str]] = {}
    for mart, column, kind in columns:
        marts.setdefault(mart, {})[column] = kind
    return Source(
        path,
        alias,
        folders[0][0].removeprefix("org"),
        signature,
        marts,
    )


def _no_source(path: Path, reason: str = "") -> AcrossImpossible:
    return AcrossImpossible(
        f"{path} can't be read as the published file of one organisation{reason}.",
        "Give the file analytics.duckdb that `analytics-pipeline publish` writes.",
    )


def old_lines(sources: Sequence[Source], now: datetime) -> list[str]:
    """Return a line for people about each file that was not published for days (`now` in UTC)."""
    return [
        f"Organisation {source.organisation}: {source.path} was last published on"
        f" {source.signature.published_at:%Y-%m-%d}, {(now - source.signature.published_at).days}"
        " days ago. `analytics-pipeline status` of that organisation says why."
        for source in sources
        if now - source.signature.published_at > OLD
    ]


def all_marts(sources: Sequence[Source]) -> list[str]:
    """Return the names of the marts that any of the files has, sorted."""
    return sorted({mart for source in sources for mart in source.marts})


def require_one_each(sources: Sequence[Source]) -> None:
    """Refuse two files of one organisation.

    Args:
        sources: sorted by organisation.

    Raises:
        AcrossImpossible: there are two.
    """
    for source, other in pairwise(sources):
        if source.organisation == other.organisation:
            raise AcrossImpossible(
                f"{source.path} and {other.path} are both of organisation {source.organisation}.",
                "Give one file for each organisation.",
            )


def require_same_columns(sources: Sequence[Source]) -> None:
    """Refuse files whose releases differ in their marts. A mart that a check withholds may be
    missing.

    Raises:
        AcrossImpossible: a mart's columns differ, or a mart is missing.
    """
    for mart in all_marts(sources):
        first = next(source for source in sources if mart in source.marts)
        for source in sources:
            if mart in source.marts:
                differing = _differing(first.marts[mart], source.marts[mart])
            elif f"marts.{mart}" in source.signature.left_out:
                differing = []
            else:
                differing = ["all of them"]
            if differing:
                raise AcrossImpossible(
                    f"marts.{mart} has other columns in {_named(source)} than in {_named(first)}:"
                    f" {', '.join(differing)}.",
                    "Publish both with the same release, then run this again.",
                )


def _named(source: Source) -> str:
    release = source.signature.release
    return f"{source.path} (organisation {source.organisation}, release {release})"


def _differing(columns: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*columns, *others} if columns.get(name) != others.get(name))
