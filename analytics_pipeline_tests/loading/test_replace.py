"""Each file's rows are replaced as a whole: repeated, rewritten, refused or in any order, the
tables are right.
"""

import random
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.ingest import quarantine_limit
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.erase import People
from analytics_pipeline.operations import load_files
from analytics_pipeline.warehouse import load as load_module
from analytics_pipeline.warehouse.connection import WarehouseUnusable, open_warehouse
from analytics_pipeline.warehouse.erase import erase_rows
from analytics_pipeline.warehouse.ledger import failed_files
from analytics_pipeline.warehouse.load import resolve_failures
from analytics_pipeline_tests.support.deliveries import HEADER, KEYS
from analytics_pipeline_tests.support.loaded_warehouse import FIRST_NIGHT, Warehouse, difference

DAY = "cloud_spend/azure/azure_cost_2026-01-{:02}.csv"
LATER = FIRST_NIGHT.replace(year=2100)


def costs(*users: int, bad: int = 0) -> str:
    rows = [f"{user}, u@v.com, 7, lab, 1, 2026, 0.5\n" for user in users]
    return HEADER["azure_cost"] + "".join(rows) + f"{'x'}, u@v.com, 7, lab, 13, 2026, 0.5\n" * bad


def users(warehouse: Warehouse) -> list[tuple[str, int]]:
    return warehouse.query("SELECT file_date::VARCHAR, user_id FROM raw.azure_cost ORDER BY ALL")


def failures(results: list[FileResult]) -> list[str]:
    return [result.landed.delivery.key for result in results if result.failure]


def test_a_reload_of_the_same_file_changes_nothing(warehouse: Warehouse):
    delivered = warehouse.deliver(
        {
            DAY.format(1): costs(1, 2, bad=1),
            DAY.format(2): costs(3),
            KEYS["grades"]: HEADER["grades"],
        }
    )
    warehouse.load(delivered)
    before = warehouse.contents()
    assert users(warehouse) == [("2026-01-01", 1), ("2026-01-01", 2), ("2026-01-02", 3)]
    warehouse.load(delivered)
    assert difference(before, warehouse.contents()) == {}


def test_a_rewritten_file_replaces_only_its_own_rows_and_rejects(warehouse: Warehouse):
    warehouse.load(
        warehouse.deliver({DAY.format(1): costs(1, 2, bad=3), DAY.format(2): costs(9, bad=1)})
    )
    warehouse.load(warehouse.deliver({DAY.format(1): costs(2, 4, 5, bad=1)}, "e2"))
    assert users(warehouse) == [
        ("2026-01-01", 2),
        ("2026-01-01", 4),
        ("2026-01-01", 5),
        ("2026-01-02", 9),
    ]
    assert warehouse.query(
        "SELECT partition, etag, count(*) FROM quarantine.rejects GROUP BY ALL ORDER BY ALL"
    ) == [
        ("2026-01-01", "e2", 1),
        ("2026-01-02", "e1", 1),
    ]
    assert warehouse.query(
        "SELECT partition, etag, rows, rejects FROM ops.loaded_files ORDER BY ALL"
    ) == [
        ("2026-01-01", "e2", 3, 1),
        ("2026-01-02", "e1", 1, 1),
    ]


def test_a_day_under_an_alternative_name_replaces_the_first_file(warehouse: Warehouse):
    warehouse.load(warehouse.deliver({DAY.format(1): costs(1)}))
    warehouse.load(
        warehouse.deliver({DAY.format(1).replace("2026-01-01", "2026-1-1"): costs(2)}, "e2")
    )
    assert users(warehouse) == [("2026-01-01", 2)]


def test_a_file_over_the_limit_of_rejects_fails_and_keeps_the_rows_it_had(warehouse: Warehouse):
    warehouse.load(warehouse.deliver({DAY.format(1): costs(1, bad=1), DAY.format(2): costs(2)}))
    results = warehouse.load(
        warehouse.deliver({DAY.format(1): costs(7, bad=30), DAY.format(2): costs(8)}, "e2")
    )
    assert failures(results) == [f"org9001/{DAY.format(1)}"]
    assert users(warehouse) == [
        ("2026-01-01", 1),
        ("2026-01-02", 8),
    ], "the failed file's rows stay, the other goes on"
    assert warehouse.query(
        "SELECT etag, count(*) FROM quarantine.rejects GROUP BY ALL ORDER BY ALL"
    ) == [
        ("e1", 1),
        ("e2", 30),
    ], "the loaded version's rejects stand beside the failed one's"
    assert warehouse.query("SELECT partition, etag FROM ops.loaded_files ORDER BY ALL") == [
        ("2026-01-01", "e1"),
        ("2026-01-02", "e2"),
    ]


def test_a_loaded_version_that_fails_when_it_is_read_again_keeps_each_reject_once(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    """As after an upgrade whose rules are stricter: the version is loaded and failed at once."""
    delivered = warehouse.deliver({DAY.format(1): costs(1, bad=3)})
    warehouse.load(delivered)
    monkeypatch.setattr(quarantine_limit, "MAX_REJECTS", 0)
    assert failures(warehouse.load(delivered)) == [delivered[0].key]
    assert warehouse.query("SELECT etag, line FROM quarantine.rejects ORDER BY ALL") == [
        ("e1", n) for n in (3, 4, 5)
    ]


def test_erasing_subtracts_only_rejects_of_the_loaded_version(warehouse: Warehouse):
    warehouse.load(warehouse.deliver({DAY.format(1): costs(1, bad=2)}))
    warehouse.load(warehouse.deliver({DAY.format(1): costs(1, bad=30)}, "e2"))
    with open_warehouse(warehouse.path) as connection:
        erase_rows(connection, People(frozenset([99]), frozenset(["u@v.com"])))
    assert warehouse.query("SELECT etag FROM quarantine.rejects") == [], (
        "the failed version's rejects go, too"
    )
    figures = "SELECT etag, records, rows, rejects, erased FROM ops.loaded_files"
    assert warehouse.query(figures) == [("e1", 3, 1, 0, 2)]


def test_an_unreadable_file_fails_alone_and_says_so_in_the_ledger(warehouse: Warehouse):
    warehouse.load(warehouse.deliver({DAY.format(1): costs(1)}))
    bodies = {
        DAY.format(1): "<html>",
        DAY.format(2): costs(2),
        DAY.format(3): b"",
        DAY.format(4): "a,b\n1,2\n",
    }
    results = warehouse.load(warehouse.deliver(bodies, "e2"))
    assert failures(results) == [f"org9001/{DAY.format(day)}" for day in (1, 3, 4)]
    assert users(warehouse) == [("2026-01-01", 1), ("2026-01-02", 2)]
    noted = warehouse.query(
        "SELECT partition, reason, remedy, attempts FROM ops.failed_files ORDER BY ALL"
    )
    assert [row[0] for row in noted] == ["2026-01-01", "2026-01-03", "2026-01-04"]
    assert all(reason and remedy and attempts == 1 for _, reason, remedy, attempts in noted), noted


def test_failures_count_their_attempts_and_end_with_a_good_version(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    broken = warehouse.deliver({DAY.format(1): "<html>"})
    nights = [FIRST_NIGHT + timedelta(days=n) for n in range(5)]
    failure = "SELECT etag, attempts, failed_since, failed_at, run_id FROM ops.failed_files"
    for attempt in (1, 2, 3):
        monkeypatch.setattr(load_files, "warehouse_now", lambda now=nights[attempt]: now)
        warehouse.load(broken, run_id=f"run {attempt}")
        assert warehouse.query(failure) == [
            ("e1", attempt, nights[1], nights[attempt], f"run {attempt}")
        ]
    monkeypatch.setattr(load_files, "warehouse_now", lambda: nights[4])
    warehouse.load(warehouse.deliver({DAY.format(1): "<html> again"}, "e2"))
    assert warehouse.query(failure) == [("e2", 1, nights[4], nights[4], "test")], (
        "another version starts with no attempts"
    )
    warehouse.load(warehouse.deliver({DAY.format(1): costs(1)}, "e3"))
    assert warehouse.query("SELECT * FROM ops.failed_files") == []
    assert users(warehouse) == [("2026-01-01", 1)]


def test_a_failure_ends_when_the_loaded_version_is_delivered_again(warehouse: Warehouse):
    loaded = warehouse.deliver({DAY.format(1): costs(1, bad=1), DAY.format(2): costs(2)})
    warehouse.load(loaded)
    before = warehouse.contents()
    warehouse.load(
        warehouse.deliver({DAY.format(1): costs(bad=30), DAY.format(2): costs(bad=30)}, "e2")
    )
    with open_warehouse(warehouse.path) as connection:
        resolve_failures(connection, loaded, FIRST_NIGHT, LATER)
        assert len(failed_files(connection)) == 2, "they failed after the listing"
        resolve_failures(connection, loaded[:1], LATER, LATER)
    assert warehouse.query("SELECT partition FROM ops.failed_files") == [("2026-01-02",)]
    assert warehouse.query(
        "SELECT partition, count(*) FROM quarantine.rejects GROUP BY ALL ORDER BY ALL"
    ) == [
        ("2026-01-01", 1),
        ("2026-01-02", 30),
    ]
    with open_warehouse(warehouse.path) as connection:
        resolve_failures(connection, loaded, LATER, LATER)
    assert difference(before, warehouse.contents()) == {}


def test_a_failure_stays_when_an_older_version_is_read_again(warehouse: Warehouse):
    """As `quarantine replay` does if S3 refused the failed version, so that it never landed."""
    loaded = warehouse.deliver({DAY.format(1): costs(1, bad=1)})
    warehouse.load(loaded)
    warehouse.load(warehouse.deliver({DAY.format(1): "<html>"}, "e2", night=1))
    warehouse.load(loaded)
    assert warehouse.query("SELECT etag FROM ops.failed_files") == [("e2",)]
    warehouse.load(warehouse.deliver({DAY.format(1): costs(1)}, "e3", night=2))
    assert warehouse.query("SELECT etag FROM ops.failed_files") == []


def test_a_file_emptied_upstream_keeps_its_rows_until_that_is_accepted(warehouse: Warehouse):
    warehouse.load(warehouse.deliver({DAY.format(1): costs(1, 2)}))
    emptied = warehouse.deliver({DAY.format(1): costs()}, "e2")
    assert failures(warehouse.load(emptied)) == [emptied[0].key]
    assert users(warehouse) == [("2026-01-01", 1), ("2026-01-01", 2)]
    warehouse.load(emptied, accept=True)
    assert users(warehouse) == []
    assert warehouse.query("SELECT etag, records FROM ops.loaded_files") == [("e2", 0)]


def test_files_in_any_order_and_in_any_batches_give_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bodies = {DAY.format(day): costs(*range(1, day + 1), bad=day % 3) for day in range(1, 25)}
    bodies |= {
        f"grades/course{at}/grades.csv": (
            HEADER["grades"] + f"{at}, C, 2, A, 0, 9, 3,, 5, 0,,,,,,,\n"
        )
        for at in range(1, 6)
    }
    in_order = Warehouse(tmp_path / "in order")
    in_order.load(in_order.deliver(bodies))
    other = Warehouse(tmp_path / "shuffled")
    shuffled = other.deliver(bodies)
    random.Random(5).shuffle(shuffled)
    monkeypatch.setattr("analytics_pipeline.operations.load_files.BATCH_FILES", 3)
    other.load(shuffled)
    assert difference(in_order.contents(), other.contents()) == {}
    assert len(in_order.contents()["raw.azure_cost"]) == sum(range(1, 25))


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    "step", ["_replace_ledger", "_record_failures", "_replace_rejects", "follow_changes"]
)
def test_a_write_that_breaks_off_anywhere_leaves_no_trace(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, step: str
):
    """Let the step run and then fail, so that its own writes are rolled back too."""
    enrolled = HEADER["enrollment"] + "{}, 5, student, N, a@b, k, 1, 0, 1,\n"
    warehouse.load(warehouse.deliver({KEYS["enrollment"]: enrolled.format(1) + "x\n"}))
    before = warehouse.contents()
    real = getattr(load_module, step)

    def broken(*arguments: object) -> None:
        real(*arguments)
        raise duckdb.IOException("the disk does not answer")

    changed = warehouse.deliver({KEYS["enrollment"]: enrolled.format(2)}, "e2", night=1)
    with monkeypatch.context() as patched:
        patched.setattr(load_module, step, broken)
        with pytest.raises(WarehouseUnusable, match="the disk does not answer"):
            warehouse.load(changed)
    assert difference(before, warehouse.contents()) == {}
    warehouse.load(changed)
    assert warehouse.query("SELECT userid FROM raw.enrollment") == [(2,)]


def test_unannounced_columns_reach_the_table_as_json(warehouse: Warehouse):
    body = (
        HEADER["azure_cost"].strip()
        + ', "Cost ""Center"""\n1, u@v.com, 7, lab, 1, 2026, 0.5, "it\'s; --"\n'
    )
    warehouse.load(warehouse.deliver({DAY.format(1): body}))
    assert warehouse.query("""SELECT _extra->>'Cost "Center"' FROM raw.azure_cost""") == [
        ("it's; --",)
    ]


def test_amounts_are_stored_exactly_and_sums_do_not_drift(warehouse: Warehouse):
    rows = "".join(f"{at}, u@v.com, 7, lab, 1, 2026, 0.1\n" for at in range(1, 1_001))
    warehouse.load(warehouse.deliver({DAY.format(1): HEADER["azure_cost"] + rows}))
    ((total, kind),) = warehouse.query(
        "SELECT sum(monthly_cost_to_date)::VARCHAR, any_value(typeof(monthly_cost_to_date)) FROM"
        " raw.azure_cost"
    )
    assert (total, kind) == ("100.000000000", "DECIMAL(18,9)")
