"""CONTRIBUTING.md's examples in a copy of the project: one file adds a dataset, one file adds a
model.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import YESTERDAY

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
EXAMPLES = dict(
    re.findall(
        r"^`(\S+)`:\n\n```\w+\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S
    )
)
"""The guide's example files, by path in the project."""
DATASET = "analytics_pipeline/datasets/oci_cost.py"
MODEL = "dbt_like_sql/marts/lab_users_daily.sql"

InCopy = Callable[..., str]


@pytest.fixture
def in_copy(environment: Mapping[str, str], tmp_path: Path) -> InCopy:
    """Run a command in a copy of the project with one example file of the guide."""

    def run(added: str, *arguments: str) -> str:
        project = tmp_path / "project"
        if not project.exists():
            for folder in ("analytics_pipeline", "dbt_like_sql"):
                shutil.copytree(
                    ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__")
                )
            assert not (project / added).exists(), "the guide's example file already exists"
            (project / added).write_text(EXAMPLES[added])
        done = subprocess.run(
            [sys.executable, "-m", "analytics_pipeline", *arguments],
            env={**os.environ, **environment},
            cwd=project,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def published(data: Path, sql: str) -> list[Any]:
    with duckdb.connect(str(data / "analytics.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_guide_shows_one_file_for_a_dataset_and_one_for_a_model():
    assert EXAMPLES.keys() == {DATASET, MODEL}


def test_a_dataset_is_one_module_and_nothing_else(
    synced: Path, demo: DemoVocareum, in_copy: InCopy
):
    key = f"org9001/cloud_spend/oci/oci_cost_{YESTERDAY}.csv"
    demo.put(
        key,
        b"User ID, User Email, Part ID, Part Name, Cost\n"
        b"7, king@example.org, 70, lab, 1.25\n"
        b"8, queen@example.org, 70, lab, 0.000000001\n"
        b"nobody, x@example.org, 70, lab, 5\n",
    )
    said = in_copy(DATASET, "sync")
    assert demo.count("GET") == 1, f"its file alone is new\n{said}"
    assert published(
        synced, "SELECT user_id, part_id, cost::VARCHAR, file_date FROM raw.oci_cost ORDER BY ALL"
    ) == [
        (7, 70, "1.250000000", YESTERDAY),
        (8, 70, "0.000000001", YESTERDAY),
    ]
    columns = published(
        synced,
        "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'oci_cost' ORDER BY"
        " column_index",
    )
    assert "user_email" not in dict(columns), "a private column is not published"
    assert dict(columns)["cost"] == "US dollars of the day."
    ledger = "SELECT records, rows, rejects FROM ops.loaded_files WHERE dataset = 'oci_cost'"
    assert published(synced, ledger) == [(3, 2, 1)]
    assert published(synced, f"SELECT rows FROM ops.raw_rows WHERE source_key = '{key}'") == [(2,)]
    assert (
        published(
            synced, "SELECT name, text FROM ops.checks WHERE NOT passed AND severity = 'ERROR'"
        )
        == []
    )
    assert published(
        synced,
        "SELECT period, loaded, rows, rejects FROM marts.data_completeness WHERE dataset ="
        " 'oci_cost'",
    ) == [(YESTERDAY, True, 2, 1)]
    checked = "SELECT name FROM ops.checks WHERE subject = 'raw.oci_cost'"
    assert published(synced, checked) != [], "its own checks ran"
    page = in_copy(DATASET, "dictionary")
    assert "### raw.oci_cost\n" in page and "Oracle Cloud spend per user and part" in page


def test_a_model_is_one_file_and_nothing_else(synced: Path, demo: DemoVocareum, in_copy: InCopy):
    in_copy(MODEL, "sync")
    assert demo.count("GET") == 0, "a model needs no file fetched again"
    counted = published(
        synced, "SELECT session_date, users FROM marts.lab_users_daily ORDER BY ALL"
    )
    users: dict[object, set[int]] = {}
    for day, user in published(synced, "SELECT session_date, user_id FROM marts.lab_sessions"):
        users.setdefault(day, set()).add(user)
    assert counted == sorted((day, len(people)) for day, people in users.items()) != []
    comments = published(
        synced, "SELECT comment FROM duckdb_columns() WHERE table_name = 'lab_users_daily'"
    )
    assert ("Users with at least one session.",) in comments
    built = (
        "SELECT passed FROM ops.checks WHERE name = 'is_built' AND subject ="
        " 'marts.lab_users_daily'"
    )
    assert published(synced, built) == [(True,)]
    assert "### marts.lab_users_daily\n" in in_copy(MODEL, "dictionary")
