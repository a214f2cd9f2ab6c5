"""A small warehouse with a published file, and what may happen to both between two publications.

Each change is a method. `OFTEN` and `SELDOM` name those that a random step chooses from.
"""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from analytics_pipeline.datasets import DATASETS, Person, Privacy
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.erase import erase_rows, known_as, remember
from analytics_pipeline.warehouse.tables import SOURCE_KEY
from analytics_pipeline_tests.support.declared_rows import TABLES, insert_rows, value_of

Connection = duckdb.DuckDBPyConnection
PEOPLE = range(1, 13)
MODELS = {
    # Part of a row: a day; an instant; neither.
    "marts.sessions": (
        "TABLE",
        "SELECT file_date AS session_date, user_id, sha256('person' || user_id) AS handle,"
        " course_name, duration_min FROM raw.lab_sessions",
    ),
    "marts.hours": (
        "TABLE",
        "SELECT date_trunc('hour', start_time) AS hour, count(*) AS n FROM raw.lab_sessions"
        " GROUP BY 1",
    ),
    "marts.people": ("TABLE", "SELECT user_id, sum(cost) AS cost FROM raw.aws_cost GROUP BY 1"),
    "staging.sessions": (
        "VIEW",
        "SELECT user_id, end_reason FROM staging.reasons WHERE end_reason IS NOT NULL",
    ),
    "staging.reasons": ("VIEW", "SELECT user_id, end_reason FROM raw.lab_sessions"),
    "staging.logs": ("VIEW", "SELECT user_id, length(log) AS n FROM raw.lab_sessions"),
    "marts.summary": ("VIEW", "SELECT count(*) AS n FROM marts.sessions"),
}
CHECK = """INSERT INTO ops.checks (name, subject, kind, severity, passed, withholds, evaluated_at)
           VALUES ('held', ?, 'model', 'ERROR', false, ?, ?)"""


class ChangingWarehouse:
    """The warehouse, the place of its published file, and the changes of both.

    Attributes:
        random: source of every choice.
        erased: people whose rows were removed.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.warehouse, self.target = folder / "warehouse.duckdb", folder / "analytics.duckdb"
        self.pii, self.models, self.erased = False, dict(MODELS), set[int]()
        self.comment, self.keys = "", dict[str, list[str]]()
        with self.open() as connection:
            for table in TABLES:
                for _ in range(3):
                    self.late_file(connection, table.name)
            self.build(connection)

    @contextmanager
    def open(self) -> Iterator[Connection]:
        """Open the warehouse."""
        with open_warehouse(self.warehouse) as connection:
            yield connection

    def build(self, connection: Connection) -> None:
        """Rebuild the models."""
        connection.execute("DROP SCHEMA IF EXISTS marts CASCADE")
        connection.execute("DROP SCHEMA IF EXISTS staging CASCADE")
        connection.execute("CREATE SCHEMA staging; CREATE SCHEMA marts")
        waiting = list(self.models.items())
        while waiting:
            name, (kind, sql) = waiting.pop(0)
            try:
                connection.execute(f"CREATE {kind} {name} AS {sql}")
            except duckdb.CatalogException:
                waiting.append((name, (kind, sql)))
                continue
            connection.execute(f"COMMENT ON {kind} {name} IS 'A model{self.comment}'")

    # What may happen between two publications.

    def late_file(self, connection: Connection, name: str | None = None) -> None:
        """Load a file that was not there."""
        table = name or self.random.choice(TABLES).name
        known = self.keys.setdefault(table, [])
        known.append(f"org1/{table}/{len(known)}.csv")
        self._put(connection, table, known[-1])

    def rewritten_file(self, connection: Connection) -> None:
        """Load another version of a file."""
        table = self.random.choice(TABLES).name
        key = self.random.choice(self.keys[table])
        connection.execute(f"DELETE FROM {table} WHERE _source_key = ?", [key])
        self._put(connection, table, key)

    def deleted_file(self, connection: Connection) -> None:
        """Remove a file's rows, or those of all files."""
        table = self.random.choice(TABLES).name
        key = self.random.choice(self.keys[table])
        connection.execute(
            f"DELETE FROM {table} WHERE _source_key = ? OR ?", [key, self.random.random() < 0.2]
        )

    def changed_cell(self, connection: Connection) -> None:
        """Change a single cell, in any column of any table."""
        table = self.random.choice(TABLES)
        column = self.random.choice([c for c in table.columns if c.name != SOURCE_KEY.name])
        value = value_of(column.sql_type).replace("seed", str(self.random.randrange(10**6)))
        connection.execute(
            f"""UPDATE {table.name} SET "{column.name}" = {value}
                WHERE rowid = (SELECT min(rowid) FROM {table.name})"""
        )

    def email_in_an_open_column(self, connection: Connection) -> None:
        """Put an email where a shifted row would."""
        table = self.random.choice(TABLES)
        texts = [
            column.name
            for column in table.columns
            if column.sql_type == "VARCHAR" and column.privacy is not Privacy.PRIVATE
        ]
        connection.execute(
            f"""UPDATE {table.name} SET "{self.random.choice(texts)}" = 'a.b@example.edu'
                WHERE rowid = (SELECT max(rowid) FROM {table.name})"""
        )

    def wrong_mart(self, connection: Connection) -> None:
        """Change rows of a mart, as another model would; after an erasure there may be none."""
        if not connection.execute("FROM duckdb_schemas() WHERE schema_name = 'marts'").fetchall():
            return
        connection.execute("UPDATE marts.sessions SET duration_min = -1 WHERE user_id % 3 = 0")
        connection.execute("DELETE FROM marts.hours WHERE n > 1 OR hour IS NULL")

    def held_mart(self, connection: Connection) -> None:
        """Let a check fail, or pass again."""
        self._check(connection, "marts.people", ["marts.people", "marts.summary"])

    def held_file(self, connection: Connection) -> None:
        """Let a check of the raw tables fail, or pass again."""
        self._check(connection, "raw.grades", ["raw.grades", "marts.sessions"])

    def another_setting(self, connection: Connection) -> None:
        """Publish private columns, or no longer."""
        self.pii = not self.pii

    def another_model(self, connection: Connection) -> None:
        """Change a table, a view, a comment; add or remove a mart."""
        more = dict(MODELS)
        match self.random.randrange(5):
            case 0:
                kind, sql = more["marts.people"]
                more["marts.people"] = (kind, sql.replace("sum(cost) AS cost", "max(cost) AS top"))
            case 1:
                more["staging.reasons"] = ("VIEW", "SELECT 1 AS user_id, 'x' AS end_reason")
            case 2:
                more["marts.extra"] = ("TABLE", "SELECT 1 AS n")
            case 3:
                more["marts.summary"] = ("TABLE", more["marts.summary"][1])
            case _:
                self.comment += "."
        self.models = more

    def erasure(self, connection: Connection) -> None:
        """Erase a person; a kill may come before the rows are removed, or before the models."""
        left = [user for user in PEOPLE if user not in self.erased]
        if not left:
            return
        person = known_as(connection, self.random.choice(left))
        remember(connection, person, warehouse_now())
        if self.random.random() < 0.7:
            erase_rows(connection, person)
            self.erased |= person.ids

    def whole_erasure(self, connection: Connection) -> None:
        """Erase a person completely."""
        person = known_as(connection, 4)
        remember(connection, person, warehouse_now())
        erase_rows(connection, person)
        self.erased |= person.ids

    def another_comment(self, connection: Connection) -> None:
        """Change the comments of the models."""
        self.comment += "."

    def foreign_rows(self, connection: Connection) -> None:
        """Let somebody else write to the published file."""
        with duckdb.connect(str(self.target)) as theirs:
            theirs.execute("DELETE FROM raw.lab_sessions WHERE user_id > 6")

    def lost_or_foreign_file(self, connection: Connection) -> None:
        """Lose, damage, write to, or replace the published file."""
        older = self.folder / "older.duckdb"
        match self.random.randrange(5):
            case 0:
                self.target.unlink(missing_ok=True)
            case 1 if self.target.exists():
                self.target.write_bytes(self.target.read_bytes()[:-4096])
            case 2 if self.target.exists():
                with suppress(duckdb.Error):
                    self.foreign_rows(connection)
            case 3 if older.exists():
                shutil.copyfile(older, self.target)
            case _ if self.target.exists():
                shutil.copyfile(self.target, older)

    def older_warehouse(self, connection: Connection) -> None:
        """Restore the rows and the record of an earlier warehouse, or take a backup."""
        ours = [f"{table.name}" for table in TABLES]
        tables = [*ours, "ops.publication", "ops.published_parts"]
        if self.folder.joinpath("backup.duckdb").exists():
            connection.execute(f"ATTACH '{self.folder}/backup.duckdb' AS backup (READ_ONLY)")
            for table in tables:
                connection.execute(f"DELETE FROM {table}")
                connection.execute(f"INSERT INTO {table} BY NAME FROM backup.{table}")
            connection.execute("DETACH backup")
            for user in self.erased:
                erase_rows(connection, known_as(connection, user))
            return
        connection.execute(f"ATTACH '{self.folder}/backup.duckdb' AS backup")
        connection.execute("CREATE SCHEMA backup.raw; CREATE SCHEMA backup.history")
        connection.execute("CREATE SCHEMA backup.ops")
        for table in tables:
            connection.execute(f"CREATE TABLE backup.{table} AS FROM {table}")
        connection.execute("DETACH backup")

    OFTEN = ("late_file", "rewritten_file", "deleted_file", "changed_cell")
    SELDOM = (
        *("email_in_an_open_column", "wrong_mart", "held_mart", "held_file", "another_setting"),
        *("another_model", "erasure", "lost_or_foreign_file", "older_warehouse"),
    )

    def mend(self, connection: Connection) -> None:
        """Let all checks pass, and finish an interrupted erasure."""
        connection.execute("DELETE FROM ops.checks")
        for (user,) in connection.execute(
            "SELECT user_id FROM ops.erased WHERE times = 0"
        ).fetchall():
            erase_rows(connection, known_as(connection, user))
            self.erased.add(user)

    def _put(self, connection: Connection, name: str, key: str) -> None:
        """Insert some rows under a source key, of people who are not erased."""
        seed, number = self.random.randrange(10**9), self.random.randrange(1, 30)
        insert_rows(connection, name, key, seed, number)
        for user in self.erased:
            for subject in DATASETS[name.partition(".")[2]].columns_of(Person.SUBJECT):
                connection.execute(f'DELETE FROM {name} WHERE "{subject}" = ?', [user])

    def _check(self, connection: Connection, subject: str, withholds: list[str]) -> None:
        failing = connection.execute("SELECT count(*) FROM ops.checks").fetchall() != [(0,)]
        connection.execute("DELETE FROM ops.checks")
        if not failing:
            connection.execute(CHECK, [subject, withholds, warehouse_now()])
