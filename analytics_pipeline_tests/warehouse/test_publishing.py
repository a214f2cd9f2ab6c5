"""The published file: its content and its comments."""

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
