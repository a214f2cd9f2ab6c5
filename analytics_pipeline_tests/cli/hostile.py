"""An organisation whose every text is an attack: keys, course ids, headers and cells, each with a mark to be found by.

What must be true of whatever the pipeline makes of them is asserted in the tests.
"""

import csv
import io
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.ingest.delivered import KEYS

MARK = "zqhostile"
COURSE = "918273645918273645"
"""A course id, and the beginning of every other id: as long as one may be, so that it is found wherever it gets to."""
NUMBER = COURSE[:9]

ATTACKS = (
    f"{MARK}'); DROP TABLE raw.grades; --",
    f"{MARK}</script><img src=x onerror=alert(1)>",
    f"{MARK}\x1b]0;owned\x07\x1b[2J\x9b31m\u202e",
    f"{MARK}\nComplete.\r\n[red]all is well[/red]",
    f'=HYPERLINK("http://{MARK}.example")',
    f"@SUM(1+1)*cmd|' /C calc'!{MARK}",
    f'{MARK}" || (SELECT 1) || "$paths ${{7*7}} {{{{7*7}}}} %s {{0}}',
    f"![x](javascript:alert('{MARK}'))<b>",
)
"""SQL, HTML, a terminal, a log, two spreadsheets, templates, Markdown. None has an @ that would make a name implausible but one."""

PATHS = (
    "../" * 8 + f"etc/{MARK}.csv",
    f"/etc/{MARK}",
    f"..\\..\\{MARK}.csv",
    f"grades/course1/../course2/{MARK}/grades.csv",
    "grades/course%2e%2e/grades.csv",
    "grades/course\uff11\uff12/grades.csv",
    "grades/course\u0661/grades.csv",
    "gr\u0430des/course1/grades.csv",
    "lab_sessions/lab_sessions_2026-02-30.csv",
    "lab_sessions/lab_sessions_2026-01-09.csv\n",
    f"lab_sessions/{'x' * 900}{MARK}.csv",
    "grades/course" + "9" * 900 + "/grades.csv",
)
"""Keys that lead out of a folder, look like good ones, or are as long as S3 lets them be (1,024 bytes)."""


def keys() -> list[str]:
    """Hostile keys below `org9001/`."""
    inside = (f"{folder}{attack}" for attack in ATTACKS for folder in ("grades/course", "lab_sessions/", ""))
    return [*inside, *PATHS]


def random_key(dice: random.Random) -> str:
    """A key that somebody might try: good ones with splinters in them, up to 1,024 bytes."""
    key = dice.choice(list(KEYS.values()))
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(0, len(key))
        splinter = dice.choice(
            [*ATTACKS, *PATHS, "'", '"', ";", "--", "\n", "\r", "\t", "\\", "*", "?", "%", "..", "\u202e"]
        )
        key = key[:at] + splinter + key[at + dice.choice([0, 0, 1, 8]) :]
    return key.encode()[:1_000].decode(errors="ignore") or MARK


def files() -> dict[str, bytes]:
    """A file of every dataset whose every cell is an attack, with a column that nobody announced and a broken record."""
    made = {}
    for name, key in KEYS.items():
        whole = key.replace("4051", COURSE)
        made[f"org9001/{whole}"] = _file(DATASETS[name])
    return made


def _file(dataset: Dataset) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(column.name for column in dataset.columns), f"{ATTACKS[0]}\x1b[1m"])
    for at, attack in enumerate(ATTACKS):
        writer.writerow([*(_cell(column.name, column.sql_type, at, attack) for column in dataset.columns), attack])
    writer.writerow([f"{ATTACKS[2]}{ATTACKS[3]}"] * len(dataset.columns))
    return text.getvalue().encode()


def _cell(name: str, kind: str, at: int, attack: str) -> str:
    known = {"month": "1", "year": "2026", "aws_account_id": NUMBER + str(at)}
    by_type = {"BIGINT": f"{NUMBER}{at}", "BOOLEAN": "1", "TIMESTAMP": "Jan-09-2026 9:00:00 am UTC", "VARCHAR": attack}
    return known.get(name) or by_type.get(kind, "1.5")


@contextmanager
def watched_sql(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every SQL text that DuckDB is given in this process meanwhile; parameters are none."""
    said: list[str] = []
    with monkeypatch.context() as patched:
        for name in ("execute", "executemany", "sql", "query"):
            real = getattr(duckdb.DuckDBPyConnection, name)

            def noted(self: duckdb.DuckDBPyConnection, query: object, *args: object, real=real, **named: object):
                said.append(str(query))
                return real(self, query, *args, **named)

            patched.setattr(duckdb.DuckDBPyConnection, name, noted)
        yield said


FOLDER = 'it\'s "hostile"; --'
"""A name for the folder above the data folder."""
LANDED = re.compile(r"[a-z_]+/[0-9a-z-]+@[0-9A-Za-z-]{1,64}\.csv")
DELIVERED = (MARK, NUMBER, "onerror", "HYPERLINK", "grades.csv", "org9001")
"""Words that are in the attacks, in keys and in good files, and in no SQL of ours."""


@dataclass(frozen=True)
class Attacked:
    """What is left of some commands over the attacks: files, output by command, SQL texts."""

    folder: Path
    said: Mapping[tuple[str, ...], str]
    sql: Sequence[str]

    @property
    def landed(self) -> list[str]:
        """Files in the landing folder."""
        landing = self.folder / "data" / "landing"
        return [path.relative_to(landing).as_posix() for path in landing.rglob("*.csv")]

    @property
    def sql_of_data(self) -> dict[str, str]:
        """SQL texts with a delivered word in them, by the word."""
        return {word: text for text in self.sql for word in DELIVERED if word in text}


def attack(vocareum: DemoVocareum, folder: Path, names: Iterable[str], commands: Iterable[tuple[str, ...]]) -> Attacked:
    """Deliver the attacks, and run commands in this process; each ends without a traceback."""
    vocareum.clear()
    vocareum.put_many({f"org9001/{key}": b"x" for key in names} | files())
    said: dict[tuple[str, ...], str] = {}
    with pytest.MonkeyPatch.context() as patched, watched_sql(patched) as sql:
        patched.chdir(folder)
        settings = {"ANALYTICS_DATA_DIR": str(folder / "data"), "VOCAREUM_START_DATE": "2026-01-01", "DAGSTER_HOME": ""}
        for name, value in {**vocareum.environment, **settings}.items():
            patched.setenv(name, value)
        for command in commands:
            result = CliRunner().invoke(app, list(command))
            assert result.exit_code in (0, 1), (command, result.output[-2_000:], result.exception)
            assert "Traceback" not in result.output, (command, result.output[-2_000:])
            said[command] = result.output
    return Attacked(folder, said, sql)


def steering(output: str) -> set[str]:
    """Characters that would steer a terminal, or write from right to left."""
    return {one for one in output if not one.isprintable() and one != "\n"}
