"""Thousands of plausible hostile keys, through S3 listing, plan, download, landing, ledger, Dagster
and terminal.
"""

import random
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import FEED, classify
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.support.hostile_names import (
    FOLDER,
    LANDED,
    MARK,
    attack,
    files,
    keys,
    random_key,
    steering,
)

KEYS = 3_000
COMMANDS = (
    ("sync",),
    ("sync", "--full"),
    ("status",),
    ("quarantine", "replay"),
    ("quarantine", "list", "--records"),
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thousands_of_hostile_keys_are_refused_or_harmless(vocareum: DemoVocareum, tmp_path: Path):
    dice = random.Random(5)
    tried = sorted(
        {*keys(), *(random_key(dice) for _ in range(KEYS))}
        - {key.partition("/")[2] for key in files()}
    )
    known = [key for key in tried if classify(key)]
    (tmp_path / FOLDER).mkdir()
    attacked = attack(vocareum, tmp_path / FOLDER, tried, COMMANDS)
    vocareum.clear()

    status = attacked.outputs[("status",)]
    refused = len(tried) - len(known) - sum(key.endswith("/") for key in tried)
    assert status.count("Unrecognised file, skipped:") == refused, (
        "each key that no dataset knows is named, in a line of its own"
    )
    assert {
        command: steering(output)
        for command, output in attacked.outputs.items()
        if steering(output)
    } == {}
    assert attacked.sql_of_data == {}
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {"data"}
    assert [name for name in attacked.landed if not LANDED.fullmatch(name)] == []
    assert [path for path in tmp_path.rglob("*") if MARK in path.name] == []
    with duckdb.connect(
        str(tmp_path / FOLDER / "data" / "warehouse.duckdb"), read_only=True
    ) as connection:
        loaded = {
            key
            for (key,) in connection.execute("SELECT source_key FROM ops.loaded_files").fetchall()
        }
        failed = {
            key
            for (key,) in connection.execute("SELECT source_key FROM ops.failed_files").fetchall()
        }
    assert loaded == set(files()), "the good files beside them are loaded, and nothing else"
    assert {key for key in failed if not classify(key.removeprefix("org9001/"))} == set()
    assert len(loaded) == len(FEED)
    note(
        "Hostile keys in the bucket: `..`, quotes, `;`, newlines, ANSI, look-alikes, 1,024 bytes",
        f"{len(tried):,} keys, {refused:,} reported as unrecognised files, the others folders"
        f" or other days; none in {len(attacked.sql):,} SQL texts, in a path or steering the"
        f" terminal; the {len(loaded)} good files beside them loaded",
    )
