"""Detect that a lake's catalog was replaced from outside, as by restoring an older dump.

Dagster records the loaded files separately from the lake, so an older catalog makes those records
wrong. Each writer adds a random state to the catalog when it opens the lake and when it closes it.
Each machine remembers in its data folder the newest state that it saw: a catalog without that state
does not descend from the one that the machine saw. The first machine that finds this records in the
catalog when it did, for all machines. `sidecar.py` does the same for a file.
"""

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.atomic_write import private_file
from analytics_pipeline.warehouse.generation import NEVER, Generation
from analytics_pipeline.warehouse.lake_catalog import Catalog
from analytics_pipeline.warehouse.sidecar import REPLACED

logger = logging.getLogger(__name__)

_CREATE = """
    CREATE TABLE IF NOT EXISTS {}.pipeline_state (
        number BIGINT GENERATED ALWAYS AS IDENTITY,
        state UUID PRIMARY KEY,
        at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
        is_replaced BOOLEAN NOT NULL)"""
_NEWEST = """
    SELECT state::TEXT, extract(epoch FROM at)::FLOAT8,
           EXISTS (SELECT FROM {0}.pipeline_state WHERE state = %(state)s),
           EXISTS (SELECT FROM {0}.pipeline_state
                   WHERE is_replaced AND extract(epoch FROM at)::FLOAT8 > %(at)s)
    FROM {0}.pipeline_state ORDER BY number DESC LIMIT 1"""
_ADD = """
    INSERT INTO {}.pipeline_state (state, is_replaced) VALUES (%s, FALSE)
    RETURNING state::TEXT, extract(epoch FROM at)::FLOAT8"""
_MARK = "ALTER TABLE {}.pipeline_state ADD COLUMN IF NOT EXISTS is_generation BOOLEAN"
_ADD_GENERATION = """
    INSERT INTO {}.pipeline_state (state, is_replaced, is_generation) VALUES (%s, TRUE, TRUE)
    RETURNING state::TEXT, extract(epoch FROM at)::FLOAT8"""
_EXPIRE = "DELETE FROM {}.pipeline_state WHERE at < now() - INTERVAL '400 days' AND NOT is_replaced"
_REPLACEMENT = """
    SELECT state::TEXT, extract(epoch FROM at)::FLOAT8,
           coalesce((to_jsonb(found) ->> 'is_generation')::BOOLEAN, FALSE)
    FROM {}.pipeline_state AS found WHERE is_replaced ORDER BY number DESC LIMIT 1"""
"""The newest replacement, and whether its state is the id of a generation: earlier releases have no
such column."""


@dataclass(frozen=True)
class State:
    """A state of the catalog.

    Attributes:
        state: its random id.
        at: when it was recorded, by PostgreSQL's clock (epoch seconds).
    """

    state: str
    at: float


@dataclass(frozen=True)
class LakeState:
    """The states that the catalog lists, and the one that this machine remembers.

    Attributes:
        catalog: the catalog.
        file: where the machine remembers a state.
    """

    catalog: Catalog
    file: Path

    def replaced_at(self) -> float:
        """Return when any machine found the catalog replaced (epoch seconds); 0 if never."""
        found = self._row(_REPLACEMENT)
        return float(found[1]) if found else 0.0

    def generation(self) -> Generation:
        """Return which of Dagster's records describe the lake."""
        found = self._row(_REPLACEMENT)
        if found is None:
            return NEVER
        state, at, is_generation = found
        return Generation.begun(state) if is_generation else Generation(state, at)

    def is_untouched(self) -> bool:
        """Return whether the catalog descends from the one that this machine saw; remember it then.

        True if another machine has recorded the replacement already, or nothing is remembered.
        """
        remembered = self._remembered()
        newest, descends, is_recorded = self._newest(remembered)
        if not (descends or is_recorded):
            return False
        if newest and newest != remembered:
            self._remember(newest)
        return True

    def is_replaced(self) -> bool:
        """Return whether the catalog was replaced, and no machine has recorded it. Only reads."""
        _, descends, is_recorded = self._newest(self._remembered())
        return not (descends or is_recorded)

    def descends_from(self, state: State | None) -> tuple[bool, State | None]:
        """Return whether the catalog descends from a state that it had, and its newest one."""
        newest, descends, _ = self._newest(state)
        return descends, newest

    def begin(self) -> State:
        """Record and return a writer's state, and that the catalog was replaced if it was.

        Call it under the writers' lock, before anything is written: a dump from before does not
        have this state.
        """
        with self.catalog.session() as connection:
            connection.execute(self._sql(_CREATE))
        is_replaced = self.is_replaced()
        if is_replaced:
            logger.info(REPLACED)
        return self._add(is_replaced=is_replaced)

    def end(self) -> State | None:
        """Record and return the state that a writer leaves: a dump made while it wrote lacks it.

        Only log a failure: the data is safe.
        """
        try:
            return self._add(is_replaced=False)
        except PipelineError as error:
            logger.warning("The state of the lake could not be recorded: %s", error)
            return None

    def _add(self, *, is_replaced: bool) -> State:
        with self.catalog.session() as connection:
            connection.execute(self._sql(_EXPIRE))
            if is_replaced:
                connection.execute(self._sql(_MARK))
            add = _ADD_GENERATION if is_replaced else _ADD
            row = connection.execute(self._sql(add), [uuid4()]).fetchone()
        assert row is not None  # RETURNING has one row
        added = State(*row)
        self._remember(added)
        return added

    def _newest(self, known: State | None) -> tuple[State | None, bool, bool]:
        """Return the newest state, whether the catalog has a known one, and whether a replacement
        was recorded since that one.
        """
        parameters = asdict(known or State("00000000-0000-0000-0000-000000000000", 0.0))
        row = self._row(_NEWEST, parameters)
        if row is None:
            return None, known is None, False
        state, at, has_known, is_recorded = row
        return State(state, at), known is None or has_known, is_recorded

    def _row(self, query: str, parameters: dict[str, Any] | None = None) -> tuple[Any, ...] | None:
        """Return the first row of a query; None if no state was ever recorded."""
        with (
            self.catalog.session() as connection,
            suppress(psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName),
        ):
            return connection.execute(self._sql(query), parameters).fetchone()
        return None

    def _sql(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(sql.Identifier(self.catalog.schema))

    def _remembered(self) -> State | None:
        try:
            data = json.loads(self.file.read_text())
            return State(str(data["state"]), float(data["at"]))
        except FileNotFoundError:  # this machine has not seen the lake yet
            return None
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning(
                "%s can't be read, so whether the lake was replaced is unknown.", self.file
            )
            return None

    def _remember(self, state: State) -> None:
        try:
            with private_file(self.file, durable=False) as file:
                file.write(json.dumps(asdict(state)).encode())
        except OSError as error:
            logger.warning("%s could not be written: %s", self.file, error.strerror or error)
