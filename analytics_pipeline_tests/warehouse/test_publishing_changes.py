"""A file published by difference equals one written whole, and is used only where that is sure."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.storage import store
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse import publication, publish_changes, publishing
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.erase import erase_rows, known_as, remember
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline_tests.support.left_log import leave_log
from analytics_pipeline_tests.support.republished import (
    Republished,
    handle,
    publish_tiny_changes,
)


@pytest.fixture(scope="module")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Republished]:
    """A small warehouse with its first published file. Tests share it: use `republished`."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        publish_tiny_changes(monkeypatch)
        lived = Republished(tmp_path_factory.mktemp("published"), seed=1)
        assert lived.publish().is_whole
        yield lived


@pytest.fixture
def republished(published_once: Republished, tmp_path: Path) -> Republished:
    """A copy of it, of which the next publication writes only differences."""
    return published_once.copied(tmp_path / "data")


@pytest.mark.thorough
def test_after_random_changes_it_equals_a_whole_write(republished: Republished) -> None:
    for _ in range(12):
        republished.step()
    assert republished.differences >= 5, "most changes are small"
    assert republished.wholes >= 3, "an erasure, a setting or a model needs a whole file"


def _no_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "_SHAPE", "SELECT ?")


def _no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "identity", lambda _: "any file")


def _no_erasures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "erasures", lambda _: 0)


def _a_part_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    real = publish_changes._differing
    monkeypatch.setattr(publish_changes, "_differing", lambda c: dict(list(real(c).items())[1:]))


@pytest.mark.parametrize(
    ("wrong", "change", "caught"),
    [
        (_no_shape, "another_comment", "comments"),
        (_no_identity, "foreign_rows", "raw.lab_sessions"),
        (_no_erasures, "whole_erasure", "bytes of erased people"),
        (_a_part_too_few, "rewritten_file", "these differ"),
    ],
)
def test_a_wrong_comparison_is_caught(
    republished: Republished,
    monkeypatch: pytest.MonkeyPatch,
    wrong: Callable[[pytest.MonkeyPatch], None],
    change: str,
    caught: str,
) -> None:
    wrong(monkeypatch)
    with republished.open() as connection:
        connection.execute("DELETE FROM ops.publication")
    assert republished.publish().is_whole, "the record is of the wrong comparison too"
    with republished.open() as connection:
        getattr(republished, change)(connection)
        republished.build(connection)
    with pytest.raises(AssertionError, match=caught):
        republished.publish()


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "repeated"])
def test_an_erasure_that_was_killed_leaves_no_bytes_after_a_publication_in_between(
    republished: Republished, is_first: bool
) -> None:
    """Requested, published by another run, rows removed, killed: the person was remembered before
    the file was written, and removed after it.
    """
    user = 3
    with republished.open() as connection:
        if not is_first:
            remember(connection, known_as(connection, 5), warehouse_now())
            erase_rows(connection, known_as(connection, 5))
            connection.execute("UPDATE ops.erased SET user_id = ?", [user])
        remember(connection, known_as(connection, user), warehouse_now())
        republished.build(connection)
    republished.publish()
    assert handle(user) in republished.target.read_bytes(), "the search would find the person"
    with republished.open() as connection:
        erase_rows(connection, known_as(connection, user))
        republished.build(connection)
    republished.erased.add(user)
    assert republished.publish().is_whole, "which also searches the bytes"


@pytest.mark.first_forms(2)
@pytest.mark.parametrize("case", range(4), ids=["lost", "damaged", "written to", "replaced"])
def test_a_file_that_others_touched_is_written_whole(republished: Republished, case: int) -> None:
    target = republished.target
    content = target.read_bytes()
    match case:
        case 0:
            target.unlink()
        case 1:
            target.write_bytes(content[:-4096])
        case 2:
            with republished.open() as connection:
                republished.foreign_rows(connection)
        case _:
            target.unlink()
            target.write_bytes(content)
    assert republished.publish().is_whole
    assert not republished.publish().is_whole


def test_a_file_with_another_programs_log_is_written_whole(republished: Republished) -> None:
    """The log changes neither size nor time of the file that the record describes."""
    log = leave_log(
        republished.target,
        "UPDATE ops.published SET published_at = '2099-01-01'",
        "CREATE TABLE main.my_grades AS FROM raw.grades",
    )
    assert republished.publish().is_whole
    assert not log.exists()
    with duckdb.connect(str(republished.target), read_only=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM ops.published WHERE published_at < '2099-01-01'"
        ).fetchall()
        mine = connection.execute("FROM duckdb_tables() WHERE table_name = 'my_grades'").fetchall()
    assert (found, mine) == ([(1,)], [])
    assert not republished.publish().is_whole


def test_marts_that_a_check_holds_are_not_taken_from_another_programs_log(
    republished: Republished,
) -> None:
    count = "SELECT count(*) FROM marts.people"
    with duckdb.connect(str(republished.target), read_only=True) as connection:
        [(people,)] = connection.execute(count).fetchall()
    leave_log(republished.target, "INSERT INTO marts.people FROM marts.people")
    with republished.open() as connection:
        republished.held_mart(connection)
    assert "marts.people" in republished.publish().kept
    with duckdb.connect(str(republished.target), read_only=True) as connection:
        assert connection.execute(count).fetchall() == [(people,)] > [(0,)]


def test_a_damaged_block_that_is_read_leads_to_a_whole_file_and_a_usable_warehouse(
    republished: Republished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk changes no time of the file."""
    content = bytearray(republished.target.read_bytes())
    for place in range(3 * 4096, len(content), 997):
        content[place] ^= 0xFF
    republished.target.write_bytes(content)
    with republished.open() as connection:
        connection.execute(
            "UPDATE ops.publication SET file = ?", [store.identity(republished.target)]
        )
        republished.rewritten_file(connection)
    with republished.open() as connection:
        done = publish(connection, republished.target, pii=False, without_marts=True)
        assert connection.execute("SELECT count(*) > 0 FROM raw.grades").fetchall() == [(True,)]
    assert done.is_whole
    assert not republished.publish().is_whole


def test_a_file_is_written_whole_each_week_and_when_the_clock_went_back(
    republished: Republished,
) -> None:
    for since in ("- INTERVAL 8 DAY", "+ INTERVAL 1 HOUR"):
        with republished.open() as connection:
            connection.execute(f"UPDATE ops.publication SET whole_at = whole_at {since}")
        assert republished.publish().is_whole, since
        assert not republished.publish().is_whole


def test_a_loose_or_grown_copy_is_not_published(
    republished: Republished, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MOST_FREE", "MOST_GROWTH"):
        with monkeypatch.context() as bounded:
            bounded.setattr(publish_changes, "GRANTED_BLOCKS", -(10**9))
            bounded.setattr(publish_changes, name, 0)
            assert republished.publish().is_whole, name
        assert not republished.publish().is_whole


def test_some_free_blocks_and_growth_are_allowed_to_a_file_of_any_size(
    republished: Republished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_changes, "MOST_FREE", 0)
    monkeypatch.setattr(publish_changes, "MOST_GROWTH", 0)
    assert not republished.publish().is_whole


@pytest.mark.file_only("about how DuckDB prints the views of a file")
def test_a_view_is_the_same_after_it_was_opened_again_and_another_one_is_not(
    tmp_path: Path,
) -> None:
    """DuckDB prints its SQL differently each time."""
    view = """CREATE VIEW main.shown AS SELECT 1::DECIMAL(38, 9) AS n, 1 AS m, '{0}' AS said
              UNION ALL SELECT {1}, max(x::DATE) - min(x::DATE), 'a' FROM (SELECT now()::DATE AS x)
              UNION ALL SELECT 2, 3, 'b' UNION ALL SELECT 3, 4, 'c'"""
    shapes, texts = [], []
    for made in (view.format("a", "(1 + 2) * 3"), "", "", view.format("a", "1 + 2 * 3")):
        with open_warehouse(tmp_path / "data" / "warehouse.duckdb") as connection:
            if made:
                connection.execute("DROP VIEW IF EXISTS main.shown")
                connection.execute(made)
            shapes.append(publication.current_state(connection, pii=False).shape)
            texts += connection.execute(
                "SELECT sql FROM duckdb_views() WHERE view_name = 'shown'"
            ).fetchall()
    assert len(set(texts[:3])) > 1, "this is why the text is not compared"
    assert len(set(shapes[:3])) == 1
    assert shapes[3] != shapes[0]


def test_a_small_file_is_always_written_whole(
    republished: Republished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "FEWEST_ROWS", 10**6)
    republished.publish()
    assert republished.publish().is_whole


@pytest.mark.parametrize("killed", ["is_tight", "record"], ids=["before", "after the rename"])
def test_after_a_killed_publication_the_file_is_whole_or_the_one_before(
    republished: Republished, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    before = republished.target.read_bytes()

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with republished.open() as connection:
        republished.rewritten_file(connection)
        republished.build(connection)
    with monkeypatch.context() as dying:
        dying.setattr(publishing, killed, kill)
        with republished.open() as connection, pytest.raises(KeyboardInterrupt):
            publish(connection, republished.target, pii=False, without_marts=True)
    assert (republished.target.read_bytes() == before) is (killed == "is_tight")
    with duckdb.connect(str(republished.target), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM ops.published").fetchall() == [(1,)]
    assert republished.publish().is_whole


def test_marts_that_a_check_holds_keep_their_rows_and_the_file_is_written_whole(
    republished: Republished,
) -> None:
    with republished.open() as connection:
        republished.held_mart(connection)
        republished.wrong_mart(connection)
        connection.execute("DELETE FROM marts.people")
    done = republished.publish()
    assert done.is_whole and set(done.kept) == {"marts.people", "marts.summary"}
    with duckdb.connect(str(republished.target), read_only=True) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM marts.people").fetchall() == [(True,)]
    with republished.open() as connection:
        republished.mend(connection)
    assert republished.publish().is_whole, "the file holds a view's rows as a table"
    assert not republished.publish().is_whole
