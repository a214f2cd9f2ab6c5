"""The landing folder: no name leads out of it, and only complete files count."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.landing import clean_landing, has_landed, landing_path
from analytics_pipeline_tests.support.deliveries import HEADER, KEYS, delivery
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse

DAY = "cloud_spend/azure/azure_cost_2026-01-0{}.csv"
HOSTILE = [
    "..",
    "../../x",
    "/etc/passwd",
    "a/b",
    "a\0b",
    "a\nb",
    "'; DROP TABLE x; --",
    "é",
    "\uff11",
    "",
    "." * 3,
    "x" * 1_024,
    "%2e%2e",
    "*",
]


@pytest.mark.parametrize("etag", HOSTILE)
@pytest.mark.parametrize("key", KEYS.values())
def test_no_etag_leads_out_of_the_landing_folder(tmp_path: Path, etag: str, key: str):
    path = landing_path(tmp_path, delivery(key, etag=etag))
    assert path.parent.parent == tmp_path
    assert re.fullmatch(r"[0-9a-z-]+@[0-9A-Za-z-]{1,64}\.csv", path.name), path.name


@pytest.mark.parametrize(
    "text",
    [
        *HOSTILE,
        "12\n",
        " 12",
        "+12",
        "-1",
        "1_2",
        "1.0",
        "9" * 19,
        "1" * 1_024,
        "0x1f",
        "\u0661",
        "1\u200b",
    ],
)
@pytest.mark.parametrize("name", ["grades", "enrollment"])
def test_a_course_id_with_other_characters_than_digits_matches_no_dataset(text: str, name: str):
    assert DATASETS[name].match(f"{name}/course{text}/{name}.csv") is None


def test_versions_of_one_file_coexist_in_the_landing_folder(tmp_path: Path):
    etags = ["e1", "e2", "e/1", "E1"]
    assert len(
        {landing_path(tmp_path, delivery(KEYS["grades"], etag=etag)) for etag in etags}
    ) == len(etags)


def test_older_versions_are_forgotten_and_others_are_not(tmp_path: Path):
    loaded, other_day, other_dataset, coming = (
        delivery(DAY.format(1), etag="new"),
        delivery(DAY.format(2), etag="other"),
        delivery(KEYS["grades"], etag="old"),
        delivery(DAY.format(1), etag="about to be loaded by another run"),
    )
    old = [delivery(DAY.format(1), etag=etag) for etag in ("old", "older/..")]
    for landed_at, landed in enumerate((*old, other_day, other_dataset, loaded, coming)):
        landing_path(tmp_path, landed).parent.mkdir(parents=True, exist_ok=True)
        landing_path(tmp_path, landed).write_text("x")
        os.utime(landing_path(tmp_path, landed), (landed_at, landed_at))
    clean_landing(tmp_path, [loaded])
    kept = (loaded, other_day, other_dataset, coming)
    assert [landing_path(tmp_path, delivery).exists() for delivery in (*kept, *old)] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]


def test_the_file_of_a_failed_version_stays_until_a_newer_one_is_loaded(warehouse: Warehouse):
    warehouse.load(warehouse.deliver({DAY.format(1): HEADER["azure_cost"]}))
    warehouse.load(warehouse.deliver({DAY.format(1): "<html>"}, "e2"))
    assert {path.name for path in warehouse.landing.rglob("*.csv")} == {
        "2026-01-01@e1.csv",
        "2026-01-01@e2.csv",
    }
    warehouse.load(warehouse.deliver({DAY.format(1): HEADER["azure_cost"]}, "e3"))
    assert {path.name for path in warehouse.landing.rglob("*.csv")} == {"2026-01-01@e3.csv"}


def test_an_unexpectedly_empty_file_does_not_count_as_landed(warehouse: Warehouse):
    (empty_day,) = warehouse.deliver({DAY.format(1): HEADER["azure_cost"]})
    assert has_landed(warehouse.landing, empty_day)
    landing_path(warehouse.landing, empty_day).write_bytes(b"")
    assert not has_landed(warehouse.landing, empty_day), "a power cut left it"
    assert has_landed(warehouse.landing, replace(empty_day, size=0)), "it was delivered empty"


def test_a_file_that_is_gone_fails_alone_with_a_remedy(warehouse: Warehouse):
    gone, here = warehouse.deliver(
        {DAY.format(1): HEADER["azure_cost"], DAY.format(2): HEADER["azure_cost"]}
    )
    landing_path(warehouse.landing, gone).unlink()
    verdicts = {
        result.landed.delivery.key: result.failure for result in warehouse.load([gone, here])
    }
    assert verdicts[here.key] is None
    assert "no longer in the landing folder" in str(verdicts[gone.key])
    assert "sync --full" in str(verdicts[gone.key])


def test_folders_with_characters_that_duckdb_takes_for_patterns_are_fine(tmp_path: Path):
    warehouse = Warehouse(tmp_path / "a [b] * {c,d} 'e' \"f\" ü")
    row = "1, u@v.com, 7, lab, 1, 2026, 0.5\n"
    results = warehouse.load(
        warehouse.deliver({DAY.format(at): HEADER["azure_cost"] + row * at for at in (1, 2, 3)})
    )
    assert [result.rows for result in results] == [1, 2, 3]
