"""Open columns that say what a private text contains, in words of a declared list."""

from analytics_pipeline.datasets import DATASETS, Privacy
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.tables import raw_table
from analytics_pipeline_tests.support.deliveries import HEADER, KEYS
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse
from analytics_pipeline_tests.support.new_process import forget_migrations

SESSION = (
    "{user}, u@v.com, 7, C, 8, A, 9, P, Cloud, Jan-09-2026 9:00:00 am UTC,"
    " Jan-09-2026 10:00:00 am UTC, 60, {log}, , Jan-09-2026 9:00:00 am UTC,"
    " Jan-09-2026 9:01:00 am UTC, 1, 0, 0, 1\n"
)
LOGS = {
    1: ("END successful (User Ended Lab)", "User Ended Lab"),
    2: ("END successful (Jane Doe jane@doe.org says: bye)", "other"),
    3: ("START failed END (Session Timer Expires)", "Session Timer Expires"),
    4: ("START failed (jane@doe.org)", "Start Failed"),
    5: ("START successful", None),
    6: ("", None),
}
FOUND = "SELECT user_id, end_reason FROM raw.lab_sessions ORDER BY 1"


def test_only_words_of_the_list_leave_a_private_text(warehouse: Warehouse):
    lines = [SESSION.format(user=user, log=log) for user, (log, _) in LOGS.items()]
    body = HEADER["lab_sessions"] + "".join(lines)
    warehouse.load(warehouse.deliver({KEYS["lab_sessions"]: body}))
    assert warehouse.query(FOUND) == [(user, word) for user, (_, word) in LOGS.items()]


def test_rows_of_an_earlier_release_get_them_and_another_list_changes_them(warehouse: Warehouse):
    body = HEADER["lab_sessions"] + SESSION.format(user=1, log=LOGS[1][0])
    warehouse.load(warehouse.deliver({KEYS["lab_sessions"]: body}))
    for before in (
        "DROP VIEW ops.raw_rows; ALTER TABLE raw.lab_sessions DROP COLUMN end_reason",
        "UPDATE raw.lab_sessions SET end_reason = 'a word of another list'",
    ):
        with open_warehouse(warehouse.path) as connection:
            connection.execute(before)
            connection.execute("UPDATE ops.schema_version SET declared = 'another release'")
        forget_migrations()
        assert warehouse.query(FOUND) == [(1, "User Ended Lab")], before


def test_an_excerpt_is_declared_for_a_private_column_and_is_no_delivered_one():
    found = [(dataset, excerpt) for dataset in DATASETS.values() for excerpt in dataset.excerpts]
    assert found, "lab_sessions has one"
    for dataset, excerpt in found:
        delivered = {column.name: column.privacy for column in dataset.columns}
        assert delivered[excerpt.source] is Privacy.PRIVATE
        assert excerpt.name not in delivered
        (column,) = [column for column in raw_table(dataset).columns if column.name == excerpt.name]
        assert column.privacy is Privacy.OPEN and column.computed
