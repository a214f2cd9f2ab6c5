"""A PostgreSQL server of our own, on a socket in a temporary folder, that ends with the tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

USER = "postgres"
"""Account that runs the server if root runs the tests: PostgreSQL refuses to run as root."""
PASSWORD = "c4talog-password"


@dataclass
class Postgres:
    """A running server.

    Attributes:
        programs: folder of its programs.
        folder: its socket and data, which its account owns.
    """

    programs: Path
    folder: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def dsn(self, database: str) -> str:
        """Return the connection string of a database, with a password that must not show."""
        return f"host={self.folder} port=5432 user=pipeline password={PASSWORD} dbname={database}"

    def new_database(self, template: str = "template1") -> str:
        """Create an empty database, or a copy of one, whose sessions are ended; return its name."""
        name = f"lake{next(self._numbers)}"
        self.execute(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{template}' AND datname <> 'template1'",
        )
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def execute(self, database: str, statement: str, *values: object) -> list[tuple]:
        """Execute a statement as the owner of everything; return its rows."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def end_sessions(self, name: str) -> int:
        """End every session of an application; return how many."""
        return len(
            self.execute(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE application_name = '{name}'",
            )
        )

    def dump(self, database: str) -> Path:
        """Dump the lakes of a database."""
        file = self.folder / f"dump{next(self._numbers)}.sql"
        self.run("pg_dump", *self._arguments(database), "--schema=org*", "--file", str(file))
        return file

    def restore(self, database: str, dump: Path) -> None:
        """Put a dump of the one lake of a database back in its place."""
        self.execute(database, "DROP SCHEMA org9001 CASCADE")
        options = ("--quiet", "--set=ON_ERROR_STOP=1", "--file", str(dump))
        self.run("psql", *self._arguments(database), *options)

    def _arguments(self, database: str) -> tuple[str, ...]:
        return ("-h", str(self.folder), "-U", "pipeline", "-d", database)

    def run(self, program: str, *arguments: str) -> bytes:
        """Run one of PostgreSQL's programs as its account; return what it prints."""
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", USER, "--", *command]
        ran = subprocess.run(command, cwd="/", capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; None if it is not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def running_postgres(port: int = 0) -> Iterator[Postgres]:
    """Start a server, which also listens on 127.0.0.1 if a port is given.

    Skip the test if PostgreSQL is not installed, but never in CI.
    """
    installed = programs()
    if installed is None:
        assert "CI" not in os.environ, "PostgreSQL is not installed"
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
    server = Postgres(installed, folder)
    data = str(folder / "data")
    listens = f"-p {port} -c listen_addresses=127.0.0.1" if port else "-p 5432 -c listen_addresses="
    options = f"-k {folder} {listens} -c fsync=off -c shared_buffers=16MB"
    server.run("initdb", "-D", data, "-U", "pipeline", "-A", "trust", "-E", "UTF8", "--no-sync")
    try:
        server.run(*("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start"))
        yield server
    finally:
        server.run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
