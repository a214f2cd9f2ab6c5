"""The published file: its content, its comments, and what it replaces."""

from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.datasets import DATASETS, Privacy
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse import publish_whole
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.gone import NotReplaced
from analytics_pipeline.warehouse.publish import NothingToPublish, publish
from analytics_pipeline.warehouse.tables import Table, tables
from analytics_pipeline.warehouse.transactions import value_of
from analytics_pipeline_tests.support.published_file import (
    publish_from,
    published_columns,
    published_rows,
    relations,
)

PRIVATE = {
    f"{schema}.{dataset.name}.{column.name}"
    for dataset in DATASETS.values()
    for column in dataset.columns
    for schema in ("raw", "history")
    if column.privacy is Privacy.PRIVATE
}


def test_everything_except_private_columns_is_published(settings: Settings) -> None:
    publish_from(settings)
    with open_warehouse(settings.warehouse_path) as connection:
        live = {
            ".".join(names)
            for names in connection.execute(
                """SELECT schema_name, table_name, column_name FROM duckdb_columns()
                   WHERE NOT internal AND schema_name <> 'quarantine'
                   AND database_name = current_database()
                   AND table_name <> 'fence'  -- of a lake alone"""
            ).fetchall()
        }
    missing = live - published_columns(settings.published_path)
    unwanted = {
        column for column in missing if column not in PRIVATE and not column.endswith("._extra")
    }
    assert {column.rpartition(".")[0] for column in unwanted} == {
        "ops.erased",
        "ops.model_days",
        "ops.publication",
        "ops.published_parts",
        "ops.schema_version",
    }, "only private columns, _extra and five tables of our own may be left out"


def test_the_published_file_describes_itself(settings: Settings) -> None:
    before = warehouse_now()
    publish_from(settings)
    [(at, pii, release, schema)] = published_rows(
        settings.published_path,
        "SELECT published_at, pii, release, schema_version FROM ops.published",
    )
    assert before <= at <= warehouse_now(), "published_at is the moment of the publish, in UTC"
    assert (pii, release, schema) == (False, version("analytics-pipeline"), 1)


def test_a_view_that_cannot_be_published_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_from(settings)
    before = settings.published_path.read_bytes()
    odd = Table("ops.odd", "A view.", (), query="SELECT * FROM ops.nowhere")
    monkeypatch.setattr(publish_whole, "tables", lambda: (*tables(), odd))
    with pytest.raises(duckdb.CatalogException, match="nowhere"):
        publish_from(settings)
    assert settings.published_path.read_bytes() == before


def test_all_models_give_the_same_rows_as_in_the_warehouse(settings: Settings) -> None:
    publish_from(settings)
    models = [
        model
        for model in relations(settings.published_path)
        if model.startswith(("staging.", "marts."))
    ]
    assert "marts.focus_cost" in models, "a mart may be a view"
    assert len(models) > 15
    with (
        open_warehouse(settings.warehouse_path) as connection,
        attached(connection, settings.published_path, "copy", read_only=True),
    ):
        live = value_of(connection, "SELECT current_database()")
        for model in models:
            for source, target in ((live, "copy"), ("copy", live)):
                more = connection.execute(
                    f"FROM {source}.{model} EXCEPT ALL FROM {target}.{model}"
                ).fetchall()
                assert not more, f"{model} has rows in {source} that are not in {target}"


def test_views_stay_views_and_one_that_reads_private_columns_becomes_a_table(
    settings: Settings,
) -> None:
    """A view may read another one that comes later in the alphabet."""
    staging = {name for name, model in load_project().models.items() if model.is_view}
    assert {"staging.lab_sessions", "staging.aws_falls", "staging.budget_periods"} < staging
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(
            """CREATE VIEW staging.logs AS SELECT length("log") AS size FROM raw.lab_sessions;
               CREATE VIEW staging.reader AS SELECT max(size) AS size FROM staging.logs"""
        )
    for pii in (False, True):
        publish_from(settings, pii=pii)
        views = {
            f"{schema}.{name}"
            for schema, name in published_rows(
                settings.published_path,
                "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal",
            )
        }
        assert staging | {"staging.reader"} <= views
        assert ("staging.logs" in views) is pii, "with the log published, it can be a view"
        assert published_rows(settings.published_path, "SELECT size > 0 FROM staging.reader") == [
            (True,)
        ]


def test_tables_views_and_columns_keep_their_comments(settings: Settings) -> None:
    publish_from(settings)
    bare = [name for name, comment in relations(settings.published_path).items() if not comment]
    assert not bare, f"without a comment: {bare}"
    columns = published_rows(
        settings.published_path,
        """SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal
           AND comment IS NULL""",
    )
    assert not columns, f"columns without a comment: {columns}"


def test_a_first_file_is_for_its_owner_and_a_mode_that_was_given_is_kept(
    settings: Settings,
) -> None:
    publish_from(settings)
    assert settings.published_path.stat().st_mode & 0o777 == 0o600
    settings.published_path.chmod(0o640)
    publish_from(settings)
    assert settings.published_path.stat().st_mode & 0o777 == 0o640


def test_no_temporary_file_is_left_and_a_dead_processs_is_replaced(
    settings: Settings, pytestconfig: pytest.Config
) -> None:
    settings.published_path.with_name("analytics.duckdb.new").write_bytes(b"half a file")
    settings.published_path.with_name("analytics.duckdb.new.wal").write_bytes(b"half a log")
    publish_from(settings)
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()
    # A process that dies today leaves a folder.
    settings.published_path.with_name("analytics.duckdb.new").mkdir()
    (
        settings.published_path.with_name("analytics.duckdb.new") / "analytics.duckdb.wal"
    ).write_bytes(b"half a log")
    publish_from(settings)
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()
    beside = {path.name for path in settings.data_dir.iterdir() if path.is_file()}
    of_file = {"warehouse.duckdb", "warehouse.duckdb.lock", "warehouse.duckdb.state"}
    of_lake = {"warehouse.duckdb", "warehouse.duckdb.state"}
    on_a_lake = pytestconfig.getoption("backend") == "lake"
    assert beside == {"analytics.duckdb"} | (of_lake if on_a_lake else of_file)


def test_a_publish_that_fails_leaves_the_file_before_and_a_warehouse_that_can_be_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_from(settings)
    before = settings.published_path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("analytics_pipeline.warehouse.publishing.Publishing._sign", full)
    with open_warehouse(settings.warehouse_path) as connection:
        live = connection.execute("SELECT current_database()").fetchall()
        with pytest.raises(OSError, match="No space"):
            publish(connection, settings.published_path, pii=False)
        assert connection.execute("SELECT count(*) > 0 FROM raw.lab_sessions").fetchall() == [
            (True,)
        ]
        assert connection.execute("SELECT current_database()").fetchall() == live
    assert settings.published_path.read_bytes() == before
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()


def test_tools_that_list_only_main_find_each_mart_there_as_a_view_with_its_comments(
    settings: Settings,
) -> None:
    publish_from(settings)
    found = relations(settings.published_path)
    marts = {
        name.removeprefix("marts."): comment
        for name, comment in found.items()
        if name.startswith("marts.")
    }
    in_main = {
        name.removeprefix("main."): comment
        for name, comment in found.items()
        if name.startswith("main.")
    }
    assert in_main == marts and "course_summary" in marts and "focus_cost" in marts
    listed = {name for (name,) in published_rows(settings.published_path, "SHOW TABLES")}
    assert listed == marts.keys()
    for name in marts:
        both = f"SELECT (SELECT count(*) FROM {name}), (SELECT count(*) FROM marts.{name})"
        [(here, there)] = published_rows(settings.published_path, both)
        assert here == there, name
    [(tables,)] = published_rows(
        settings.published_path, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'main'"
    )
    assert tables == 0, "views hold no rows"


def test_views_in_main_work_in_a_copy_and_in_an_attached_file(
    settings: Settings, tmp_path: Path
) -> None:
    publish_from(settings)
    moved = tmp_path / "elsewhere.duckdb"
    moved.write_bytes(settings.published_path.read_bytes())
    assert published_rows(moved, "SELECT count(*) > 0 FROM course_summary") == [(True,)]
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{moved}' AS theirs (READ_ONLY)")
        connection.execute(
            "CREATE SCHEMA marts; CREATE TABLE marts.course_summary AS SELECT 1 AS mine"
        )
        mine, theirs = (
            connection.execute("FROM theirs.main.course_summary LIMIT 1"),
            published_columns(moved),
        )
        assert {f"main.course_summary.{column[0]}" for column in mine.description or ()} <= theirs


def test_a_warehouse_without_loaded_files_publishes_nothing_and_keeps_the_previous_file(
    tmp_path: Path,
) -> None:
    target = tmp_path / "analytics.duckdb"
    target.write_bytes(b"as it was")
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE TABLE marts.course_summary AS SELECT 1 AS course_id")
        with pytest.raises(
            NothingToPublish, match=r"no loaded file. Run `analytics-pipeline sync`"
        ):
            publish(connection, target, pii=False)
    assert target.read_bytes() == b"as it was"


def test_a_warehouse_without_marts_publishes_nothing_and_keeps_the_previous_file(
    settings: Settings,
) -> None:
    publish_from(settings)
    before = settings.published_path.read_bytes()
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("DROP SCHEMA marts CASCADE")
        with pytest.raises(NothingToPublish, match=r"no mart. Run `analytics-pipeline sync`"):
            publish(connection, settings.published_path, pii=False)
    assert settings.published_path.read_bytes() == before


def begin_anew(settings: Settings, loaded_at: str) -> None:
    """Lose the warehouse, and make a new one with one load and one mart."""
    settings.warehouse_path.unlink()
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.spend AS SELECT 1 AS n")
        connection.execute(
            """INSERT INTO ops.loaded_files (dataset, source_key, loaded_at)
               VALUES ('aws_cost', 'org9001/aws', $1::TIMESTAMP)""",
            [loaded_at],
        )


def test_a_new_warehouse_does_not_replace_the_file_of_one_that_is_gone(settings: Settings) -> None:
    publish_from(settings)
    before = settings.published_path.read_bytes()
    begin_anew(settings, str(warehouse_now()))
    for _ in range(2):
        with pytest.raises(NotReplaced, match=r"was not replaced\. An earlier warehouse"):
            publish_from(settings)
        assert settings.published_path.read_bytes() == before
    with open_warehouse(settings.warehouse_path) as connection:  # as an erasure does
        publish(connection, settings.published_path, pii=False, without_marts=True)
    assert publish_from(settings).rows["marts.spend"] == 1


def test_a_warehouse_that_holds_older_loads_replaces_the_file_as_it_was_moved_here(
    settings: Settings,
) -> None:
    publish_from(settings)
    begin_anew(settings, "2026-01-01")
    assert publish_from(settings).rows["marts.spend"] == 1


def test_a_warehouse_that_loads_every_file_again_replaces_the_file(settings: Settings) -> None:
    publish_from(settings)
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("UPDATE ops.loaded_files SET loaded_at = $1", [warehouse_now()])
    assert publish_from(settings).is_written
