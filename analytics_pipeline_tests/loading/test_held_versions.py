"""A version that lost rows or money replaces no loaded rows; an accepted one does."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.batch import Batch, LandedFile
from analytics_pipeline.ingest.read_batch import read_batch
from analytics_pipeline.operations import load_files
from analytics_pipeline.operations.close_partition import close
from analytics_pipeline.warehouse.connection import WarehouseBusy, open_warehouse
from analytics_pipeline_tests.support.held_versions import (
    AWS,
    AZURE,
    GRADES,
    ROSTER,
    aws,
    azure,
    count,
    events,
    load,
    roster,
    scores,
    settings_of,
    spend,
)
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse


@pytest.mark.first_forms(2)
@pytest.mark.parametrize("left", [0, 19, 20])
def test_grades_rewritten_to_the_header_or_to_half_of_their_rows_lose_no_score(
    warehouse: Warehouse, left: int
):
    load(warehouse, {GRADES.format(200): scores(40)})
    (result,) = load(warehouse, {GRADES.format(200): scores(left)}, "e2", night=1)
    assert result.failure is not None
    assert "the warehouse keeps its 40" in result.failure.reason
    assert "close --dataset grades --partition 200" in result.failure.remedy
    assert count(warehouse, "raw.grades") == 40
    assert events(warehouse) == [("200", "shrunk", True, None)]
    assert warehouse.query("SELECT etag, reason FROM ops.failed_files") == [
        ("e2", result.failure.reason)
    ]


def test_a_version_that_lost_less_than_half_of_its_rows_replaces_them(warehouse: Warehouse):
    load(warehouse, {GRADES.format(200): scores(40)})
    (result,) = load(warehouse, {GRADES.format(200): scores(21)}, "e2", night=1)
    assert (result.failure, count(warehouse, "raw.grades"), events(warehouse)) == (None, 21, [])


def test_a_held_version_is_forgotten_when_a_complete_one_arrives(warehouse: Warehouse):
    load(warehouse, {GRADES.format(200): scores(40)})
    load(warehouse, {GRADES.format(200): scores(0)}, "e2", night=1)
    load(warehouse, {GRADES.format(200): scores(1)}, "e3", night=2)
    assert events(warehouse) == [
        ("200", "shrunk", True, "superseded"),
        ("200", "shrunk", True, None),
    ]
    load(warehouse, {GRADES.format(200): scores(41)}, "e4", night=3)
    assert count(warehouse, "raw.grades") == 41
    assert [closed_by for *_, closed_by in events(warehouse)] == ["delivered", "superseded"]
    assert count(warehouse, "ops.failed_files") == 0


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (spend("100", "20"), spend("1", "0.2")),
        (spend("100", "20"), spend("100", "-40.5")),
        ({AZURE.format(1): azure(5)}, {AZURE.format(1): azure(2)}),
        ({AWS.format(1): aws(5)}, {AWS.format(1): aws(0)}),
    ],
    ids=["a hundredth", "a refund", "azure_cost", "aws_cost"],
)
def test_a_version_that_lost_half_of_its_money_is_held_until_a_person_accepts_it(
    warehouse: Warehouse, first: dict[str, str], second: dict[str, str]
):
    load(warehouse, first)
    (result,) = load(warehouse, second, "e2", night=1)
    assert result.failure is not None
    assert "half of it or more is gone" in result.failure.reason
    delivery = result.landed.delivery
    assert events(warehouse) == [(delivery.partition.key, "shrunk", True, None)]
    done = close(settings_of(warehouse), delivery.dataset, delivery.partition.key)
    assert done.result is not None and done.result.failure is None


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("before", "after"),
    [("100", "51"), ("0.9", "0.1"), ("-5", "-50"), ("1000", "1000.5")],
    ids=["less than half", "cents", "a refund that grows", "more"],
)
def test_a_version_that_lost_less_of_its_money_replaces_the_loaded_one(
    warehouse: Warehouse, before: str, after: str
):
    load(warehouse, spend(before))
    (result,) = load(warehouse, spend(after), "e2", night=1)
    assert result.failure is None
    ((cost,),) = warehouse.query("SELECT sum(cost) FROM raw.service_spend")
    assert cost == Decimal(after)


def test_a_person_accepts_a_held_version(warehouse: Warehouse):
    load(warehouse, {ROSTER.format(200): roster(40)})
    load(warehouse, {ROSTER.format(200): roster(2)}, "e2", night=1)
    planned = close(settings_of(warehouse), DATASETS["enrollment"], "200", dry_run=True)
    assert planned.accepted is not None
    assert (planned.accepted.etag, count(warehouse, "raw.enrollment")) == ("e2", 40)
    done = close(settings_of(warehouse), DATASETS["enrollment"], "200")
    assert done.result is not None and done.result.failure is None
    assert count(warehouse, "raw.enrollment") == 2
    assert events(warehouse) == [("200", "shrunk", True, "close")]
    assert warehouse.query(
        "SELECT count(*) FROM history.enrollment WHERE valid_to IS NOT NULL"
    ) == [(38,)]
    assert count(warehouse, "ops.failed_files") == 0


def test_nobody_else_writes_while_an_accepted_version_is_read_and_loaded(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    load(warehouse, {ROSTER.format(200): roster(40)})
    load(warehouse, {ROSTER.format(200): roster(2)}, "e2", night=1)

    def read(dataset: Dataset, landed: Sequence[LandedFile]) -> Batch:
        with pytest.raises(WarehouseBusy), open_warehouse(warehouse.path, wait_seconds=0):
            pass
        return read_batch(dataset, landed)

    monkeypatch.setattr(load_files, "read_batch", read)
    done = close(settings_of(warehouse), DATASETS["enrollment"], "200")
    assert done.result is not None and done.result.failure is None
    assert count(warehouse, "raw.enrollment") == 2
