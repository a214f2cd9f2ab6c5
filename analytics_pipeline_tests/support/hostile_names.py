"""An organisation whose every text is an attack: keys, course ids, headers and cells, each with a
searchable mark.

The tests assert what the pipeline makes of them.
"""

import csv
import io
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.datasets import FEED, Dataset
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.support.deliveries import KEYS

MARK = "zqhostile"
COURSE = "918273645918273645"
"""A course id, and the start of every other id: as long as allowed, so that it can be found
anywhere."""
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
"""Attacks on SQL, HTML, a terminal, a log, two spreadsheets, templates, Markdown. Only one has an
@, which a name must not have."""

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
"""Keys that lead out of a folder, resemble good ones, or have S3's maximum length (1,024 bytes)."""


def keys() -> list[str]:
    """Yield hostile keys below `org9001/`."""
    inside = (
        f"{folder}{attack}"
        for attack in ATTACKS
        for folder in ("grades/course", "lab_sessions/", "")
    )
    return [*inside, *PATHS]


def random_key(dice: random.Random) -> str:
    """Yield plausible keys: good ones with fragments of attacks, up to 1,024 bytes."""
    key = dice.choice(list(KEYS.values()))
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(0, len(key))
        splinter = dice.choice(
            [
                *ATTACKS,
                *PATHS,
                "'",
                '"',
                ";",
                "--",
                "\n",
                "\r",
                "\t",
                "\\",
                "*",
                "?",
                "%",
                "..",
                "\u202e",
            ]
        )
        key = key[:at] + splinter + key[at + dice.choice([0, 0, 1, 8]) :]
    return key.encode()[:1_000].decode(errors="ignore") or MARK


def files() -> dict[str, bytes]:
    """Return a file of every dataset whose every cell is an attack, with an unannounced column and
    a broken record.
    """
    made = {}
    for name, dataset in FEED.items():
        whole = KEYS[name].replace("4051", COURSE)
        made[f"org9001/{whole}"] = _file(dataset)
    return made


def _file(dataset: Dataset) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(column.name for column in dataset.columns), f"{ATTACKS[0]}\x1b[1m"])
    for at, attack in enumerate(ATTACKS):
        writer.writerow(
            [
                *(_cell(column.name, column.sql_type, at, attack) for column in dataset.columns),
                attack,
            ]
        )
    writer.writerow([f"{ATTACKS[2]}{ATTACKS[3]}"] * len(dataset.columns))
    return text.getvalue().encode()


def _cell(name: str, kind: str, at: int, attack: str) -> str:
    known = {"month": "1", "year": "2026", "aws_account_id": NUMBER + str(at)}
    by_type = {
        "BIGINT": f"{NUMBER}{at}",
        "BOOLEAN": "1",
        "TIMESTAMP": "Jan-09-2026 9:00:00 am UTC",
        "VARCHAR": attack,
    }
    return known.get(name) or by_type.get(kind, "1.5")


@contextmanager
def watched_sql(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect every SQL text that DuckDB gets in this process inside the block, without
    parameters.
    """
    queries: list[str] = []
    with monkeypatch.context() as patched:
        for name in ("execute", "executemany", "sql", "query"):
            real = getattr(duckdb.DuckDBPyConnection, name)

            def noted(
                self: duckdb.DuckDBPyConnection,
                query: object,
                *args: object,
                real=real,
                **named: object,
            ):
                queries.append(str(query))
                return real(self, query, *args, **named)

            patched.setattr(duckdb.DuckDBPyConnection, name, noted)
        yield queries


FOLDER = 'it\'s "hostile"; --'
"""A name for the parent of the data folder."""
LANDED = re.compile(r"[a-z_]+/[0-9a-z-]+@[0-9A-Za-z-]{1,64}\.csv")
DELIVERED = (MARK, NUMBER, "onerror", "HYPERLINK", "grades.csv", "org9001")
"""Words that occur in the attacks, in keys and in good files, but in none of our SQL."""


@dataclass(frozen=True)
class Attacked:
    """What some commands left of the attacks: files, output by command, SQL texts."""

    folder: Path
    outputs: Mapping[tuple[str, ...], str]
    sql: Sequence[str]

    @property
    def landed(self) -> list[str]:
        """Return the files in the landing folder."""
        landing = self.folder / "data" / "landing"
        return [path.relative_to(landing).as_posix() for path in landing.rglob("*.csv")]

    @property
    def sql_of_data(self) -> dict[str, str]:
        """Return the SQL texts that contain a delivered word, by the word."""
        return {word: text for text in self.sql for word in DELIVERED if word in text}


def attack(
    vocareum: DemoVocareum, folder: Path, names: Iterable[str], commands: Iterable[tuple[str, ...]]
) -> Attacked:
    """Deliver the attacks and run commands in this process; each must end without a traceback."""
    vocareum.clear()
    vocareum.put_many({f"org9001/{key}": b"x" for key in names} | files())
    outputs: dict[tuple[str, ...], str] = {}
    with pytest.MonkeyPatch.context() as patched, watched_sql(patched) as sql:
        patched.chdir(folder)
        settings = {
            "ANALYTICS_DATA_DIR": str(folder / "data"),
            "VOCAREUM_START_DATE": "2026-01-01",
            "DAGSTER_HOME": "",
        }
        for name, value in {**vocareum.environment, **settings}.items():
            patched.setenv(name, value)
        for command in commands:
            result = CliRunner().invoke(app, list(command))
            assert result.exit_code in (0, 1), (command, result.output[-2_000:], result.exception)
            assert "Traceback" not in result.output, (command, result.output[-2_000:])
            outputs[command] = result.output
    return Attacked(folder, outputs, sql)


def steering(output: str) -> set[str]:
    """Return the characters that would control a terminal, or write from right to left.

    A tab separates the cells of a table: it counts only in a line that has more of them than the
    line above.
    """
    found = {
        character for character in output if not character.isprintable() and character not in "\n\t"
    }
    tabs = [line.count("\t") for line in output.splitlines()]
    extra = any(above and here > above for above, here in pairwise(tabs))
    return found | ({"\t"} if extra else set())
