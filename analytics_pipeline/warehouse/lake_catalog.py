"""The lake's catalog, a schema of PostgreSQL: who writes, and what DuckLake leaves in its tables.

DuckLake has no lock of its own that outlives a transaction, and two transactions that insert the
same key do not conflict. So a writer holds a session's advisory lock while it has the lake open.
PostgreSQL releases it when the session ends, however the process died.
"""

import logging
import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from analytics_pipeline.warehouse.errors import WarehouseBusy, WarehouseUnusable

logger = logging.getLogger(__name__)

LOCK_SESSION = "analytics-pipeline writer"
"""Application name of the sessions that hold or await the lock."""
_SECRETS = frozenset(
    option.keyword.decode() for option in pq.Conninfo.get_defaults() if option.dispchar == b"*"
)
"""Names of the options that libpq calls secret, such as password and sslpassword."""
_CONNECT_SECONDS = 10
_LONGEST_WAIT = timedelta(seconds=30)
"""After this time a waiting session asks again, so that a broken network is noticed."""


@dataclass(frozen=True)
class Catalog:
    """The schema of one organisation's lake.

    Attributes:
        dsn: libpq's connection string; may hold secrets.
        schema: name of the schema.
    """

    dsn: str = field(repr=False)
    schema: str

    @property
    def public_dsn(self) -> str:
        """Return the connection string without any secret, for people."""
        return self._without(_SECRETS)

    @property
    def attached_dsn(self) -> str:
        """Return the connection string without the password, which DuckDB gets separately."""
        return self._without({"password"})

    @property
    def password(self) -> str:
        """Return the password; empty if the connection string has none."""
        return self._options.get("password", "")

    @property
    def _options(self) -> dict[str, str]:
        return {name: str(value) for name, value in conninfo_to_dict(self.dsn).items()}

    def _without(self, left_out: Collection[str]) -> str:
        options = self._options.items()
        return make_conninfo(**{name: value for name, value in options if name not in left_out})

    def public(self, text: str) -> str:
        """Return an error's text without secrets, and without a statement sent to PostgreSQL.

        A statement of DuckLake holds the smallest and the largest text of each column, such as
        emails, and PostgreSQL's answer repeats them.
        """
        for name, value in self._options.items():
            if name in _SECRETS and value:
                text = text.replace(value, "***")
        before, *statement = re.split("Failed to (?:execute|prepare|copy)", text, maxsplit=1)
        if not statement:
            return text
        return f"{before.strip()} PostgreSQL did not execute a statement; its log has the reason."

    @property
    def deletion(self) -> str:
        """Return the statement that deletes the catalog."""
        return sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(self.schema)).as_string()

    def describe(self) -> str:
        """Return where it is, for people."""
        return f"ducklake:postgres:{self.public_dsn} (schema {self.schema})"

    @contextmanager
    def session(self, name: str = "analytics-pipeline") -> Iterator[psycopg.Connection]:
        """Connect to PostgreSQL; each statement is a transaction.

        Raises:
            WarehouseUnusable: PostgreSQL can't be reached, or refuses a statement.
        """
        try:
            with self._connect(name) as connection:
                yield connection
        except psycopg.Error as error:
            raise self._unusable(error) from None

    def _connect(self, name: str) -> psycopg.Connection:
        try:
            return psycopg.connect(
                self.dsn,
                autocommit=True,
                connect_timeout=_CONNECT_SECONDS,
                application_name=name,
            )
        except psycopg.Error as error:
            raise self._unusable(error) from None

    def _unusable(self, error: psycopg.Error) -> WarehouseUnusable:
        return WarehouseUnusable(
            f"The catalog of the lake, {self.describe()}, can't be used:"
            f" {self.public(str(error).strip())}",
            "Check ANALYTICS_WAREHOUSE, and whether PostgreSQL runs.",
        )

    def exists(self) -> bool:
        """Return whether the lake has the pipeline's tables. The fence is the last one."""
        with self.session() as connection:
            try:
                found = connection.execute(
                    sql.SQL("SELECT 1 FROM {}.ducklake_table WHERE table_name = 'fence'").format(
                        sql.Identifier(self.schema)
                    )
                ).fetchone()
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                return False
        return found is not None

    def make_schema(self) -> None:
        """Create the schema if it is missing; DuckLake creates its tables in it."""
        with self.session() as connection:
            connection.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(self.schema))
            )

    @contextmanager
    def lock(self, wait_seconds: float) -> Iterator[None]:
        """Hold the lock of the lake's writers.

        If PostgreSQL ends the session meanwhile, the writer goes on: the fence, the first statement
        of each of its transactions, then lets it conflict with other writers.

        Raises:
            WarehouseBusy: the lock was not free within `wait_seconds`.
            WarehouseUnusable: PostgreSQL can't be reached.
        """
        deadline = time.monotonic() + wait_seconds
        while (holder := self._try_to_lock(deadline)) is None:
            if time.monotonic() >= deadline:
                raise WarehouseBusy(
                    f"{self.describe()} was in use by another process for more than"
                    f" {wait_seconds:.0f} s. Wait for the other run to end, or end it, and try"
                    " again."
                )
        try:
            yield
        finally:
            # PostgreSQL may notice the end of a session only after this process has gone on.
            with suppress(psycopg.OperationalError):  # the session was ended, and with it the lock
                holder.execute("SELECT pg_advisory_unlock_all()")
            holder.close()

    def _try_to_lock(self, deadline: float) -> psycopg.Connection | None:
        """Return a session that holds the lock; None if it is to be asked for again."""
        key = f"analytics-pipeline {self.schema}"
        holder = self._connect(LOCK_SESSION)
        try:
            row = holder.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key]
            ).fetchone()
            if row == (True,):
                return holder
            logger.info("The warehouse is in use; waiting for it.")
            seconds = min(deadline - time.monotonic(), _LONGEST_WAIT.total_seconds())
            if seconds > 0:
                holder.execute(
                    "SELECT set_config('lock_timeout', %s, false)", [f"{int(seconds * 1000) + 1}ms"]
                )
                holder.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [key])
                return holder
        except psycopg.OperationalError:  # the time is over, or the session was ended: ask again
            pass
        holder.close()
        return None

    def protect_statistics(self) -> None:
        """Keep PostgreSQL's own statistics free of values that DuckLake stores as text.

        `ANALYZE` would copy them into `pg_statistic`, which only a superuser can rewrite.
        """
        with self.session() as connection:
            for table, column in connection.execute(
                """SELECT relname, attname FROM pg_attribute
                   JOIN pg_class ON pg_class.oid = attrelid
                   JOIN pg_namespace ON pg_namespace.oid = relnamespace
                   WHERE nspname = %s AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
                     AND coalesce(attstattarget, -1) <> 0
                     AND atttypid IN ('text'::regtype, 'varchar'::regtype, 'bytea'::regtype)""",
                [self.schema],
            ).fetchall():
                connection.execute(
                    sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 0").format(
                        sql.Identifier(self.schema, table), sql.Identifier(column)
                    )
                )

    def rewrite(self) -> None:
        """Rewrite the catalog's tables, so that their files hold no deleted row."""
        with self.session() as connection:
            for (table,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s", [self.schema]
            ).fetchall():
                connection.execute(
                    sql.SQL("VACUUM FULL {}").format(sql.Identifier(self.schema, table))
                )
