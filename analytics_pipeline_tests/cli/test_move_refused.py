"""`move`: what is refused, and stays as it is."""

import shutil
import time
from collections.abc import Callable

import duckdb
import pytest

from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.moved_warehouse import (
    House,
    differing,
    everything,
    lake_values,
)

pytestmark = pytest.mark.thorough


def _loads_more(settings: Settings) -> None:
    with warehouse_of(settings).open() as connection:
        connection.execute("UPDATE raw.enrollment SET role = 'Teacher' WHERE userid = 1")


def test_a_lake_with_other_rows_is_refused_and_stays_as_it_is(house: House) -> None:
    assert house.move_to_lake().exit_code == 0
    _loads_more(house.lake)
    before, objects = everything(house.lake), house.objects()
    refused = house.move_to_lake()
    assert refused.exit_code == 2, refused.output
    assert "is not empty: it holds files of org9001. Nothing was copied." in refused.output
    assert 'DROP SCHEMA "org9001" CASCADE' in refused.output
    assert differing(before, everything(house.lake)) == []
    assert house.objects() == objects


@pytest.mark.slow
def test_a_file_with_other_rows_is_refused_and_stays_as_it_is(house: House) -> None:
    assert house.move_to_lake().exit_code == 0
    house.use(lake_values(house.lake))
    _loads_more(house.file)
    content = house.file.warehouse_path.read_bytes()
    refused = house.move_to_file()
    assert refused.exit_code == 2, refused.output
    assert "is not empty: it holds files of org9001. Nothing was copied." in refused.output
    assert f"delete it: rm -r {house.file.warehouse_path}*" in refused.output
    assert house.file.warehouse_path.read_bytes() == content


@pytest.mark.parametrize("case", ["settings", "ledger", "target"])
def test_another_organisations_warehouse_is_refused(house: House, case: str) -> None:
    other = {"VOCAREUM_ORG_ID": "9002"}
    if case == "settings":
        refused, said = house.move_to_lake(**other), "belongs to organisation 9001, the target to"
    elif case == "ledger":
        house.use(other)
        refused, said = house.move_to_lake(**other), "holds files of org9001, and the settings name"
    else:
        house.lives_in_the_lake()
        theirs = house.folder / "theirs"
        shutil.copytree(house.folder / "data", theirs)
        with open_warehouse(theirs / "warehouse.duckdb") as connection:
            connection.execute(
                """INSERT INTO ops.loaded_files (dataset, partition, source_key)
                   VALUES ('enrollment', '1', 'org9002/enrollment/course1/enrollment.csv')"""
            )
        refused = house.move_to_file(ANALYTICS_DATA_DIR=str(theirs))
        said = "is not empty: it holds files of org9002"
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output
    assert not warehouse_of(house.lake).exists() or case == "target"


def _replace_from_outside(house: House) -> None:
    copy = house.folder / "copy"
    shutil.copyfile(house.file.warehouse_path, copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute("DELETE FROM ops.loaded_files")
    copy.replace(house.file.warehouse_path)


def _earlier_release(house: House) -> None:
    with open_warehouse(house.file.warehouse_path) as connection:
        connection.execute("UPDATE ops.schema_version SET declared = 'earlier'")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda house: house.file.warehouse_path.unlink(), "There is no warehouse"),
        (_replace_from_outside, "is not as the last run of this release left it"),
        (_earlier_release, "is not as the last run of this release left it"),
    ],
)
def test_a_warehouse_that_needs_a_sync_first_is_refused(
    house: House, harm: Callable[[House], None], said: str
) -> None:
    harm(house)
    refused = house.move_to_lake()
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output
    assert "Run `analytics-pipeline sync` first" in refused.output
    assert not warehouse_of(house.lake).exists()


def test_two_files_or_two_lakes_are_refused(house: House) -> None:
    for values, said in (({}, "name a file"), (lake_values(house.lake), "name a lake")):
        house.use(values)
        refused = house.move(house.common, values)
        assert (refused.exit_code, f"Both settings {said}" in refused.output) == (2, True)


def test_a_move_waits_for_no_daemon_and_is_refused(house: House) -> None:
    from dagster._daemon.types import DaemonHeartbeat

    with open_instance(house.file) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "id", []))
        refused = house.move_to_lake()
    assert (refused.exit_code, "daemon is alive" in refused.output) == (2, True), refused.output
    assert not warehouse_of(house.lake).exists()
